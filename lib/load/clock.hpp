#pragma once

#include <algorithm>
#include <chrono>
#include <ctime>

namespace carillon::load {

/// The same in all processes of a machine (CLOCK_MONOTONIC).
using clock = std::chrono::steady_clock;

/// How long it is until `when`, as the kernel wants it; nothing when it has passed.
inline timespec time_until(clock::time_point when) {
    const auto left = std::max(when - clock::now(), clock::duration{});
    const auto whole = std::chrono::floor<std::chrono::seconds>(left);
    return {static_cast<time_t>(whole.count()), static_cast<long>(std::chrono::nanoseconds{left - whole}.count())};
}

} // namespace carillon::load
