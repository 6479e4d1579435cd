#pragma once

#include "hooks/event.hpp"

#include <chrono>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace carillon::config {

/// An address of the application that is asked about some events. What each key means is in config/proxies.cpp.
struct proxy {
    std::vector<hooks::event> event{};
    std::string url{};
    std::vector<std::string> namespaces{}; ///< that it is asked about; none: all. "": channels without one
    std::chrono::milliseconds timeout{1'000};
    std::vector<std::string> headers{};
    std::vector<std::string> emulated_headers{};
    std::vector<std::pair<std::string, std::string>> static_headers{}; ///< never print them
    std::string ca_file{};
    std::size_t connections_max = 16;
    std::size_t queue_max = 1'024;
    std::size_t response_bytes_max = 65'536;
    std::size_t failures_max = 5;
    std::chrono::milliseconds open{1'000};

    bool operator==(const proxy&) const = default;
};

inline constexpr std::size_t proxies_max = 64;

} // namespace carillon::config
