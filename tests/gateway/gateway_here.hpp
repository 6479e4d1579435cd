#pragma once

#include "support/real_peer.hpp"
#include "support/serving.hpp"
#include "support/started.hpp"
#include "support/ws_client.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

namespace carillon::gateway {

inline constexpr const char* key_line = "X-API-Key: open-sesame\r\n";

using test::port_in;

/// A gateway with a server API whose key is open-sesame.
struct gateway_here {
    explicit gateway_here(const std::vector<std::string>& flags) : program{command(flags)} {
        log = test::read_until_ready(program.err());
        control = port_in(log, "control");
        client = port_in(log, "client");
    }

    static std::vector<std::string> command(const std::vector<std::string>& flags) {
        std::vector<std::string> all{CARILLON_PROGRAM, "--dev", "--client-listen=127.0.0.1:0",
                                     "--control-listen=127.0.0.1:0"};
        all.insert(all.end(), flags.begin(), flags.end());
        return all;
    }

    /// What comes back until the end.
    std::string send(const std::string& requests) const { return send_to(control, requests); }
    static std::string send_to(std::uint16_t port, const std::string& requests) {
        test::peer with{test::connected_to(port)};
        with.write(requests);
        for (with.read(); !with.ended(); with.read()) test::wait_readable(with);
        return with.received();
    }
    static std::string request(const std::string& path, const std::string& body, const std::string& fields = key_line) {
        return "POST " + path + " HTTP/1.1\r\nHost: a\r\n" + fields + "Content-Length: " + std::to_string(body.size()) +
               "\r\n";
    }
    /// Status and body of the answer.
    std::string post(const std::string& path, const std::string& body, const std::string& fields = key_line) const {
        return brief(send(request(path, body, fields) + "Connection: close\r\n\r\n" + body));
    }
    std::string fetch(const std::string& path) const {
        return send("GET " + path + " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    }
    static std::string brief(const std::string& answer) {
        const std::size_t end = answer.find("\r\n\r\n");
        return end == answer.npos ? "no answer: " + answer : answer.substr(9, 4) + answer.substr(end + 4);
    }

    /// A browser that has subscribed to `channel`.
    test::ws_client subscribed(const std::string& channel) const {
        test::ws_client browser{test::peer{test::connected_to(client)}};
        browser.write(test::upgrade_request);
        while (browser.response().empty() && !browser.ended()) test::wait_readable(browser);
        browser.say(R"({"id":1,"connect":{}})");
        EXPECT_EQ(test::hear(browser, 1).size(), 1u);
        browser.say(R"({"id":2,"subscribe":{"channel":")" + channel + R"("}})");
        EXPECT_EQ(test::hear(browser, 1), std::vector<std::string>{R"({"id":2,"subscribe":{}})"});
        return browser;
    }

    test::started program;
    std::string log;
    std::uint16_t control = 0;
    std::uint16_t client = 0;
};

} // namespace carillon::gateway
