#pragma once

#include <cstdint>
#include <string>

namespace carillon::discovery {

/// Where a server is: a name or a numeric address, and a port. Or, without a port, the path of a unix socket.
struct place {
    std::string host{}; ///< IPv6 without brackets
    std::uint16_t port = 0;

    bool is_path() const noexcept { return host.starts_with('/'); }
    bool operator==(const place&) const = default;
};

/// For people: "bus.example.com:6379", "[::1]:6379", "/run/redis.sock".
std::string to_string(const place& where);

} // namespace carillon::discovery
