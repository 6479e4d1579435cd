#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace carillon::shards {

/// Spreads so many of something evenly over a window: the first at once, and none after its end. Pure.
class pace {
public:
    using clock = std::chrono::steady_clock;

    pace() = default;
    pace(clock::time_point begin, std::chrono::milliseconds window, std::uint32_t total) noexcept
        : begin_{begin}, window_{window}, total_{total} {}

    std::uint32_t total() const noexcept { return total_; }

    /// How many should have been done by now.
    std::uint32_t due(clock::time_point now) const noexcept {
        if (total_ == 0 || now < begin_) return 0;
        const auto passed = std::chrono::duration_cast<std::chrono::milliseconds>(now - begin_);
        if (passed >= window_) return total_;
        const auto share =
            static_cast<std::uint64_t>(passed.count()) * total_ / static_cast<std::uint64_t>(window_.count());
        return static_cast<std::uint32_t>(std::min<std::uint64_t>(share + 1, total_));
    }

    /// When the next one is due, of which `done` have been done before.
    clock::time_point when(std::uint32_t done) const noexcept {
        if (total_ == 0) return begin_;
        // Rounded up, so that it is due then.
        const auto after = (static_cast<std::uint64_t>(window_.count()) * done + total_ - 1) / total_;
        return begin_ + std::chrono::milliseconds{after};
    }

private:
    clock::time_point begin_{};
    std::chrono::milliseconds window_{0};
    std::uint32_t total_ = 0;
};

} // namespace carillon::shards
