#pragma once

#include "config/value.hpp"

#include <cstddef>
#include <string>

namespace carillon::config {

/// The whole content of a file of at most `bytes_max` bytes, in `content`. The complaint does not name the path.
complaint read_content(const std::string& path, std::size_t bytes_max, std::string& content);

} // namespace carillon::config
