#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace carillon::logs {

/// How many lines of the log somebody outside may cause: at most so many in each second, and how many were not
/// written since. One for each kind of line and each thread that writes it:
///
///     if (!budget.admit(now)) return;
///     const std::uint64_t more = budget.take_suppressed();
class bounded_log {
public:
    using clock = std::chrono::steady_clock;

    explicit bounded_log(std::size_t lines_per_s_max) noexcept : lines_max_{lines_per_s_max} {}

    /// Whether one more line may be written now.
    bool admit(clock::time_point now) noexcept {
        if (now - second_ >= std::chrono::seconds{1}) {
            second_ = now;
            lines_ = 0;
        }
        if (lines_ == lines_max_) {
            ++suppressed_;
            return false;
        }
        ++lines_;
        return true;
    }

    /// Lines that were not admitted since this was last asked.
    std::uint64_t take_suppressed() noexcept { return std::exchange(suppressed_, 0); }

private:
    std::size_t lines_max_;
    std::size_t lines_ = 0; // in the second that began at second_
    clock::time_point second_{};
    std::uint64_t suppressed_ = 0;
};

} // namespace carillon::logs
