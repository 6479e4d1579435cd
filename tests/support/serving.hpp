#pragma once

#include "support/real_peer.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <regex>
#include <string>

namespace carillon::test {

/// The port that a gateway's log names for "client", "control" or "bus".
inline std::uint16_t port_in(const std::string& log, const std::string& door) {
    std::smatch port;
    if (!std::regex_search(log, port, std::regex{R"(listening on \S+:(\d+) \()" + door + R"(\))"})) {
        ADD_FAILURE() << "no port of " << door << " in " << log;
        return 0;
    }
    return static_cast<std::uint16_t>(std::stoi(port[1]));
}

/// The whole answer to a request.
inline std::string get(std::uint16_t port, const std::string& path) {
    peer client{connected_to(port)};
    client.write("GET " + path + " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    for (client.read(); !client.ended(); client.read()) wait_readable(client);
    return client.received();
}

} // namespace carillon::test
