#include "http/accept_key.hpp"
#include "load/scenes_programs.hpp"
#include "load/sockets.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <future>
#include <netinet/in.h>
#include <sstream>
#include <sys/socket.h>
#include <thread>

namespace carillon::load {
namespace {

namespace json = boost::json;
using flags = std::vector<std::string>;

flags operator+(flags left, const flags& right) {
    left.insert(left.end(), right.begin(), right.end());
    return left;
}

struct figures {
    bench_run run;
    json::object told;

    std::uint64_t number(const char* event, const char* name) const {
        const json::value* const found = told.contains(event) ? told.at(event).as_object().if_contains(name) : nullptr;
        return found ? found->to_number<std::uint64_t>() : 0;
    }
};

figures play(const flags& given) {
    figures seen{run_bench(given + flags{"--json", "-"}), {}};
    boost::system::error_code wrong;
    const json::value told = json::parse(seen.run.out, wrong);
    EXPECT_FALSE(wrong) << seen.run.out << seen.run.err;
    if (!wrong) seen.told = told.as_object();
    return seen;
}

void expect_perfect(const figures& seen) {
    EXPECT_EQ(seen.run.exit_code, 0) << seen.run.out << seen.run.err;
    EXPECT_EQ(seen.run.err, "");
    for (const char* name : {"lost", "duplicated", "disordered", "dropped"}) {
        if (seen.told.contains(name)) { EXPECT_EQ(seen.told.at(name).to_number<int>(), 0) << name; }
    }
}

const flags short_run{"--duration=0.2", "--warm-up=0.05", "--processes=2"};

TEST(scenes, fanout_delivers_everything_to_everybody) {
    const gateway_process gateway;
    const figures seen = play(flags{"fanout", "--url", gateway.url(), "--publish", gateway.bus(), "--connections=20",
                                    "--rate=50", "--burst=2", "--server-pid", gateway.pid()} +
                              short_run);
    expect_perfect(seen);
    EXPECT_EQ(seen.number("handshakes", "counted"), 20u);
    EXPECT_EQ(seen.number("publishes", "counted"), 10u);
    EXPECT_EQ(seen.number("deliveries", "expected"), 200u);
    EXPECT_EQ(seen.number("deliveries", "counted"), 200u);
    EXPECT_GT(seen.number("deliveries", "server_cpu_ns"), 0u);
    EXPECT_EQ(seen.told.at("deliveries").at("latency").at("count").to_number<int>(), 200);
}

TEST(scenes, fanout_without_a_rate_publishes_when_it_is_answered) {
    const gateway_process gateway;
    const figures seen = play(flags{"fanout", "--url", gateway.url(), "--publish", gateway.bus(), "--connections=3",
                                    "--rate=0", "--in-flight=4"} +
                              short_run);
    expect_perfect(seen);
    EXPECT_GT(seen.number("publishes", "counted"), 0u);
    EXPECT_EQ(seen.number("deliveries", "counted"), 3 * seen.number("publishes", "counted"));
}

TEST(scenes, what_is_read_later_is_not_lost) {
    const gateway_process gateway;
    const figures seen = play(flags{"fanout", "--url", gateway.url(), "--publish", gateway.bus(), "--connections=10",
                                    "--rate=100", "--read-later"} +
                              short_run);
    expect_perfect(seen);
    EXPECT_EQ(seen.number("publishes", "counted"), 20u);
    EXPECT_EQ(seen.number("deliveries", "counted"), 200u);
}

TEST(scenes, unicast_reaches_one_each) {
    const gateway_process gateway;
    const figures seen =
        play(flags{"unicast", "--url", gateway.url(), "--publish", gateway.bus(), "--connections=20", "--rate=200"} +
             short_run);
    expect_perfect(seen);
    EXPECT_EQ(seen.number("publishes", "counted"), 40u);
    EXPECT_EQ(seen.number("deliveries", "counted"), 40u);
}

TEST(scenes, unicast_over_fewer_channels_reaches_a_few_each) {
    const gateway_process gateway;
    const figures seen = play(flags{"unicast", "--url", gateway.url(), "--publish", gateway.bus(), "--connections=20",
                                    "--channels=5", "--rate=200"} +
                              short_run);
    expect_perfect(seen);
    EXPECT_EQ(seen.number("publishes", "counted"), 40u);
    EXPECT_EQ(seen.number("deliveries", "counted"), 160u);
}

TEST(scenes, echo_counts_round_trips_in_both_loops) {
    const gateway_process gateway;
    const flags common = flags{"echo", "--url", gateway.url(), "--connections=6"} + short_run;
    const figures open = play(common + flags{"--rate=200"});
    expect_perfect(open);
    EXPECT_EQ(open.number("round_trips", "counted"), 40u);
    const figures closed = play(common);
    expect_perfect(closed);
    EXPECT_GT(closed.number("round_trips", "counted"), 0u);
    EXPECT_FALSE(closed.told.contains("deliveries"));
}

TEST(scenes, idle_looks_at_the_memory_twice_and_answers_pings) {
    const gateway_process gateway{{"--client-ping-interval-ms=500", "--client-pong-timeout-ms=400"}};
    // Longer than a ping and the patience for its answer: who does not answer would be gone.
    const figures seen = play({"idle", "--url", gateway.url(), "--connections=20", "--from=5", "--processes=2",
                               "--duration=1.5", "--own-channels", "--server-pid", gateway.pid()});
    expect_perfect(seen);
    EXPECT_EQ(seen.number("handshakes", "counted"), 15u);
    EXPECT_EQ(seen.number("memory", "from_connections"), 5u);
    EXPECT_EQ(seen.number("memory", "to_connections"), 20u);
    EXPECT_GT(seen.number("memory", "resident_bytes_from"), 0u);
    EXPECT_GE(seen.number("holding", "counted"), 20u);
}

TEST(scenes, storm_brings_everybody_back) {
    const gateway_process gateway;
    const figures seen = play(flags{"storm", "--url", gateway.url(), "--connections=50", "--processes=2"});
    expect_perfect(seen);
    EXPECT_EQ(seen.number("handshakes", "expected"), 50u);
    EXPECT_EQ(seen.number("handshakes", "counted"), 50u);
}

TEST(scenes, churn_counts_who_comes_back) {
    const gateway_process gateway;
    const figures seen = play(
        flags{"churn", "--url", gateway.url(), "--connections=5", "--rate=100", "--duration=0.2", "--processes=2"});
    expect_perfect(seen);
    EXPECT_EQ(seen.number("handshakes", "expected"), 20u);
    EXPECT_EQ(seen.number("handshakes", "counted"), 20u);
}

TEST(scenes, churn_loses_what_was_due_and_not_made) {
    const gateway_process gateway;
    const figures seen =
        play({"churn", "--url", gateway.url(), "--connections=1", "--rate=1000000", "--duration=0.1", "--timeout=0.1"});
    EXPECT_EQ(seen.run.exit_code, 3) << seen.run.err;
    EXPECT_EQ(seen.number("handshakes", "expected"), 100'000u);
    EXPECT_EQ(seen.number("handshakes", "counted") + seen.told.at("lost").to_number<std::uint64_t>(), 100'000u);
}

// Upgrades two connections and sends them pings until they have ended, without ever reading.
class talker {
public:
    talker() {
        constexpr int small = 4096; // inherited by what is accepted
        ::setsockopt(door_.number(), SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        EXPECT_EQ(::bind(door_.number(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
        EXPECT_EQ(::listen(door_.number(), 2), 0);
        socklen_t bytes = sizeof address;
        ::getsockname(door_.number(), reinterpret_cast<sockaddr*>(&address), &bytes);
        url_ = "ws://127.0.0.1:" + std::to_string(ntohs(address.sin_port)) + "/";
        for (std::thread& each : threads_) each = std::thread{[this] { talk(); }};
    }
    ~talker() {
        ::shutdown(door_.number(), SHUT_RDWR); // for a thread that nobody came to
        for (std::thread& each : threads_) each.join();
    }
    const std::string& url() const { return url_; }

private:
    void talk() {
        const descriptor socket{::accept4(door_.number(), nullptr, nullptr, SOCK_CLOEXEC)};
        std::string head;
        std::array<char, 1024> buffer;
        while (head.find("\r\n\r\n") == head.npos) {
            const ssize_t count = ::recv(socket.number(), buffer.data(), buffer.size(), 0);
            if (count <= 0) return;
            head.append(buffer.data(), static_cast<std::size_t>(count));
        }
        constexpr std::string_view field = "Sec-WebSocket-Key: ";
        std::array<char, http::websocket_accept_bytes> accept;
        http::write_accept(accept, std::string_view{head}.substr(head.find(field) + field.size(), 24));
        std::string said = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                           "Sec-WebSocket-Accept: " +
                           std::string{accept.data(), accept.size()} + "\r\n\r\n";
        const std::string ping = "\x89\x7d" + std::string(125, 'p');
        while (::send(socket.number(), said.data(), said.size(), MSG_NOSIGNAL) > 0) {
            said.clear();
            for (int i = 0; i < 100; ++i) said += ping;
        }
    }

    const descriptor door_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    std::string url_;
    std::array<std::thread, 2> threads_;
};

TEST(scenes, a_server_that_wants_pongs_and_does_not_read_them_is_left) {
    const talker server;
    const bench_run run = run_bench({"idle", "--protocol=plain", "--url", server.url(), "--connections=2", "--from=1",
                                     "--duration=60", "--server-pid", std::to_string(::getpid())});
    EXPECT_EQ(run.exit_code, 1);
    EXPECT_NE(run.err.find("the server asks for answers and does not read them"), run.err.npos) << run.err;
}

TEST(scenes, a_plain_client_says_what_it_is_told_to) {
    const gateway_process gateway;
    const figures seen = play(flags{"fanout", "--protocol=plain", "--url", gateway.url(), "--publish", gateway.bus(),
                                    "--connections=4", "--rate=50", "--channel=room", "--hello",
                                    "{\"id\":1,\"connect\":{}}\n{\"id\":2,\"subscribe\":{\"channel\":\"{channel}\"}}",
                                    "--hello-reply", "\"subscribe\":{"} +
                              short_run);
    expect_perfect(seen);
    EXPECT_EQ(seen.number("deliveries", "counted"), 40u);
}

std::string text_of(const std::string& path) {
    std::ifstream file{path};
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
}

TEST(scenes, a_table_is_shown_and_files_are_written) {
    const gateway_process gateway;
    const std::string folder = ::testing::TempDir() + "carillon-bench-" + std::to_string(::getpid());
    std::filesystem::create_directory(folder);
    const flags files{"--json", folder + "/a.json", "--svg", folder + "/a.svg"};
    const flags storm{"storm", "--url", gateway.url(), "--connections=3"};
    const bench_run shown = run_bench(storm + files);
    EXPECT_EQ(shown.exit_code, 0) << shown.err;
    EXPECT_NE(shown.out.find("handshakes"), std::string::npos);
    EXPECT_EQ(shown.err, "") << "no terminal, no progress bar";
    EXPECT_TRUE(json::parse(text_of(folder + "/a.json")).is_object());
    EXPECT_NE(text_of(folder + "/a.svg").find("<svg"), std::string::npos);
    EXPECT_EQ(run_bench(storm + files + flags{"--quiet"}).out, "");
    std::filesystem::remove_all(folder);
}

// --- what goes wrong

TEST(scenes, mistakes_are_one_line_and_exit_code_2) {
    const std::vector<flags> cases{
        {"storm", "--url", "ws://192.0.2.1:80/"}, {"dance"},
        {"storm", "--server-pid", "4194303"},     {"storm", "--json", "/nowhere/at/all"},
        {"storm", "--svg", "/nowhere/at/all"},
    };
    for (const flags& given : cases) {
        const bench_run run = run_bench(given);
        EXPECT_EQ(run.exit_code, 2) << given.back();
        EXPECT_EQ(run.out, "");
        EXPECT_EQ(std::ranges::count(run.err, '\n'), 1) << run.err;
        EXPECT_TRUE(run.err.starts_with("carillon-bench: ")) << run.err;
    }
}

TEST(scenes, a_server_that_does_not_want_us_is_exit_code_1_and_a_reason) {
    const gateway_process gateway;
    const bench_run elsewhere = run_bench({"storm", "--url", gateway.url() + "/nothing", "--connections=3"});
    EXPECT_EQ(elsewhere.exit_code, 1);
    EXPECT_TRUE(
        elsewhere.err.starts_with("carillon-bench: 3 of 3 connections could not be had: upgrade: the answer is 4"))
        << elsewhere.err;
    EXPECT_EQ(elsewhere.out, "") << "nothing was measured";
    const bench_run nobody = run_bench({"fanout", "--url", gateway.url(), "--publish", "redis://127.0.0.1:1"});
    EXPECT_EQ(nobody.exit_code, 1);
    EXPECT_EQ(nobody.err, "carillon-bench: cannot connect to 127.0.0.1:1 to publish: Connection refused\n");
    const bench_run closed = run_bench({"storm", "--url", "ws://127.0.0.1:1/", "--connections=1"});
    EXPECT_EQ(closed.err, "carillon-bench: 1 of 1 connections could not be had: connect: Connection refused\n");
}

// A bus that takes publications and delivers nothing. It calls `hook` for the first.
class silent_bus {
public:
    explicit silent_bus(
        std::string answer, std::function<void()> hook = [] {})
        : door_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)} {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        EXPECT_EQ(::bind(door_.number(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
        EXPECT_EQ(::listen(door_.number(), 1), 0);
        socklen_t bytes = sizeof address;
        ::getsockname(door_.number(), reinterpret_cast<sockaddr*>(&address), &bytes);
        url = "redis://127.0.0.1:" + std::to_string(ntohs(address.sin_port));
        thread_ = std::thread{[this, answer, hook] { serve(answer, hook); }};
    }
    ~silent_bus() { thread_.join(); } // it ends with the only connection

    std::string url;

private:
    void serve(const std::string& answer, const std::function<void()>& hook) {
        const descriptor socket{::accept4(door_.number(), nullptr, nullptr, SOCK_CLOEXEC)};
        std::string in;
        std::array<char, 4096> buffer;
        bool first = true;
        for (;;) {
            const ssize_t count = ::recv(socket.number(), buffer.data(), buffer.size(), 0);
            if (count <= 0) return;
            in.append(buffer.data(), static_cast<std::size_t>(count));
            for (std::size_t end = 0; (end = in.find("\"}\r\n")) != in.npos; in.erase(0, end + 4)) {
                ::send(socket.number(), answer.data(), answer.size(), MSG_NOSIGNAL);
                if (first) hook();
                first = false;
            }
        }
    }

    descriptor door_;
    std::thread thread_;
};

TEST(scenes, messages_that_never_come_are_lost_and_exit_code_3) {
    const gateway_process gateway;
    const silent_bus bus{":0\r\n"};
    const figures seen = play({"fanout", "--url", gateway.url(), "--publish", bus.url, "--connections=3", "--rate=50",
                               "--duration=0.2", "--warm-up=0", "--timeout=0.3"});
    EXPECT_EQ(seen.run.exit_code, 3) << seen.run.err;
    EXPECT_EQ(seen.told.at("lost").to_number<int>(), 30);
    EXPECT_EQ(seen.number("deliveries", "expected"), 30u);
    EXPECT_EQ(seen.number("deliveries", "counted"), 0u);
}

TEST(scenes, what_is_lost_while_warming_up_is_lost_too) {
    const gateway_process gateway;
    const silent_bus bus{":0\r\n"};
    const figures seen = play({"fanout", "--url", gateway.url(), "--publish", bus.url, "--connections=3", "--rate=50",
                               "--duration=0.2", "--warm-up=0.1", "--timeout=0.3"});
    EXPECT_EQ(seen.run.exit_code, 3) << seen.run.err;
    EXPECT_EQ(seen.told.at("lost").to_number<int>(), 15 + 30);
    EXPECT_EQ(seen.number("deliveries", "expected"), 30u);
}

TEST(scenes, publications_that_are_refused_fail_the_run) {
    const gateway_process gateway;
    const silent_bus bus{"-NOPERM no\r\n"};
    const figures seen = play({"fanout", "--url", gateway.url(), "--publish", bus.url, "--connections=3", "--rate=50",
                               "--duration=0.2", "--warm-up=0", "--timeout=0.3"});
    EXPECT_EQ(seen.run.exit_code, 1);
    EXPECT_EQ(seen.run.err, "carillon-bench: 10 publications were refused: NOPERM no\n");
    EXPECT_EQ(seen.number("publishes", "failed"), 10u);
    EXPECT_EQ(seen.told.at("trouble"), "10 publications were refused: NOPERM no");
}

TEST(scenes, a_bus_that_does_not_answer_ends_the_run) {
    const gateway_process gateway;
    const silent_bus bus{""};
    const figures seen = play({"fanout", "--url", gateway.url(), "--publish", bus.url, "--connections=3", "--rate=50",
                               "--duration=0.2", "--warm-up=0", "--timeout=0.3"});
    EXPECT_EQ(seen.run.exit_code, 1);
    EXPECT_EQ(seen.run.err, "carillon-bench: publishing: no answer in time\n");
}

TEST(scenes, publications_that_cannot_leave_in_time_end_the_run) {
    const gateway_process gateway;
    const figures seen = play({"fanout", "--url", gateway.url(), "--publish", gateway.bus(), "--connections=3",
                               "--rate=10000000", "--duration=0.5", "--warm-up=0", "--timeout=0.1"});
    EXPECT_EQ(seen.run.exit_code, 1);
    EXPECT_TRUE(seen.run.err.ends_with(" of 5000000 were due, and had not left in time\n")) << seen.run.err;
}

TEST(scenes, a_rate_is_not_higher_because_the_last_events_came_early) {
    const gateway_process gateway;
    const figures seen = play({"fanout", "--url", gateway.url(), "--publish", gateway.bus(), "--connections=3",
                               "--rate=2", "--duration=0.9", "--warm-up=0"});
    EXPECT_EQ(seen.number("publishes", "counted"), 2u);
    EXPECT_GE(seen.number("publishes", "length_ns"), 900'000'000u);
    EXPECT_GE(seen.number("deliveries", "length_ns"), 900'000'000u);
}

TEST(scenes, a_result_stays_until_there_is_another) {
    const std::string kept = testing::TempDir() + "/kept.json";
    const std::string nobody = "ws://127.0.0.1:1/";
    std::ofstream{kept} << "an earlier and longer result, of which nothing may be left behind the next one";
    EXPECT_EQ(run_bench({"storm", "--url", nobody, "--connections=2", "--quiet", "--json", kept}).exit_code, 1);
    const auto text = [&] {
        std::ostringstream all;
        all << std::ifstream{kept}.rdbuf();
        return all.str();
    };
    EXPECT_TRUE(text().starts_with("an earlier")) << text();
    const gateway_process gateway;
    EXPECT_EQ(run_bench({"storm", "--url", gateway.url(), "--connections=2", "--quiet", "--json", kept}).exit_code, 0);
    EXPECT_EQ(json::parse(text()).at("scene"), "storm");
    std::filesystem::remove(kept);
}

TEST(scenes, a_server_that_dies_ends_the_run_with_what_is_known) {
    const gateway_process gateway;
    const silent_bus bus{":0\r\n", [&] { gateway.signal(SIGKILL); }};
    const figures seen = play({"fanout", "--url", gateway.url(), "--publish", bus.url, "--connections=3", "--rate=10",
                               "--duration=600", "--warm-up=0"});
    EXPECT_EQ(seen.run.exit_code, 1);
    EXPECT_TRUE(seen.run.err.starts_with("carillon-bench: all connections have ended: ")) << seen.run.err;
    EXPECT_EQ(seen.told.at("dropped").to_number<int>(), 3);
}

// As from timeout(1), which tells the whole process group.
void terminate_with_workers(pid_t bench) {
    const std::string process = std::to_string(bench);
    std::ifstream children{"/proc/" + process + "/task/" + process + "/children"};
    int workers = 0;
    for (pid_t each = 0; children >> each; ++workers) ::kill(each, SIGTERM);
    EXPECT_EQ(workers, 2);
    ::kill(bench, SIGTERM);
}

TEST(scenes, a_run_whose_process_group_is_terminated_still_reports) {
    const gateway_process gateway;
    std::promise<pid_t> bench;
    const silent_bus bus{":0\r\n", [process = bench.get_future().share()] { terminate_with_workers(process.get()); }};
    started program{{CARILLON_BENCH_PROGRAM, "fanout", "--url", gateway.url(), "--publish", bus.url, "--connections=4",
                     "--processes=2", "--rate=10", "--duration=600", "--warm-up=0", "--json=-"}};
    bench.set_value(program.process());
    const std::string out = read_all(program.out());
    EXPECT_EQ(program.wait(), 130);
    EXPECT_EQ(json::parse(out).at("handshakes").at("latency").at("count").to_number<int>(), 4);
}

TEST(scenes, an_interrupted_run_still_reports) {
    const gateway_process gateway;
    std::promise<pid_t> bench;
    const silent_bus bus{":0\r\n", [process = bench.get_future().share()] { ::kill(process.get(), SIGINT); }};
    started program{{CARILLON_BENCH_PROGRAM, "fanout", "--url", gateway.url(), "--publish", bus.url, "--connections=3",
                     "--rate=10", "--duration=600", "--warm-up=0", "--json=-"}};
    bench.set_value(program.process());
    const std::string out = read_all(program.out());
    EXPECT_EQ(program.wait(), 130);
    EXPECT_EQ(json::parse(out).at("handshakes").at("counted").to_number<int>(), 3);
    EXPECT_EQ(json::parse(out).at("interrupted"), true);
}

} // namespace
} // namespace carillon::load
