#include "support/real_peer.hpp"
#include "support/serving.hpp"
#include "support/started.hpp"

#include <gtest/gtest.h>

#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <regex>
#include <string>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>
#include <vector>

namespace carillon::gateway {
namespace {

using test::get;
using test::hear;
using test::peer;
using test::port_in;
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

ws_client connected_browser(std::uint16_t port, const std::string& more = {}) {
    ws_client browser{peer{test::connected_to(port)}};
    browser.write(test::upgrade_request);
    while (browser.response().empty() && !browser.ended()) test::wait_readable(browser);
    browser.say(R"({"id":1,"connect":{}})" + more);
    EXPECT_EQ(hear(browser, 1).size(), 1u);
    return browser;
}

// A gateway whose standard error is a full pipe.
struct muted {
    explicit muted(const std::vector<std::string>& flags) : program{carillon(flags)} {
        log = read_until_ready(program.err());
        // The flag is the open file's, so this is another one.
        const std::string its = "/proc/" + std::to_string(program.process()) + "/fd/2";
        const int file = ::open(its.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC);
        EXPECT_GE(file, 0) << its;
        while (::write(file, ".", 1) == 1) {}
        ::close(file);
    }

    started program;
    std::string log;
};

void expect_goodbye(started& program, ws_client& browser) {
    EXPECT_EQ(hear(browser, 2), (std::vector<std::string>{"close 3001 shutdown", "end"}));
    browser.hang_up();
    EXPECT_EQ(program.wait(), 0);
}

const std::vector<std::string> one_shard{"--shards=1", "--bus-listen=127.0.0.1:0"};

TEST(program, says_goodbye_to_everybody_though_nobody_reads_its_log) {
    started program{carillon(one_shard)};
    ws_client browser = connected_browser(port_in(read_until_ready(program.err()), "client"));
    program.forget_errors();
    ::kill(program.process(), SIGTERM);
    expect_goodbye(program, browser);
}

TEST(program, says_goodbye_to_everybody_though_its_log_is_a_full_pipe) {
    muted gateway{one_shard};
    ws_client browser = connected_browser(port_in(gateway.log, "client"));
    ::kill(gateway.program.process(), SIGTERM);
    expect_goodbye(gateway.program, browser);
}

TEST(program, lines_that_nobody_reads_are_counted_and_who_reads_again_is_told) {
    muted gateway{{"--shards=1", "--bus-listen=127.0.0.1:0", "--log-queue-bytes-max=4096"}};
    const std::uint16_t control = port_in(gateway.log, "control");
    // One line for each signal, of which the kernel may make one of several.
    while (get(control, "/metrics").find("\ncarillon_log_lines_dropped_total 0\n") != std::string::npos)
        ::kill(gateway.program.process(), SIGHUP);
    bool told = false;
    while (!told) {
        read_until(gateway.program.err(), [&told](const std::string& text) {
            told = told || text.find(" lines of this log were dropped: nobody read it") != text.npos;
            return text.ends_with('\n');
        });
        ::kill(gateway.program.process(), SIGHUP);
    }
    EXPECT_TRUE(get(control, "/readyz").starts_with("HTTP/1.1 200 OK\r\n"));
}

// How much that is, or that there is no limit, is the machine's affair: that it has looked is not.
TEST(program, looks_at_its_memory_where_it_is_told_to) {
    started program{carillon({"--shards=1", "--bus-listen=127.0.0.1:0", "--memory-percent-max=1"})};
    const std::string log = read_until(program.err(), [](const std::string& text) {
        return text.find("nobody is let in: ") != text.npos ||
               text.find("the cgroup has no limit on memory") != text.npos;
    });
    EXPECT_TRUE(get(port_in(log, "control"), "/livez").starts_with("HTTP/1.1 200 OK\r\n"));
    ::kill(program.process(), SIGTERM);
    EXPECT_EQ(program.wait(), 0);
}

// No call of a shard is interrupted by one.
TEST(program, signals_are_taken_by_one_thread) {
    started program{carillon({"--shards=3", "--bus-listen=127.0.0.1:0"})};
    const std::string log = read_until_ready(program.err());
    EXPECT_TRUE(get(port_in(log, "control"), "/livez").starts_with("HTTP/1.1 200 OK\r\n"));
    int threads = 0;
    int takers = 0;
    const std::filesystem::path tasks = "/proc/" + std::to_string(program.process()) + "/task";
    for (const auto& each : std::filesystem::directory_iterator{tasks}) {
        std::ifstream status{each.path() / "status"};
        for (std::string line; std::getline(status, line);) {
            if (!line.starts_with("SigBlk:")) continue;
            ++threads;
            takers += (std::stoull(line.substr(7), nullptr, 16) >> (SIGTERM - 1) & 1) == 0;
        }
    }
    EXPECT_GE(threads, 5); // control, its waiter, the log, and the shards
    EXPECT_EQ(takers, 1);
    ::kill(program.process(), SIGTERM);
    EXPECT_EQ(program.wait(), 0);
}

TEST(program, signals_that_come_together_are_one) {
    started program{carillon(one_shard)};
    ws_client browser = connected_browser(port_in(read_until_ready(program.err()), "client"));
    ::kill(program.process(), SIGTERM);
    ::kill(program.process(), SIGINT);
    expect_goodbye(program, browser);
}

TEST(program, a_hangup_is_a_line_in_the_log) {
    started program{carillon(one_shard)};
    ws_client browser = connected_browser(port_in(read_until_ready(program.err()), "client"));
    ::kill(program.process(), SIGHUP);
    read_until(program.err(), [](const std::string& text) { return text.find("SIGHUP") != text.npos; });
    browser.say(R"({"id":2,"subscribe":{"channel":"bell"}})");
    EXPECT_EQ(hear(browser, 1).size(), 1u);
    ::kill(program.process(), SIGTERM);
    expect_goodbye(program, browser);
}

TEST(program, a_hangup_reads_the_file_anew_or_says_what_is_wrong_with_it) {
    std::string folder = ::testing::TempDir() + "carillon-reload-XXXXXX";
    ASSERT_NE(::mkdtemp(folder.data()), nullptr);
    const std::string file = folder + "/carillon.toml";
    const auto write = [&file](const std::string& text) { std::ofstream{file, std::ios::trunc} << text; };
    write("log_level = \"info\"\n");
    started program{carillon({"--shards=1", "--bus-listen=127.0.0.1:0", "--config=" + file})};
    const std::uint16_t client = port_in(read_until_ready(program.err()), "client");
    ws_client browser = connected_browser(client, "\n"
                                                  R"({"id":2,"subscribe":{"channel":"bell"}})");
    const auto says = [&program](const std::string& what) {
        ::kill(program.process(), SIGHUP);
        const std::string said =
            read_until(program.err(), [](const std::string& text) { return text.ends_with('\n'); });
        EXPECT_NE(said.find(what), said.npos) << said;
    };
    says("info: signal 1 (SIGHUP): nothing has changed that can change at once\n");
    write("log_level = \"loud\"\n");
    says("warning: signal 1 (SIGHUP): the configuration stays as it was: " + file + ":1: log_level: ");
    write("turn_time_ms = 9\n[[namespace]]\nname = \"chat\"\n");
    says("info: signal 1 (SIGHUP): the configuration has changed: namespace; a restart is needed for turn_time_ms\n");
    EXPECT_EQ(hear(browser, 1).size(), 1u) << "bell is taken away";
    ::unlink(file.c_str());
    ::rmdir(folder.c_str());
    ::kill(program.process(), SIGTERM);
    expect_goodbye(program, browser);
}

TEST(program, lines_of_the_log_have_a_time_with_its_zone) {
    started program{carillon(one_shard)};
    const std::string log = read_until_ready(program.err());
    const std::regex line{R"(^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d info: .*\n)"};
    EXPECT_TRUE(std::regex_search(log, line)) << log;
}

TEST(program, asks_another_one_how_it_is) {
    started program{carillon(one_shard)};
    const std::string log = read_until_ready(program.err());
    const std::string where = "--control-listen=127.0.0.1:" + std::to_string(port_in(log, "control"));
    const auto ask = [&where](const std::string& what) {
        started asking{{CARILLON_PROGRAM, what, where}};
        std::string text = read_all(asking.out()) + read_all(asking.err());
        return std::pair{text, asking.wait()};
    };
    EXPECT_EQ(ask("--health"), (std::pair<std::string, int>{"/readyz: 200 ready\n", 0}));
    EXPECT_EQ(ask("health"), (std::pair<std::string, int>{"/readyz: 200 ready\n", 0}));
    EXPECT_EQ(ask("--health=livez"), (std::pair<std::string, int>{"/livez: 200 ok\n", 0}));
    ws_client browser = connected_browser(port_in(log, "client"));
    ::kill(program.process(), SIGTERM);
    EXPECT_EQ(hear(browser, 2), (std::vector<std::string>{"close 3001 shutdown", "end"}));
    EXPECT_EQ(ask("--health"), (std::pair<std::string, int>{"/readyz: 503 shutting down\n", 1}));
    browser.hang_up();
    EXPECT_EQ(program.wait(), 0);
    const auto [text, code] = ask("--health");
    EXPECT_EQ(code, 1);
    EXPECT_NE(text.find(" does not answer: Connection refused\n"), text.npos) << text;
}

TEST(program, an_error_at_the_start_says_what_and_what_to_do) {
    started program{carillon(one_shard)};
    const std::string log = read_until_ready(program.err());
    started second{{CARILLON_PROGRAM, "--client-listen=127.0.0.1:0", "--bus-listen=off",
                    "--control-listen=127.0.0.1:" + std::to_string(port_in(log, "control"))}};
    const std::string text = read_all(second.err());
    EXPECT_EQ(second.wait(), 1);
    EXPECT_NE(text.find("Address already in use; another program"), text.npos) << text;
    EXPECT_EQ(text.find(".hpp"), text.npos) << text;
}

TEST(program, says_what_there_is_no_memory_for) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    GTEST_SKIP() << "sanitizers need addresses of their own";
#endif
    std::vector<std::string> command = carillon({"--shards=1", "--bus-listen=off", "--connections-max=16000000"});
    command.insert(command.begin(), {"/bin/sh", "-c", R"(ulimit -v 600000; exec "$0" "$@")"});
    started program{command, interposed("INTERPOSE_DESCRIPTORS", "20000000")};
    const std::string log = read_all(program.err());
    EXPECT_EQ(program.wait(), 1);
    EXPECT_NE(log.find("no room in memory for the records of 16"), log.npos) << log;
    EXPECT_NE(log.find("lower connections-max"), log.npos) << log;
}

struct descriptors_case {
    const char* name;
    const char* descriptors;
    const char* clients; ///< as the log and the metrics have it
    bool warned;
};

TEST(program, tells_the_truth_about_descriptors) {
    // 64 spare, 12 for the shard, a sixteenth for the control port and another for its pages, and refused connections.
    const descriptors_case cases[] = {
        {"few", "600", "432", true},
        {"enough", "10000", "9380", false},
        {"as many as containers may have", "1073741816", "16000000", false},
    };
    for (const auto& [name, descriptors, clients, warned] : cases) {
        started program{carillon({"--shards=1", "--bus-listen=off"}), interposed("INTERPOSE_DESCRIPTORS", descriptors)};
        const std::string log = read_until_ready(program.err());
        EXPECT_NE(log.find(std::string{"at most "} + clients + " client connections"), log.npos) << name << log;
        EXPECT_EQ(log.find("the limit on file descriptors is low") != log.npos, warned) << name << log;
        EXPECT_NE(get(port_in(log, "control"), "/metrics").find(std::string{"\ncarillon_connections_limit "} + clients),
                  std::string::npos)
            << name;
    }
}

TEST(program, is_alive_while_it_is_busy_and_not_when_it_stands_still) {
    std::string folder = testing::TempDir() + "carillon-XXXXXX";
    ASSERT_NE(::mkdtemp(folder.data()), nullptr);
    const std::string fifo = folder + "/held";
    ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
    started program{carillon({"--shards=1", "--bus-listen=127.0.0.1:0", "--livez-stall-ms=1000"}),
                    interposed("INTERPOSE_SEND", fifo)};
    const std::string log = read_until_ready(program.err());
    const std::uint16_t control = port_in(log, "control");
    peer stalled{test::connected_to(port_in(log, "bus"))};
    stalled.write("ECHO hold!\r\n"); // whose answer the shard never gets rid of
    while (get(control, "/livez").starts_with("HTTP/1.1 200 OK\r\n")) {}
    EXPECT_TRUE(get(control, "/livez").ends_with("shard 0 has got nothing done for 1000 ms\n"));
    // The rest is there; the shard's own is left out.
    const std::string metrics = get(control, "/metrics");
    EXPECT_NE(metrics.find("\ncarillon_connections_limit "), metrics.npos);
    EXPECT_EQ(metrics.find("\ncarillon_sends_total{"), metrics.npos);
    const int held = ::open(fifo.c_str(), O_WRONLY | O_CLOEXEC);
    while (!get(control, "/livez").starts_with("HTTP/1.1 200 OK\r\n")) {}
    ::close(held);
    // A stall of more than a second is a sample for each of its ticks, of which the first ten were over 500 ms.
    const std::string after = get(control, "/metrics");
    std::smatch under, all;
    const std::regex quick{R"re(lag_seconds_bucket\{shard="0",le="0.25"\} (\d+))re"};
    ASSERT_TRUE(std::regex_search(after, under, quick));
    ASSERT_TRUE(std::regex_search(after, all, std::regex{R"re(lag_seconds_count\{shard="0"\} (\d+))re"}));
    EXPECT_GE(std::stoi(all[1]) - std::stoi(under[1]), 10) << after;
    ::unlink(fifo.c_str());
    ::rmdir(folder.c_str());
}

TEST(program, ends_in_words_when_a_thread_cannot_be_started) {
    for (const char* const threads : {"0", "1", "2", "3"}) {
        started program{carillon({"--shards=3", "--bus-listen=127.0.0.1:0"}),
                        interposed("INTERPOSE_THREADS_MAX", threads)};
        const std::string log = read_all(program.err());
        EXPECT_NE(log.find("cannot start a thread: Resource temporarily unavailable; raise the limit"), log.npos)
            << log;
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
