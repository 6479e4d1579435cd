#include "logs/log_queue.hpp"

#include "base/signals_held.hpp"

#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <mutex>
#include <poll.h>
#include <string_view>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

namespace carillon::logs {

struct log_queue::state {
    state(int where, std::size_t most) : descriptor{where}, bytes_max{most} {}

    const int descriptor;
    const std::size_t bytes_max;
    std::mutex mutex;
    std::condition_variable changed; // there is something to write; all has been written; the queue has gone
    std::vector<std::string> waiting;
    std::size_t bytes = 0; // of those that wait and of those that are being written
    bool gone = false;
    std::atomic<std::uint64_t> dropped = 0;

    void write_lines();
};

namespace {

// All of it, however long that takes. False: the descriptor takes no more, as when the log's reader has ended.
bool write_all(int descriptor, std::string_view bytes) noexcept {
    while (!bytes.empty()) {
        const ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
        if (written >= 0) {
            bytes.remove_prefix(static_cast<std::size_t>(written));
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            // Somebody who shares the pipe has made it non-blocking.
            pollfd room{descriptor, POLLOUT, 0};
            ::poll(&room, 1, -1);
        } else if (errno != EINTR) {
            return false;
        }
    }
    return true;
}

} // namespace

void log_queue::state::write_lines() {
    std::vector<std::string> taken;
    std::unique_lock lock{mutex};
    for (;;) {
        changed.wait(lock, [this] { return gone || !waiting.empty(); });
        if (waiting.empty()) return;
        taken.swap(waiting);
        lock.unlock();
        std::size_t done = 0;
        for (const std::string& line : taken) {
            if (!write_all(descriptor, line)) dropped.fetch_add(1, std::memory_order_relaxed);
            done += line.size();
        }
        taken.clear();
        lock.lock();
        bytes -= done;
        if (waiting.empty()) changed.notify_all();
    }
}

log_queue::log_queue(int descriptor, std::size_t bytes_max) : state_{std::make_shared<state>(descriptor, bytes_max)} {
    const signals_held by_the_program;
    try {
        std::thread{[shared = state_] { shared->write_lines(); }}.detach();
    } catch (const std::system_error& why) { throw std::system_error{why.code(), "cannot start a thread"}; }
}

log_queue::~log_queue() {
    const std::lock_guard lock{state_->mutex};
    state_->gone = true;
    state_->changed.notify_all();
}

bool log_queue::push(std::string line) {
    const std::lock_guard lock{state_->mutex};
    if (line.size() > state_->bytes_max - state_->bytes) {
        state_->dropped.fetch_add(1, std::memory_order_relaxed);
        return false;
    }
    state_->bytes += line.size();
    state_->waiting.push_back(std::move(line));
    state_->changed.notify_all();
    return true;
}

bool log_queue::finish(std::chrono::milliseconds patience) {
    std::unique_lock lock{state_->mutex};
    return state_->changed.wait_for(lock, patience, [this] { return state_->bytes == 0; });
}

std::uint64_t log_queue::dropped() const noexcept { return state_->dropped.load(std::memory_order_relaxed); }

} // namespace carillon::logs
