#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace carillon::config {

/// A key of the server API, and what may be done with it. Never print it.
struct api_key {
    std::string key{};
    std::vector<std::string> methods{}; ///< none: all
    bool operator==(const api_key&) const = default;
};

inline constexpr std::size_t api_keys_max = 256;

} // namespace carillon::config
