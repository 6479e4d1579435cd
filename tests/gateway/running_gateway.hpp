#pragma once

#include "gateway/gateway.hpp"
#include "support/peer.hpp"
#include "support/real_peer.hpp"
#include "support/ws_client.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

#include <functional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

namespace carillon::gateway {

inline config::settings settings_for_tests(std::size_t shards) {
    spdlog::set_level(spdlog::level::off);
    config::settings how;
    how.client_listen = {"127.0.0.1", 0};
    how.control_listen = {"127.0.0.1", 0};
    how.bus_listen = config::address{"127.0.0.1", 0};
    how.shards = shards;
    how.connections_max = 1000;
    how.dev = true;
    how.drain_window = std::chrono::milliseconds{0};
    return how;
}

inline std::string read_until(test::peer& from, std::string_view end) {
    for (from.read(); from.received().find(end) == std::string::npos && !from.ended(); from.read())
        test::wait_readable(from);
    return from.received();
}

inline std::string read_to_the_end(test::peer& from) {
    for (from.read(); !from.ended(); from.read()) test::wait_readable(from);
    return from.received();
}

struct running_gateway {
    explicit running_gateway(const config::settings& how, std::function<loading::outcome()> read_again = {})
        : whole{how} {
        whole.read_again_by(std::move(read_again));
        runs = std::jthread{[this] { whole.run(); }};
    }
    ~running_gateway() { whole.stop(); }

    std::string get(std::string_view path) const {
        test::peer client{test::connected_to(whole.where().control)};
        client.write(fmt::format("GET {} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", path));
        return read_to_the_end(client);
    }
    /// The sum over all shards of the series with these labels.
    double metric(std::string_view name, std::string_view labels = {}) const {
        const std::string all = get("/metrics");
        const std::string end = labels.empty() ? "} " : fmt::format(",{}}} ", labels);
        double sum = 0;
        int found = 0;
        for (std::size_t at = all.find(fmt::format("\n{}{{shard=", name)); at != std::string::npos;
             at = all.find(fmt::format("\n{}{{shard=", name), at + 1)) {
            const std::string line = all.substr(at + 1, all.find('\n', at + 1) - at - 1);
            const std::size_t number = line.find(end);
            if (number == std::string::npos) continue;
            sum += std::stod(line.substr(number + end.size()));
            ++found;
        }
        EXPECT_GT(found, 0) << name << " is not in\n" << all;
        return sum;
    }
    /// Status and body of the answer.
    std::string post(std::string_view path, std::string_view body, std::string_view key = "open-sesame") const {
        test::peer client{test::connected_to(whole.where().control)};
        client.write(fmt::format("POST {} HTTP/1.1\r\nHost: a\r\nX-API-Key: {}\r\nConnection: close\r\n"
                                 "Content-Length: {}\r\n\r\n{}",
                                 path, key, body.size(), body));
        const std::string all = read_to_the_end(client);
        return all.substr(9, 3) + " " + all.substr(all.find("\r\n\r\n") + 4);
    }
    test::peer raw() const { return test::peer{test::connected_to(whole.where().client)}; }
    test::ws_client browser(std::string_view channel) const {
        test::ws_client client{raw()};
        client.write(test::upgrade_request);
        read_until(client, "\r\n\r\n");
        EXPECT_TRUE(client.response().starts_with("HTTP/1.1 101 "));
        client.say(fmt::format(R"({{"id":1,"connect":{{}}}})"
                               "\n"
                               R"({{"id":2,"subscribe":{{"channel":"{}"}}}})",
                               channel));
        EXPECT_GE(test::hear(client, 1).size(), 1u); // and what has been published since
        return client;
    }
    test::peer program(std::string_view line) const {
        test::peer client{test::connected_to(whole.where().bus)};
        client.write(line);
        return client;
    }

    gateway whole;
    std::jthread runs; // ends before the gateway does
};

} // namespace carillon::gateway
