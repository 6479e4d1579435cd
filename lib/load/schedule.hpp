#pragma once

#include "load/clock.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace carillon::load {

/// When each of many events is due that come at a rate, `burst` of them at once. The times are computed, not added up,
/// so that they do not drift, and nothing that happens changes them: an open loop.
class schedule {
public:
    schedule() = default;
    /// `rate` events a second, above 0; `burst` at least 1.
    schedule(clock::time_point start, double rate, std::uint32_t burst = 1) noexcept
        : start_{start}, rate_{rate}, burst_{burst} {}

    clock::time_point due(std::uint64_t number) const noexcept {
        const auto first_of_burst = static_cast<double>(number - number % burst_);
        return start_ + std::chrono::nanoseconds{std::llround(first_of_burst * 1e9 / rate_)};
    }

    /// How many are due before `length` has passed, whole bursts; at least one burst.
    std::uint64_t count_within(std::chrono::nanoseconds length) const noexcept {
        const double bursts = static_cast<double>(length.count()) * rate_ / 1e9 / burst_;
        return static_cast<std::uint64_t>(std::max(1.0, std::ceil(bursts - 1e-6))) * burst_;
    }

private:
    clock::time_point start_{};
    double rate_ = 1;
    std::uint32_t burst_ = 1;
};

} // namespace carillon::load
