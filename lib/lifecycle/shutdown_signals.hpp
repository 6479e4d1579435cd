#pragma once

#include <chrono>
#include <cstdint>

namespace carillon::lifecycle {

/// What a signal to end means, after those that came before it.
enum class signal_meaning : std::uint8_t {
    begin, ///< the first: say goodbye, and wait for those who are there
    again, ///< one that came with another: supervisors signal a process and its group
    hurry, ///< the second: wait no longer
    end,   ///< the third: end this instant
};

/// Counts the signals. A second one says that somebody is impatient only if there has been time to be.
class shutdown_signals {
public:
    using clock = std::chrono::steady_clock;

    static constexpr std::chrono::milliseconds together{1'000};

    signal_meaning next(clock::time_point now) noexcept {
        if (counted_ > 0 && now - last_ < together) return signal_meaning::again;
        last_ = now;
        ++counted_;
        if (counted_ == 1) return signal_meaning::begin;
        return counted_ == 2 ? signal_meaning::hurry : signal_meaning::end;
    }

private:
    clock::time_point last_{};
    int counted_ = 0;
};

} // namespace carillon::lifecycle
