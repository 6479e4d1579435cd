#pragma once

#include "net/slab.hpp"

#include <array>
#include <chrono>
#include <cstdint>

namespace carillon::net {

/// One deadline for each connection of a shard, at 16 bytes in its record and no timer object: a hashed wheel whose
/// lists run through the slab. Pure: the owner says what time it is. Deadlines are never early, and late by at most one
/// tick. Thread: its shard's.
class timer_wheel {
public:
    using clock = std::chrono::steady_clock;
    static constexpr std::chrono::milliseconds tick{50};
    static constexpr std::uint32_t slots = 1024; ///< 51 s around; later deadlines pass by and stay

    timer_wheel(slab& records, clock::time_point now);

    /// Sets the connection's one deadline, in place of any before.
    void schedule(connection& c, clock::time_point now, clock::duration after);
    void cancel(connection& c);
    /// Until its deadline; zero if that has passed, or there is none.
    clock::duration left(const connection& c, clock::time_point now) const noexcept;
    static bool scheduled(const connection& c) noexcept { return c.deadline_tick != 0; }

    /// Calls `expired(connection&)` for each whose deadline has come; it has left the wheel and may be scheduled again,
    /// and the call may schedule, cancel or release any connection. Returns false after `most` calls if there are more:
    /// then it is to be called again, soon.
    template <class Expired>
    bool advance(clock::time_point now, Expired&& expired, std::size_t most = static_cast<std::size_t>(-1)) {
        const std::uint32_t until = tick_of(now);
        for (;;) {
            for (; due_ != no_index; --most) {
                if (most == 0) return false;
                connection& c = records_->at(due_);
                unlink(c);
                expired(c);
            }
            // A time before the last one, which would be a whole turn of the counter away, is nothing.
            if (static_cast<std::int32_t>(until - current_) <= 0) return true;
            ++current_;
            // Everything due is moved to a list of its own first: the callback may change this slot's list.
            take_due(current_ % slots);
        }
    }

    std::size_t size() const noexcept { return size_; }

private:
    std::uint32_t tick_of(clock::time_point when) const noexcept;
    void link(std::uint32_t& head, connection& c) noexcept;
    void unlink(connection& c) noexcept;
    void take_due(std::uint32_t slot) noexcept;

    slab* records_;
    clock::time_point start_;
    std::uint32_t current_ = 1;
    std::uint32_t due_ = no_index;
    std::size_t size_ = 0;
    std::array<std::uint32_t, slots> heads_;
};

} // namespace carillon::net
