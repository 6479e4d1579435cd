#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace carillon::outward {

/// Whether a target is asked at all. After so many failures in a row it is left alone for a while (`open`); then one
/// request tries (`trying`), and how it fares decides for all. Knows no clock: it is told what time it is.
class breaker {
public:
    using time_point = std::chrono::steady_clock::time_point;
    enum class state : std::uint8_t { closed, open, trying };

    /// `failures_max` is 1 or more.
    breaker(std::size_t failures_max, std::chrono::milliseconds open_for) noexcept
        : failures_max_{failures_max}, open_for_{open_for} {}

    /// Whether a request may be made now. If it is the one that tries, its end must be told.
    bool may_ask(time_point now) noexcept {
        if (state_ == state::trying || (state_ == state::open && now < until_)) return false;
        if (state_ == state::open) state_ = state::trying;
        return true;
    }
    void succeeded() noexcept {
        state_ = state::closed;
        failures_ = 0;
    }
    /// Requests that were under way before may fail while it is open: that changes nothing.
    void failed(time_point now) noexcept {
        if (state_ == state::open) return;
        if (state_ == state::closed && ++failures_ < failures_max_) return;
        state_ = state::open;
        until_ = now + open_for_;
    }
    state is() const noexcept { return state_; }

private:
    std::size_t failures_max_;
    std::chrono::milliseconds open_for_;
    state state_ = state::closed;
    std::size_t failures_ = 0; // in a row
    time_point until_{};
};

} // namespace carillon::outward
