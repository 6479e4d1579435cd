#include "gateway/running_gateway.hpp"
#include "shards/limits.hpp"

#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

#include <deque>
#include <filesystem>
#include <netinet/tcp.h>
#include <sched.h>
#include <set>
#include <string>
#include <sys/socket.h>
#include <sys/un.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace carillon::gateway {
namespace {

using namespace std::chrono_literals;
using test::hear;
using test::peer;
using test::ws_client;
using words = std::vector<std::string>;

class every_size : public testing::TestWithParam<std::size_t> {};
INSTANTIATE_TEST_SUITE_P(gateway, every_size, testing::Values(1, 3));

TEST_P(every_size, a_notification_goes_from_the_bus_to_the_browsers_of_all_shards) {
    running_gateway g{settings_for_tests(GetParam())};
    std::deque<ws_client> browsers;
    for (int i = 0; i < 24; ++i) browsers.push_back(g.browser("bell"));
    peer reader = g.program("SUBSCRIBE bell\r\n");
    read_until(reader, ":1\r\n");
    peer publisher = g.program("PUBLISH bell [1]\r\nPING\r\n");
    EXPECT_EQ(read_until(publisher, "PONG\r\n"), ":25\r\n+PONG\r\n");
    for (ws_client& each : browsers)
        EXPECT_EQ(hear(each, 1), words{R"({"push":{"channel":"bell","pub":{"data":[1]}}})"});
    EXPECT_TRUE(read_until(reader, "[1]\r\n").ends_with("[1]\r\n"));
    browsers.front().say(R"({"id":3,"publish":{"channel":"bell","data":2}})");
    for (std::size_t i = 1; i < browsers.size(); ++i) EXPECT_EQ(hear(browsers[i], 1).size(), 1u);
    EXPECT_EQ(hear(browsers.front(), 2).size(), 2u);
    EXPECT_EQ(g.metric("carillon_connections_open", R"(kind="websocket")"), 24);
    EXPECT_EQ(g.metric("carillon_subscriptions"), 25);
    EXPECT_EQ(g.metric("carillon_deliveries_total"), 50);
}

TEST_P(every_size, patterns_and_sharded_channels_are_counted_as_channels_are) {
    running_gateway g{settings_for_tests(GetParam())};
    peer reader = g.program("SUBSCRIBE bell\r\nPSUBSCRIBE b* c*\r\nSSUBSCRIBE bell\r\nPING\r\n");
    read_until(reader, "pong\r\n");
    peer publisher = g.program("PUBLISH bell 1\r\nSPUBLISH bell 2\r\nPUBLISH cup 3\r\n");
    read_until(publisher, ":2\r\n:1\r\n:1\r\n");
    read_until(reader, "\r\n3\r\n");
    EXPECT_EQ(g.metric("carillon_subscriptions"), 4);
    EXPECT_EQ(g.metric("carillon_channels"), 2);
    EXPECT_EQ(g.metric("carillon_patterns"), 2);
    EXPECT_EQ(g.metric("carillon_deliveries_total"), 4);
    reader.write("PUNSUBSCRIBE b*\r\nSUNSUBSCRIBE\r\nPING\r\n");
    read_until(reader, "sunsubscribe");
    EXPECT_EQ(g.metric("carillon_subscriptions"), 2);
    EXPECT_EQ(g.metric("carillon_channels"), 1);
    EXPECT_EQ(g.metric("carillon_patterns"), 1);
}

TEST(gateway, programs_that_fall_silent_are_asked_whether_they_are_there_and_browsers_are_not) {
    config::settings how = settings_for_tests(1);
    how.bus_keepalive_s = 77;
    running_gateway g{how};
    peer program = g.program("PING\r\n");
    read_until(program, "PONG\r\n");
    ws_client browser = g.browser("bell");
    // The gateway's sockets are in this process, with the peers' ports the other way round.
    const auto far_end = [](const peer& near) {
        sockaddr_in mine{};
        socklen_t size = sizeof mine;
        EXPECT_EQ(::getsockname(near.descriptor(), reinterpret_cast<sockaddr*>(&mine), &size), 0);
        for (int descriptor = 3; descriptor < 1024; ++descriptor) {
            sockaddr_in other{};
            size = sizeof other;
            if (::getpeername(descriptor, reinterpret_cast<sockaddr*>(&other), &size) != 0) continue;
            if (other.sin_family == AF_INET && other.sin_port == mine.sin_port) return descriptor;
        }
        return -1;
    };
    const auto idle_seconds = [](int descriptor) {
        int on = -1;
        int seconds = -1;
        socklen_t size = sizeof on;
        EXPECT_EQ(::getsockopt(descriptor, SOL_SOCKET, SO_KEEPALIVE, &on, &size), 0);
        EXPECT_EQ(::getsockopt(descriptor, IPPROTO_TCP, TCP_KEEPIDLE, &seconds, &size), 0);
        return on == 0 ? 0 : seconds;
    };
    EXPECT_EQ(idle_seconds(far_end(program)), 77);
    EXPECT_EQ(idle_seconds(far_end(browser)), 0);
    // Who was sent something and does not acknowledge it ends in the same time.
    const auto unacknowledged = [](int descriptor) {
        int milliseconds = -1;
        socklen_t size = sizeof milliseconds;
        EXPECT_EQ(::getsockopt(descriptor, IPPROTO_TCP, TCP_USER_TIMEOUT, &milliseconds, &size), 0);
        return std::chrono::milliseconds{milliseconds};
    };
    EXPECT_EQ(unacknowledged(far_end(program)), std::chrono::seconds{154});
    EXPECT_EQ(unacknowledged(far_end(browser)), how.client_ping_interval + how.client_pong_timeout);
}

TEST(gateway, each_pinned_shard_has_a_processor_of_its_own) {
    const std::vector<int> processors = shards::allowed_processors();
    ASSERT_GE(processors.size(), 1u);
    config::settings how = settings_for_tests(processors.size());
    how.pin_shards = true;
    running_gateway g{how};
    g.get("/metrics"); // every shard has answered, and runs
    std::set<int> taken;
    for (const auto& task : std::filesystem::directory_iterator{"/proc/self/task"}) {
        cpu_set_t allowed;
        CPU_ZERO(&allowed);
        if (::sched_getaffinity(std::stoi(task.path().filename()), sizeof allowed, &allowed) != 0) continue;
        if (CPU_COUNT(&allowed) != 1) continue;
        for (const int processor : processors) {
            if (CPU_ISSET(static_cast<std::size_t>(processor), &allowed)) taken.insert(processor);
        }
    }
    EXPECT_EQ(taken, std::set<int>(processors.begin(), processors.end()));
    EXPECT_EQ(shards::allowed_processors(), processors) << "of the thread that made them";
}

TEST_P(every_size, the_control_plane_answers) {
    running_gateway g{settings_for_tests(GetParam())};
    EXPECT_TRUE(g.get("/livez").starts_with("HTTP/1.1 200 OK\r\n"));
    EXPECT_TRUE(g.get("/readyz").starts_with("HTTP/1.1 200 OK\r\n"));
    EXPECT_TRUE(g.get("/nothing").starts_with("HTTP/1.1 404 Not Found\r\n"));
    const std::string metrics = g.get("/metrics");
    EXPECT_TRUE(metrics.starts_with("HTTP/1.1 200 OK\r\n"));
    EXPECT_NE(metrics.find("Content-Type: text/plain; version=0.0.4"), std::string::npos);
}

TEST_P(every_size, stop_tells_everybody_3001_and_run_returns) {
    std::deque<ws_client> browsers;
    peer program{-1};
    {
        running_gateway g{settings_for_tests(GetParam())};
        for (int i = 0; i < 12; ++i) browsers.push_back(g.browser("bell"));
        peer reader = g.program("SUBSCRIBE bell\r\n");
        read_until(reader, ":1\r\n");
        g.whole.stop();
        g.whole.stop(); // changes nothing
        for (ws_client& each : browsers) {
            EXPECT_EQ(hear(each, 2), (words{"close 3001 shutdown", "end"}));
            each.write(test::close_frame(3001));
            each.hang_up();
        }
        EXPECT_TRUE(read_to_the_end(reader).ends_with(":1\r\n"));
        g.runs.join();
    }
}

TEST(gateway, is_alive_but_not_ready_while_it_drains) {
    running_gateway g{settings_for_tests(2)};
    ws_client browser = g.browser("bell");
    g.whole.stop();
    EXPECT_EQ(hear(browser, 2), (words{"close 3001 shutdown", "end"}));
    // It waits for the browser's end.
    const std::string ready = g.get("/readyz");
    EXPECT_TRUE(ready.starts_with("HTTP/1.1 503 Service Unavailable\r\n")) << ready;
    EXPECT_TRUE(g.get("/livez").starts_with("HTTP/1.1 200 OK\r\n"));
    browser.hang_up();
    g.runs.join();
}

TEST(gateway, a_browser_that_does_not_end_does_not_hold_the_shutdown_up_for_ever) {
    config::settings how = settings_for_tests(2);
    how.shutdown_timeout = 100ms;
    running_gateway g{how};
    ws_client browser = g.browser("bell");
    peer silent = g.raw();
    silent.write("GET /connec"); // and no more; before its first bytes the kernel has not told us of it
    g.whole.stop();
    g.runs.join();
    EXPECT_EQ(hear(browser, 2), (words{"close 3001 shutdown", "end"}));
    read_to_the_end(silent);
}

TEST(gateway, whoever_is_in_a_hurry_does_not_wait_for_browsers_that_do_not_end) {
    config::settings how = settings_for_tests(2);
    how.shutdown_timeout = 1h;
    running_gateway g{how};
    ws_client browser = g.browser("bell");
    g.whole.hurry(); // before stop() it does nothing
    g.whole.stop();
    EXPECT_EQ(hear(browser, 2), (words{"close 3001 shutdown", "end"}));
    g.whole.hurry();
    g.runs.join();
}

TEST(gateway, stop_before_run_ends_it_at_once) {
    gateway whole{settings_for_tests(2)};
    whole.stop();
    whole.run();
}

TEST(gateway, connections_over_the_limit_get_503) {
    config::settings how = settings_for_tests(1);
    how.connections_max = 3;
    running_gateway g{how};
    std::deque<ws_client> browsers;
    for (int i = 0; i < 3; ++i) browsers.push_back(g.browser("bell"));
    peer fourth = g.raw();
    fourth.write(test::upgrade_request);
    EXPECT_TRUE(read_to_the_end(fourth).starts_with("HTTP/1.1 503 Service Unavailable\r\n"));
    EXPECT_EQ(g.metric("carillon_upgrade_refused_total", R"(status="503")"), 1);
}

TEST(gateway, plain_http_on_the_client_port_is_the_demo_page) {
    running_gateway g{settings_for_tests(2)};
    for (int i = 0; i < 8; ++i) {
        peer client = g.raw();
        client.write("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        const std::string page = read_to_the_end(client);
        EXPECT_TRUE(page.starts_with("HTTP/1.1 200 OK\r\n"));
        EXPECT_TRUE(page.find("</html>") != std::string::npos);
    }
    EXPECT_EQ(g.metric("carillon_connections_open", R"(kind="websocket")"), 0);
}

TEST(gateway, without_development_mode_there_is_no_page) {
    config::settings how = settings_for_tests(1);
    how.dev = false;
    running_gateway g{how};
    peer client = g.raw();
    client.write("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    EXPECT_TRUE(read_to_the_end(client).starts_with("HTTP/1.1 404 Not Found\r\n"));
}

TEST(gateway, probes_are_answered_on_the_client_port_too_unless_told_otherwise) {
    for (const bool probes : {true, false}) {
        config::settings how = settings_for_tests(2);
        how.dev = false;
        how.probes_on_client_port = probes;
        running_gateway g{how};
        for (const char* path : {"/livez", "/readyz", "/metrics"}) {
            peer client = g.raw();
            client.write(fmt::format("GET {} HTTP/1.1\r\nHost: a\r\n\r\n", path));
            const bool answered = probes && std::string_view{path} != "/metrics";
            const char* status = answered ? "HTTP/1.1 200 OK\r\n" : "HTTP/1.1 404 Not Found\r\n";
            EXPECT_TRUE(read_to_the_end(client).starts_with(status)) << path;
        }
    }
}

TEST_P(every_size, unix_sockets_serve_all_doors) {
    config::settings how = settings_for_tests(GetParam());
    const std::string folder = testing::TempDir() + "carillon-" + std::to_string(::getpid()) + "-";
    how.client_listen = {folder + "client", 0};
    how.bus_listen = config::address{folder + "bus", 0};
    const auto connected = [](const std::string& path) {
        const int descriptor = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        path.copy(address.sun_path, sizeof address.sun_path - 1);
        EXPECT_EQ(::connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
        return descriptor;
    };
    {
        running_gateway g{how};
        for (int i = 0; i < 8; ++i) {
            peer client{connected(how.client_listen.host)};
            client.write(test::upgrade_request);
            EXPECT_TRUE(read_until(client, "\r\n\r\n").starts_with("HTTP/1.1 101 "));
            peer program{connected(how.bus_listen->host)};
            program.write("PING\r\n");
            EXPECT_EQ(read_until(program, "\r\n"), "+PONG\r\n");
        }
    }
    EXPECT_NE(::access(how.client_listen.host.c_str(), F_OK), 0) << "the file is left";
}

TEST(gateway, refusals_beyond_the_rate_are_counted) {
    config::settings how = settings_for_tests(1);
    how.log_refusals_per_s_max = 0;
    running_gateway g{how};
    spdlog::set_level(spdlog::level::info);
    peer client = g.raw();
    client.write("GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_TRUE(read_to_the_end(client).starts_with("HTTP/1.1 404 "));
    spdlog::set_level(spdlog::level::off);
    EXPECT_EQ(g.metric("carillon_refusals_not_logged_total"), 1);
}

TEST(gateway, without_a_bus_door_browsers_still_hear_each_other) {
    config::settings how = settings_for_tests(2);
    how.bus_listen.reset();
    running_gateway g{how};
    EXPECT_EQ(g.whole.where().bus, 0);
    ws_client alice = g.browser("a");
    ws_client bob = g.browser("a");
    alice.say(R"({"id":3,"publish":{"channel":"a","data":1}})");
    EXPECT_EQ(hear(bob, 1).size(), 1u);
}

TEST(gateway, an_address_that_is_taken_is_said_in_words) {
    gateway first{settings_for_tests(1)};
    config::settings how = settings_for_tests(1);
    how.client_listen.port = first.where().client;
    try {
        gateway second{how};
        FAIL() << "two gateways on one port";
    } catch (const boost::system::system_error& failure) {
        EXPECT_NE(std::string{failure.what()}.find("cannot listen on 127.0.0.1:"), std::string::npos);
    }
}

TEST(gateway, browsers_that_come_and_go_on_all_shards_while_a_publisher_rings_leave_nothing) {
    running_gateway g{settings_for_tests(3)};
    std::vector<std::jthread> crowd;
    for (int t = 0; t < 3; ++t) {
        crowd.emplace_back([&g, t] {
            for (int i = 0; i < 20; ++i) {
                ws_client browser = g.browser(i % 2 == 0 ? "bell" : "other");
                browser.say(R"({"id":3,"publish":{"channel":"bell","data":1}})");
                if (t == 0) hear(browser, 1);
            }
        });
    }
    std::string expected_pongs;
    peer publisher = g.program("PING\r\n");
    for (int i = 0; i < 200; ++i) {
        publisher.write("PUBLISH bell 1\r\n");
        publisher.write("PUBLISH other 1\r\n");
    }
    publisher.write("ECHO done\r\n");
    EXPECT_TRUE(read_until(publisher, "$4\r\ndone\r\n").starts_with("+PONG\r\n:"));
    crowd.clear();
    while (g.metric("carillon_connections_open", R"(kind="websocket")") > 0) std::this_thread::yield();
    EXPECT_EQ(g.metric("carillon_subscriptions"), 0);
    EXPECT_EQ(g.metric("carillon_outboxes"), 0);
    EXPECT_EQ(g.metric("carillon_partial_bytes"), 0);
}

} // namespace
} // namespace carillon::gateway
