#include "load/options.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace carillon::load {
namespace {

using namespace std::chrono_literals;
using arguments = std::vector<std::string>;

constexpr std::uint64_t descriptors = 20'000;

parsed_options parsed(const arguments& given, std::uint64_t descriptors_max = descriptors) {
    std::vector<const char*> argv{"carillon-bench"};
    for (const std::string& argument : given) argv.push_back(argument.c_str());
    return parse_options(static_cast<int>(argv.size()), argv.data(), descriptors_max);
}

options valid(const arguments& given, std::uint64_t descriptors_max = descriptors) {
    const parsed_options outcome = parsed(given, descriptors_max);
    EXPECT_TRUE(outcome.value) << outcome.text;
    return outcome.value.value_or(options{});
}

std::string refused(const arguments& given, std::uint64_t descriptors_max = descriptors) {
    const parsed_options outcome = parsed(given, descriptors_max);
    EXPECT_FALSE(outcome.value) << outcome.text;
    EXPECT_EQ(outcome.exit_code, 2);
    EXPECT_EQ(outcome.text.find('\n'), outcome.text.npos) << outcome.text;
    const std::string name = "carillon-bench: ";
    EXPECT_TRUE(outcome.text.starts_with(name));
    return outcome.text.substr(name.size());
}

TEST(bench_options, a_scene_is_enough_for_a_gateway_in_dev_mode) {
    const options fanout = valid({"fanout"});
    EXPECT_EQ(fanout.scene, scene::fanout);
    EXPECT_EQ(fanout.target.authority() + fanout.target.target, "127.0.0.1:8000/connection/websocket");
    ASSERT_TRUE(fanout.publish);
    EXPECT_EQ(fanout.publish->authority(), "127.0.0.1:6390");
    EXPECT_EQ(fanout.connections, 1000u);
    EXPECT_EQ(fanout.processes, 1u);
    EXPECT_EQ(fanout.window, 200u);
    EXPECT_EQ(fanout.rate, 10);
    EXPECT_EQ(fanout.warm_up, 1s);
    EXPECT_EQ(fanout.duration, 10s);
    EXPECT_FALSE(fanout.own_channels);
    EXPECT_EQ(fanout.channel_of(7), "bench");
}

TEST(bench_options, each_scene_has_its_defaults) {
    EXPECT_TRUE(valid({"unicast"}).own_channels);
    EXPECT_EQ(valid({"unicast"}).channel_of(7), "bench-7");
    EXPECT_EQ(valid({"unicast"}).rate, 1000);
    EXPECT_EQ(valid({"unicast"}).channels, 1000u);
    EXPECT_EQ(valid({"unicast", "--channels=100"}).channels, 100u);
    EXPECT_EQ(valid({"unicast", "--channels=100"}).channel_of(7), "bench-7");
    EXPECT_EQ(valid({"unicast", "--channels=100"}).channel_of(107), "bench-7");
    EXPECT_EQ(valid({"fanout"}).channels, 1u);
    EXPECT_EQ(valid({"echo"}).channels, 64u);
    EXPECT_EQ(valid({"echo"}).connections, 64u);
    EXPECT_EQ(valid({"echo"}).rate, 0);
    EXPECT_FALSE(valid({"echo"}).publish);
    EXPECT_EQ(valid({"storm", "--connections", "5000"}).window, 5000u);
    EXPECT_EQ(valid({"churn"}).rate, 100);
    EXPECT_EQ(valid({"churn"}).warm_up, 0s);
    EXPECT_FALSE(valid({"storm"}).own_channels);
    EXPECT_TRUE(valid({"storm", "--own-channels"}).own_channels);
    const arguments idle{"idle", "--server-pid", "1"};
    EXPECT_EQ(valid(idle).from, 100u);
    EXPECT_EQ(valid({"idle", "--server-pid=1", "--connections=18000"}).from, 1500u);
    EXPECT_EQ(valid({"idle", "--server-pid=1", "--server-pid=2"}).server_pids, (std::vector<pid_t>{1, 2}));
}

TEST(bench_options, there_are_as_many_processes_as_the_limit_on_files_wants) {
    EXPECT_EQ(valid({"storm", "--connections=19500"}).processes, 1u);
    EXPECT_EQ(valid({"storm", "--connections=19501"}).processes, 2u);
    EXPECT_EQ(valid({"storm", "--connections=1000"}, 1024).processes, 2u);
    EXPECT_EQ(valid({"storm", "--connections=100", "--processes=7"}).processes, 7u);
    EXPECT_EQ(refused({"storm", "--connections=20000", "--processes=1"}),
              "20000 connections need 2 to 200 processes of 20000 files, not 1");
    EXPECT_EQ(refused({"storm", "--connections=3", "--processes=4"}),
              "3 connections need 1 to 3 processes of 20000 files, not 4");
}

TEST(bench_options, lists_of_processors_are_read) {
    EXPECT_EQ(valid({"storm", "--cpus=1"}).cpus, (std::vector<int>{1}));
    EXPECT_EQ(valid({"storm", "--cpus", "0,2-4"}).cpus, (std::vector<int>{0, 2, 3, 4}));
    for (const char* wrong : {"a", "1-", "-1", "2-1", "1,,2", "1024"})
        EXPECT_TRUE(refused({"storm", std::string{"--cpus="} + wrong}).starts_with("--cpus must be processors"))
            << wrong;
}

struct refused_case {
    arguments given;
    const char* why;
};

TEST(bench_options, what_is_wrong_is_said_in_one_line) {
    const refused_case cases[] = {
        {{}, "which scene? One of idle, fanout, unicast, echo, storm, churn"},
        {{"dance"}, "'dance' is no scene; give one of idle, fanout, unicast, echo, storm, churn"},
        {{"storm", "--url", "ws://example.com/"},
         "--url: example.com may be somebody else's machine; --i-own-this-target says it is not"},
        {{"fanout", "--publish", "redis://10.0.0.1"},
         "--publish: 10.0.0.1 may be somebody else's machine; --i-own-this-target says it is not"},
        {{"storm", "--url", "wss://127.0.0.1/"}, "--url must be a URL such as ws://HOST:PORT, not 'wss://127.0.0.1/'"},
        {{"storm", "--url", "ws://me@127.0.0.1/"}, "--url must not have a user; say who you are with --header"},
        {{"fanout", "--publish", "amqp://127.0.0.1"},
         "--publish must be a URL such as redis://HOST:PORT or http://HOST:PORT, not 'amqp://127.0.0.1'"},
        {{"fanout", "--publish", "redis://127.0.0.1/0"}, "--publish redis://... ends behind the port"},
        {{"fanout", "--publish", "http://a:b@127.0.0.1/"},
         "--publish http://... must not have a user; say who you are with --publish-header"},
        {{"fanout", "--publish-body", "x{payload}"},
         "--publish-body and --publish-header are for --publish http://..."},
        {{"fanout", "--publish", "http://127.0.0.1/", "--publish-body", "x"},
         "--publish-body must have {payload} in it"},
        {{"echo", "--publish", "redis://127.0.0.1"}, "--publish is for fanout and unicast"},
        {{"storm", "--protocol", "mqtt"}, "--protocol must be centrifuge or plain, not 'mqtt'"},
        {{"storm", "--json=a", "--svg=a"}, "--json and --svg must not be the same file"},
        {{"storm", "--hello", "hi"}, "--hello and --hello-reply are for --protocol plain; centrifuge has its own"},
        {{"storm", "--protocol=plain", "--hello-reply=hi"}, "--hello-reply needs --hello"},
        {{"fanout", "--own-channels"}, "--own-channels is for idle, storm and churn; the others decide themselves"},
        {{"fanout", "--channels=2"}, "--channels is for unicast"},
        {{"unicast", "--channels=3"},
         "--channels must divide --connections, which is 1000, without a rest; 3 does not"},
        {{"unicast", "--channels=0"},
         "--channels must divide --connections, which is 1000, without a rest; 0 does not"},
        {{"unicast", "--channels=1001"},
         "--channels must divide --connections, which is 1000, without a rest; 1001 does not"},
        {{"unicast", "--connections=0"}, "--connections must be from 1 to 4000000, not 0"},
        {{"echo", "--read-later"}, "--read-later is for fanout and unicast"},
        {{"storm", "--connections=0"}, "--connections must be from 1 to 4000000, not 0"},
        {{"storm", "--window=0"}, "--window must be from 1 to 4000000, not 0"},
        {{"storm", "--connect-rate=-1"}, "--connect-rate must be from 0 to 10000000, not -1"},
        {{"storm", "--connect-rate=nan"}, "--connect-rate must be from 0 to 10000000, not nan"},
        {{"fanout", "--payload-bytes=73"}, "--payload-bytes must be from 74 to 1048576, not 73"},
        {{"fanout", "--burst=0"}, "--burst must be from 1 to 1000000, not 0"},
        {{"fanout", "--in-flight=0"}, "--in-flight must be from 1 to 1000000, not 0"},
        {{"fanout", "--publish=http://127.0.0.1/", "--publishers=1001"},
         "--publishers must be from 1 to 1000, not 1001"},
        {{"fanout", "--duration=0"}, "--duration must be from 0.001 to 86400, not 0"},
        {{"fanout", "--timeout=0"}, "--timeout must be from 0.1 to 86400, not 0"},
        {{"fanout", "--warm-up=-1"}, "--warm-up must be from 0 to 86400, not -1"},
        {{"storm", "--rate=1"}, "--rate is for fanout, unicast, echo and churn"},
        {{"storm", "--duration=1"}, "--duration is for all but storm"},
        {{"churn", "--warm-up=1"}, "--warm-up is for fanout, unicast and echo"},
        {{"churn", "--payload-bytes=128"}, "--payload-bytes is for fanout, unicast and echo"},
        {{"echo", "--in-flight=1"}, "--in-flight is for fanout and unicast"},
        {{"echo", "--burst=1"}, "--burst is for fanout and unicast"},
        {{"fanout", "--publishers=2"}, "--publishers is for --publish http://..."},
        {{"churn", "--rate=0"}, "--rate of churn must be above 0"},
        {{"storm", "--from=1"}, "--from is for idle"},
        {{"idle", "--server-pid=1", "--from=1000"},
         "--from must be from 1 to below --connections, which is 1000, not 1000"},
        {{"idle", "--server-pid=1", "--from=0"}, "--from must be from 1 to below --connections, which is 1000, not 0"},
        {{"idle", "--server-pid=1", "--connections=1"}, "idle compares two counts: --connections must be 2 or more"},
        {{"storm", "--server-pid=7", "--server-pid=7"},
         "--server-pid 7 is given twice: its CPU and memory would count twice"},
        {{"storm", "--connections=4000000"},
         "4000000 connections need 206 processes of 20000 files, and 200 is the limit"},
        {{"idle"}, "idle is about the server's memory: say whose with --server-pid"},
        {{"storm", "--server-pid=0"}, "--server-pid must be a process, not 0"},
        {{"storm", "--channel", "a\"b"}, "--channel must be 1 to 200 printable ASCII characters other than \" \\ {"},
        {{"storm", "--header", "nothing"}, "--header must be a line such as 'Name: value', not 'nothing'"},
        {{"storm", "--header", "A: b\r\nC: d"}, "--header must be a line such as 'Name: value', not 'A: b\r C: d'"},
    };
    for (const auto& [given, why] : cases) EXPECT_EQ(refused(given), why);
    for (const arguments& given :
         {arguments{"storm", "--nonsense"}, arguments{"storm", "churn"}, arguments{"storm", "--connections", "many"},
          arguments{"storm", "--connections"}, arguments{"storm", "--connections=-1"}})
        EXPECT_FALSE(refused(given).empty());
}

TEST(bench_options, limits_may_be_reached) {
    EXPECT_EQ(valid({"fanout", "--payload-bytes=74"}).payload_bytes, 74u);
    EXPECT_EQ(valid({"fanout", "--payload-bytes=1048576"}).payload_bytes, 1'048'576u);
    EXPECT_EQ(valid({"idle", "--server-pid=1", "--from=999"}).from, 999u);
    EXPECT_EQ(valid({"storm", "--connections=1"}).connections, 1u);
    EXPECT_EQ(valid({"fanout", "--duration=0.001"}).duration, 1ms);
}

TEST(bench_options, another_machine_must_be_ones_own) {
    const options own =
        valid({"fanout", "--i-own-this-target", "--url=ws://example.com/", "--publish=http://10.0.0.1/{channel}"});
    EXPECT_EQ(own.target.host, "example.com");
    EXPECT_EQ(own.publish->host, "10.0.0.1");
}

TEST(bench_options, lines_and_hellos_are_kept_as_they_are) {
    const options plain = valid({"fanout", "--protocol=plain", "--hello", "sub {channel}, now", "--hello-reply=ok",
                                 "--header", "A: b, c", "--header", "D: e f"});
    EXPECT_EQ(plain.protocol, protocol::plain);
    EXPECT_EQ(plain.hello, "sub {channel}, now");
    EXPECT_EQ(plain.headers, (std::vector<std::string>{"A: b, c", "D: e f"}));
}

TEST(bench_options, a_description_has_no_password) {
    for (const auto& [name, value, is_text] : describe(valid({"fanout", "--publish=redis://user:secret@127.0.0.1:1"})))
        EXPECT_EQ(value.find("secret"), value.npos) << name;
}

TEST(bench_options, the_manual_has_every_flag_and_no_other) {
    const parsed_options help = parsed({"--help"});
    EXPECT_EQ(help.exit_code, 0);
    std::ifstream file{CARILLON_BENCH_PAGE};
    std::stringstream page;
    page << file.rdbuf();
    const auto flags_of = [](const std::string& text, const std::regex& pattern) {
        std::set<std::string> flags;
        for (std::sregex_iterator at{text.begin(), text.end(), pattern}, end; at != end; ++at) flags.insert((*at)[1]);
        return flags;
    };
    const auto in_help = flags_of(help.text, std::regex{R"(\n *(?:-h,)?(--[a-z-]+))"});
    EXPECT_GT(in_help.size(), 25u);
    EXPECT_EQ(in_help, flags_of(page.str(), std::regex{R"(\n\| `(--[a-z-]+))"}));
    EXPECT_EQ(parsed({"--version"}).text, "carillon-bench " CARILLON_VERSION);
}

} // namespace
} // namespace carillon::load
