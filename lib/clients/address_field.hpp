#pragma once

#include "http/request_head.hpp"
#include "peer/address.hpp"
#include "peer/forwarded.hpp"

#include <optional>
#include <string>

namespace carillon::clients {

/// What the application is told in a field that says whose request it is: the address that we hold to be the client's,
/// where we know proxies, or the request says nothing. Nothing: what the request says goes on as it came.
std::optional<std::string> address_field(peer::forwarding field, const http::request_head& head,
                                         const peer::address& whose, bool knows_proxies);

} // namespace carillon::clients
