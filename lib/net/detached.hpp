#pragma once

#include "base/check.hpp"
#include "net/frame_pool.hpp"

#include <coroutine>
#include <cstddef>
#include <exception>
#include <utility>

namespace carillon::net {

/// A coroutine nobody waits for: it starts at once, runs on its shard's thread, and its pooled frame is gone when it
/// ends. Every such coroutine holds a `gate::pass`, so that shutdown can wait until none is left. It must not throw.
/// One co_await a statement, its result in a named local: g++ 12 miscompiles richer expressions (docs/decisions/0002).
struct detached {
    struct promise_type {
        detached get_return_object() const noexcept { return {}; }
        std::suspend_never initial_suspend() const noexcept { return {}; }
        std::suspend_never final_suspend() const noexcept { return {}; }
        void return_void() const noexcept {}
        [[noreturn]] void unhandled_exception() const noexcept { std::terminate(); }

        static void* operator new(std::size_t bytes) { return take_frame(bytes); }
        static void operator delete(void* frame, std::size_t bytes) noexcept { give_frame(frame, bytes); }
    };
};

/// Counts the coroutines of one owner. Thread: the owner's.
class gate {
public:
    class pass {
    public:
        explicit pass(gate& owner) noexcept : owner_{&owner} { ++owner_->inside_; }
        pass(pass&& other) noexcept : owner_{std::exchange(other.owner_, nullptr)} {}
        pass& operator=(pass&&) = delete;
        ~pass() {
            if (owner_ != nullptr) --owner_->inside_;
        }

    private:
        gate* owner_;
    };

    gate() = default;
    gate(const gate&) = delete;
    gate& operator=(const gate&) = delete;
    ~gate() { CHECK(inside_ == 0); }

    pass enter() noexcept { return pass{*this}; }
    std::size_t inside() const noexcept { return inside_; }

private:
    std::size_t inside_ = 0;
};

} // namespace carillon::net
