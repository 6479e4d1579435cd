#pragma once

#include "net/detached.hpp"
#include "work/work_pool.hpp"

#include <chrono>
#include <coroutine>
#include <map>
#include <utility>
#include <vector>

namespace carillon::work::test {

/// Suspends a coroutine until the test resumes it. References only: g++ 12 and awaiters (docs/decisions/0002).
struct parking {
    explicit parking(std::coroutine_handle<>& place) noexcept : where{place} {}
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> waiting) noexcept { where = waiting; }
    void await_resume() const noexcept {}
    std::coroutine_handle<>& where;
};

/// Coroutines that take a lease and keep it until they are told to end, and what has become of them.
struct actors {
    work_pool& pool;
    std::vector<int> granted;                       ///< in the order in which they went on with a lease
    std::vector<int> refused;                       ///< and without
    std::map<int, std::coroutine_handle<>> holding; ///< who has a lease
    std::map<int, std::byte*> buffers;              ///< of whom has a lease
    net::gate inside;

    explicit actors(work_pool& of) : pool{of} {}

    /// Zero patience: without end.
    void start(int name, std::chrono::milliseconds patience = {}) { act(*this, name, patience); }
    /// Ends one, and so its lease.
    void finish(int name) { std::exchange(holding.at(name), nullptr).resume(); }
    void finish_all() {
        while (!holding.empty()) finish(holding.begin()->first);
    }

private:
    static net::detached act(actors& all, int name, std::chrono::milliseconds patience) {
        const auto pass = all.inside.enter();
        lease held;
        if (patience == patience.zero()) {
            lease given = co_await all.pool.acquire();
            held = std::move(given);
        } else {
            lease given = co_await all.pool.acquire_within(patience);
            held = std::move(given);
        }
        if (!held) {
            all.refused.push_back(name);
            co_return;
        }
        all.granted.push_back(name);
        all.buffers[name] = held.buffer().data();
        std::coroutine_handle<>& place = all.holding[name];
        co_await parking{place};
        all.holding.erase(name);
        all.buffers.erase(name);
    }
};

} // namespace carillon::work::test
