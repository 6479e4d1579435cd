#pragma once

#include "discovery/slots.hpp"

#include <boost/unordered/unordered_flat_map.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>

namespace carillon::discovery {

/// Commands that a node of a cluster has not carried out, by their numbers: whether they are sent elsewhere at once,
/// after a pause, or not any more. Pure; time is given.
class detours {
public:
    using clock = std::chrono::steady_clock;

    struct limits {
        unsigned hops_max = 5; ///< from node to node without a pause: two that send it to each other are not believed
        std::chrono::milliseconds pause{100};
        std::chrono::milliseconds patience{2'000}; ///< since the first refusal
    };
    enum class verdict : std::uint8_t { follow, wait, give_up };

    explicit detours(const limits& how) : limits_{how} {}

    /// `known`: there is a connection to where it leads. What waits is due() later.
    verdict on_redirected(std::uint64_t number, redirection::kind what, bool known, clock::time_point now);
    /// The connection over which it was sent elsewhere is lost.
    verdict on_lost(std::uint64_t number, clock::time_point now);
    /// One that has waited: to be sent to wherever it belongs now.
    std::optional<std::uint64_t> due(clock::time_point now);
    /// It has been answered, or is forgotten.
    void done(std::uint64_t number) { under_way_.erase(number); }

    /// When due() has something; max: nothing waits.
    clock::time_point wake_at() const noexcept;
    std::size_t size() const noexcept { return under_way_.size(); }

private:
    struct detour {
        clock::time_point until;
        unsigned hops = 0;
    };
    struct waiter {
        std::uint64_t number;
        clock::time_point at;
    };

    verdict wait(std::uint64_t number, detour& its, clock::time_point now);

    limits limits_;
    boost::unordered_flat_map<std::uint64_t, detour> under_way_;
    std::deque<waiter> waiting_; // some may be done
};

/// When the nodes of a cluster are asked for its topology: now and then, and soon when something has shown that it may
/// be another, but never twice within `shortest`. Pure; time is given.
class asking_pace {
public:
    using clock = std::chrono::steady_clock;

    asking_pace(std::chrono::milliseconds shortest, std::chrono::milliseconds usual)
        : shortest_{shortest}, usual_{usual} {}

    void wish() noexcept { wished_ = true; }
    void asked(clock::time_point now) noexcept {
        last_ = now;
        wished_ = false;
    }
    /// The answer has come: the next question is not before a while from now.
    void answered(clock::time_point now) noexcept { last_ = now; }
    clock::time_point due() const noexcept {
        if (!last_) return clock::time_point::min();
        return *last_ + (wished_ ? shortest_ : std::max(shortest_, usual_));
    }

private:
    std::chrono::milliseconds shortest_;
    std::chrono::milliseconds usual_;
    std::optional<clock::time_point> last_{};
    bool wished_ = false;
};

} // namespace carillon::discovery
