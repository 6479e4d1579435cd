#pragma once

#include "control/http_server.hpp"
#include "support/peer.hpp"

#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <array>
#include <netinet/in.h>
#include <string>

namespace carillon::control {

using test::peer;

inline peer connected_to(std::uint16_t port) {
    const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    return peer{descriptor};
}

/// A server in this thread, with two pages.
struct server_here {
    explicit server_here(const http_options& how = {}) : server{context, how} {
        routes.add("/hello", response{.status = 200, .body = "hello\n", .fields = {{"X-Field", "value"}}});
        routes.add("/gone", response{.status = 410, .content_type = "application/json", .body = "{}", .fields = {}});
        port = server.listen("127.0.0.1", 0, routes);
    }
    ~server_here() {
        server.stop();
        context.restart();
        context.run();
    }

    /// Runs until `client` has received `bytes` or more, or the server has ended it.
    void run_until(peer& client, std::size_t bytes) {
        for (client.read(); client.received().size() < bytes && !client.ended(); client.read()) {
            context.restart();
            context.run_one_for(std::chrono::milliseconds{20});
        }
    }
    void run_to_the_end(peer& client) { run_until(client, static_cast<std::size_t>(-1)); }
    /// Runs until a whole response with a body of `body` has come, and takes it.
    std::string response_ending_in(peer& client, std::string_view body) {
        for (client.read(); !client.ended(); client.read()) {
            if (client.received().find("\r\n\r\n") != std::string::npos && client.received().ends_with(body)) break;
            context.restart();
            context.run_one_for(std::chrono::milliseconds{20});
        }
        return std::exchange(client.received(), {});
    }
    peer adopted(std::string bytes) {
        std::array<int, 2> ends{};
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()), 0);
        server.adopt(ends[0], std::move(bytes), routes);
        return peer{ends[1]};
    }

    boost::asio::io_context context{1};
    route_table routes;
    http_server server;
    std::uint16_t port = 0;
};

} // namespace carillon::control
