#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace carillon::load {

/// SCHEME://[USER[:PASSWORD]@]HOST[:PORT][/TARGET], cut into its parts and no further: nothing is decoded.
struct url {
    std::string scheme;
    std::string user;
    std::string password;
    std::string host; ///< without the brackets of an IPv6 address
    std::uint16_t port = 0;
    std::string target; ///< path and query, "/" when there is none

    /// As in a Host field: brackets around an IPv6 address, and the port.
    std::string authority() const;
};

/// Empty when it is none. The schemes known are ws (80), http (80) and redis (6379), with their ports.
std::optional<url> parse_url(std::string_view text);

/// Whether `host` can only be this machine: localhost, 127.x.y.z or ::1, as written; names are not looked up.
bool is_loopback(std::string_view host);

} // namespace carillon::load
