#pragma once

#include <string>

namespace carillon::net {

/// Who is at the other end of a socket, for the log: "192.0.2.7:51034", "[2001:db8::7]:51034", "unix", or "unknown"
/// when it has gone. Behind a proxy it is the proxy.
std::string peer_name(int descriptor);

} // namespace carillon::net
