#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace carillon::metrics {

/// How long something took, counted in fixed buckets. A plain array; not for use by two threads.
class duration_histogram {
public:
    /// The upper bounds of the buckets, inclusive; a last bucket without bound follows.
    static constexpr std::array<std::chrono::microseconds, 14> bounds{
        std::chrono::microseconds{50},    std::chrono::microseconds{100},    std::chrono::microseconds{250},
        std::chrono::microseconds{500},   std::chrono::milliseconds{1},      std::chrono::microseconds{2500},
        std::chrono::milliseconds{5},     std::chrono::milliseconds{10},     std::chrono::milliseconds{25},
        std::chrono::milliseconds{50},    std::chrono::milliseconds{100},    std::chrono::milliseconds{250},
        std::chrono::milliseconds{1'000}, std::chrono::milliseconds{10'000},
    };

    /// Counts one duration. A negative one (a clock that was set back) counts as zero.
    constexpr void observe(std::chrono::nanoseconds duration) noexcept {
        if (duration < std::chrono::nanoseconds::zero()) duration = std::chrono::nanoseconds::zero();
        std::size_t bucket = 0;
        while (bucket < bounds.size() && duration > bounds[bucket]) ++bucket;
        ++counts_[bucket];
        sum_nanoseconds_ += static_cast<std::uint64_t>(duration.count());
    }

    /// Counts `count` durations, `first` and then each a `step` shorter, in time that does not depend on how many there
    /// are. A negative one counts as zero. `step` is above zero; the sum of all is below 584 years.
    constexpr void observe_series(std::chrono::nanoseconds first, std::chrono::nanoseconds step,
                                  std::uint64_t count) noexcept {
        std::uint64_t above = count; // of the bound before
        for (std::size_t bucket = 0; bucket < bounds.size(); ++bucket) {
            const std::uint64_t longer = std::min(count, longer_than(bounds[bucket], first, step));
            counts_[bucket] += above - longer;
            above = longer;
        }
        counts_[bounds.size()] += above;
        // Those above zero: first, first - step, ... down to first - (n - 1) * step.
        const std::uint64_t n = std::min(count, longer_than(std::chrono::nanoseconds::zero(), first, step));
        if (n == 0) return;
        const auto length = static_cast<std::uint64_t>(first.count()), less = static_cast<std::uint64_t>(step.count());
        sum_nanoseconds_ += n * length - n * (n - 1) / 2 * less;
    }

    /// How many durations fell into each bucket, not cumulated; the last is the bucket without bound.
    constexpr const std::array<std::uint64_t, bounds.size() + 1>& counts() const noexcept { return counts_; }

    constexpr double sum_seconds() const noexcept { return static_cast<double>(sum_nanoseconds_) / 1e9; }

private:
    // How many of first, first - step, first - 2 * step, ... are above the bound.
    static constexpr std::uint64_t longer_than(std::chrono::nanoseconds bound, std::chrono::nanoseconds first,
                                               std::chrono::nanoseconds step) noexcept {
        if (first <= bound) return 0;
        return static_cast<std::uint64_t>(((first - bound).count() + step.count() - 1) / step.count());
    }

    std::array<std::uint64_t, bounds.size() + 1> counts_{};
    std::uint64_t sum_nanoseconds_ = 0;
};

} // namespace carillon::metrics
