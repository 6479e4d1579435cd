#pragma once

#include "api/decoder.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <variant>

namespace carillon::api {

/// POST /api/rebalance: sends clients elsewhere, until no more than `above` are left.
struct rebalance_request {
    std::uint64_t above = 0;
    std::chrono::milliseconds window{10'000}; ///< they go at an even pace within it
};

inline constexpr std::size_t rebalance_bytes_max = 4096;
inline constexpr std::chrono::milliseconds rebalance_window_max{3'600'000};

/// `body` is at most rebalance_bytes_max long. `above` must be given.
std::variant<rebalance_request, mistake> read_rebalance(std::string_view body);

} // namespace carillon::api
