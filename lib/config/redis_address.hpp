#pragma once

#include "base/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace carillon::config {

/// A Redis, a Valkey or a carillon-bus to connect to, and who to be there.
struct redis_address {
    std::string host; ///< A name, an IPv4 address, or an IPv6 address without brackets.
    std::uint16_t port = 6379;
    std::string user = "default";
    std::string password; ///< Empty: none. Never print it.

    bool operator==(const redis_address&) const = default;
};

/// Reads redis://[user[:password]@]host[:port][/[database]]: a URL (RFC 3986 §3) whose user and password are
/// percent-decoded. An IPv6 host stands in brackets; names are not looked up here. The database is any whole number,
/// and forgotten: publish and subscribe know none.
/// Errors: config::error::tls_not_supported, not_a_redis_url, credentials_not_encoded, credentials_with_control,
/// redis_path, redis_host, redis_port.
result<redis_address> parse_redis_address(std::string_view text);

/// For people: "redis://bus.example.com:6379", "redis://user@[::1]:6379". Without the password, and without the user
/// "default".
std::string to_string(const redis_address& value);

} // namespace carillon::config
