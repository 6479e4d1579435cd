#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace carillon::logs {

/// Lines on their way to a descriptor, which a thread of its own writes: whoever serves never waits for whoever reads
/// the log. What does not fit into the queue is dropped and counted.
class log_queue {
public:
    /// Starts the thread; `descriptor` stays the caller's and must stay open. `bytes_max` bounds all that has been
    /// pushed and is not written. Throws std::system_error when there is no thread to be had.
    log_queue(int descriptor, std::size_t bytes_max);
    log_queue(const log_queue&) = delete;
    log_queue& operator=(const log_queue&) = delete;
    /// Does not wait for the thread: it may be in a write() that never returns.
    ~log_queue();

    /// Any thread. False: there is no room, and the line is dropped.
    bool push(std::string line);
    /// Waits until everything is written, at most so long. True if it is.
    bool finish(std::chrono::milliseconds patience);

    /// Lines that were dropped for want of room, or because the descriptor took them no more. Any thread.
    std::uint64_t dropped() const noexcept;

private:
    struct state; // shared with the thread, which may outlive the queue

    std::shared_ptr<state> state_;
};

} // namespace carillon::logs
