#pragma once

#include "support/ws_client.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <netinet/in.h>
#include <poll.h>
#include <string>
#include <sys/socket.h>
#include <vector>

namespace carillon::test {

/// A connection to a port of this machine, for a peer.
inline int connected_to(std::uint16_t port) {
    const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    return descriptor;
}

/// Waits for the socket, as long as it takes; ctest ends a test that hangs.
inline void wait_readable(const peer& from) {
    pollfd waiting{from.descriptor(), POLLIN, 0};
    ::poll(&waiting, 1, -1);
}

/// The next frames, or what came before the end.
inline std::vector<std::string> hear(ws_client& from, std::size_t frames) {
    std::vector<std::string> all;
    while (all.size() < frames) {
        const std::vector<std::string> some = from.heard();
        all.insert(all.end(), some.begin(), some.end());
        if (from.ended()) break;
        if (all.size() < frames) wait_readable(from);
    }
    return all;
}

} // namespace carillon::test
