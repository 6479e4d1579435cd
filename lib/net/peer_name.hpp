#pragma once

#include "peer/address.hpp"

#include <string>

namespace carillon::net {

/// Who is at the other end of a socket, for the log: "192.0.2.7:51034", "[2001:db8::7]:51034", "unix", or "unknown"
/// when it has gone. Behind a proxy it is the proxy.
std::string peer_name(int descriptor);

/// The same as an address; not known of a unix socket, and when it has gone.
peer::address peer_address(int descriptor) noexcept;

} // namespace carillon::net
