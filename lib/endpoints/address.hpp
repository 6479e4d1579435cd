#pragma once

#include "base/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace carillon::endpoints {

/// Where to listen: a host and a TCP port, or a unix socket. Port 0 lets the kernel choose a free one.
struct address {
    /// As inet_ntop writes it: "127.0.0.1", "::1", without brackets; "localhost", which is every loopback address; or
    /// the path of a unix socket, which begins with '/'.
    std::string host;
    std::uint16_t port = 0;

    bool is_path() const noexcept { return host.starts_with('/'); }

    bool operator==(const address&) const = default;
};

/// Reads "127.0.0.1:8000", "[::1]:8000", "localhost:8000" (127.0.0.1 and ::1), ":8000" (which becomes [::], every
/// address of both families) or "unix:/run/carillon.sock". Other names are not looked up: a listener's address must not
/// depend on a name server.
/// Errors: endpoints::error::address_without_port, port_out_of_range, host_not_numeric, path_not_absolute.
result<address> parse_address(std::string_view text);

/// What `parse_address` reads back: "127.0.0.1:8000", "[::1]:8000", "unix:/run/carillon.sock".
std::string to_string(const address& value);

/// True if one process cannot listen on both: same port, and the same host or one of them every host; or the same
/// path. Two ports 0 differ.
bool overlap(const address& left, const address& right) noexcept;

} // namespace carillon::endpoints
