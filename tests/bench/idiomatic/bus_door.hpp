#pragma once

#include "hub.hpp"

#include <boost/asio/ip/tcp.hpp>

namespace idiomatic {

/// One publisher's connection, which speaks RESP: PUBLISH and PING. Lives until the publisher hangs up.
net::awaitable<void> serve_publisher(net::ip::tcp::socket socket, hub& all, worker& mine);

} // namespace idiomatic
