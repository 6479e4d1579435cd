#include "discovery/place.hpp"

#include <fmt/format.h>

namespace carillon::discovery {

std::string to_string(const place& where) {
    if (where.is_path()) return where.host;
    const bool is_ipv6 = where.host.find(':') != std::string::npos;
    return is_ipv6 ? fmt::format("[{}]:{}", where.host, where.port) : fmt::format("{}:{}", where.host, where.port);
}

} // namespace carillon::discovery
