#pragma once

#include "base/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace carillon::config {

/// Where to listen: a numeric host and a TCP port. Port 0 lets the kernel choose a free one.
struct address {
    std::string host; ///< As inet_ntop writes it: "127.0.0.1", "::1"; without brackets.
    std::uint16_t port = 0;

    bool operator==(const address&) const = default;
};

/// Reads "127.0.0.1:8000", "[::1]:8000", "localhost:8000" (which becomes 127.0.0.1) or ":8000" (which becomes 0.0.0.0).
/// Names are not looked up: a listener's address must not depend on a name server.
/// Errors: config::error::address_without_port, port_out_of_range, host_not_numeric.
result<address> parse_address(std::string_view text);

/// What `parse_address` reads back: "127.0.0.1:8000", "[::1]:8000".
std::string to_string(const address& value);

/// True if one process cannot listen on both: same port, and the same host or one of them every host. Two ports 0
/// differ.
bool overlap(const address& left, const address& right) noexcept;

} // namespace carillon::config
