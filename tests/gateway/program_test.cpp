#include "support/real_peer.hpp"
#include "support/started.hpp"

#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>
#include <regex>
#include <string>
#include <utility>
#include <vector>

namespace carillon::gateway {
namespace {

using test::hear;
using test::peer;
using test::read_all;
using test::read_until;
using test::read_until_ready;
using test::started;
using test::ws_client;

std::vector<std::string> carillon(const std::vector<std::string>& flags) {
    std::vector<std::string> command{CARILLON_PROGRAM, "--dev", "--client-listen=127.0.0.1:0",
                                     "--control-listen=127.0.0.1:0"};
    command.insert(command.end(), flags.begin(), flags.end());
    return command;
}

// How tests/support/interposer.cpp gets into a program; the sanitizer, which wants to be first, can do without.
std::vector<std::pair<std::string, std::string>> interposed(const std::string& name, const std::string& value) {
    const char* const asan = std::getenv("ASAN_OPTIONS");
    return {{"LD_PRELOAD", CARILLON_INTERPOSER},
            {name, value},
            {"ASAN_OPTIONS", std::string{asan != nullptr ? asan : ""} + ":verify_asan_link_order=0"}};
}

TEST(program, says_goodbye_to_everybody_though_nobody_reads_its_log) {
    started program{carillon({"--shards=1", "--bus-listen=127.0.0.1:0"})};
    const std::string log = read_until_ready(program.err());
    std::smatch port;
    ASSERT_TRUE(std::regex_search(log, port, std::regex{R"(listening on \S+:(\d+) \(client\))"})) << log;
    ws_client browser{peer{test::connected_to(static_cast<std::uint16_t>(std::stoi(port[1])))}};
    browser.write(test::upgrade_request);
    while (browser.response().empty() && !browser.ended()) test::wait_readable(browser);
    browser.say(R"({"id":1,"connect":{}})");
    ASSERT_EQ(hear(browser, 1).size(), 1u);
    program.forget_errors();
    ::kill(program.process(), SIGTERM);
    EXPECT_EQ(hear(browser, 2), (std::vector<std::string>{"close 3001 shutdown", "end"}));
    browser.hang_up();
    EXPECT_EQ(program.wait(), 0);
}

TEST(program, ends_in_words_when_a_thread_cannot_be_started) {
    for (const char* const threads : {"0", "1", "2"}) {
        started program{carillon({"--shards=3", "--bus-listen=127.0.0.1:0"}),
                        interposed("INTERPOSE_THREADS_MAX", threads)};
        const std::string log = read_all(program.err());
        EXPECT_NE(log.find("critical: cannot start a thread: Resource temporarily unavailable"), log.npos) << log;
        EXPECT_EQ(log.find(" is ready"), log.npos) << log;
        EXPECT_EQ(program.wait(), 1) << threads;
    }
}

TEST(program, a_look_up_without_end_does_not_hold_the_shutdown_up) {
    started program{carillon({"--shards=1", "--bus=redis://bus.test:6379"}), interposed("INTERPOSE_LOOK_UPS", "hang")};
    const std::string log = read_until(program.err(), [](const std::string& text) {
        return text.find(" is ready") != text.npos && text.find("getaddrinfo hangs") != text.npos;
    });
    ::kill(program.process(), SIGTERM);
    EXPECT_NE(read_all(program.err()).find("stopped"), log.npos);
    EXPECT_EQ(program.wait(), 0);
}

} // namespace
} // namespace carillon::gateway
