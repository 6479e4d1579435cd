#include "support/test_shard.hpp"

#include <string>
#include <vector>

namespace carillon::test {
namespace {

using namespace std::chrono_literals;
using words = std::vector<std::string>;

constexpr std::string_view unsubscribe = R"({"id":5,"unsubscribe":{"channel":"a"}})";
const std::string done = R"({"id":5,"unsubscribe":{}})";
const std::string refused = R"({"id":5,"error":{"code":111,"message":"too many requests","temporary":true}})";

shard_options with_a_limit_of(std::size_t commands) {
    shard_options how;
    how.clients.commands_per_second_max = commands;
    return how;
}

words say(test_shard& shard, ws_client& client, int times) {
    std::string lines;
    for (int i = 0; i < times; ++i) lines += (i > 0 ? "\n" : "") + std::string{unsubscribe};
    client.say(lines);
    shard.settle();
    words all;
    for (const std::string& each : client.heard()) {
        std::string_view rest = each;
        for (std::size_t end = rest.find('\n'); end != rest.npos; end = rest.find('\n')) {
            all.emplace_back(rest.substr(0, end));
            rest.remove_prefix(end + 1);
        }
        all.emplace_back(rest);
    }
    return all;
}

TEST(pace, commands_over_the_limit_are_refused_and_in_the_next_second_there_are_others) {
    test_shard shard{with_a_limit_of(2)};
    ws_client client = shard.connected(); // which does not count
    EXPECT_EQ(say(shard, client, 4), (words{done, done, refused, refused}));
    shard.advance(999ms);
    EXPECT_EQ(shard.counters.command_errors(111), 2u);
    shard.advance(1ms);
    EXPECT_EQ(say(shard, client, 3), (words{done, done, refused}));
}

TEST(pace, who_goes_on_is_closed) {
    test_shard shard{with_a_limit_of(2)};
    ws_client client = shard.connected();
    EXPECT_EQ(say(shard, client, 9), (words{done, done, refused, refused, "close 3013 too many requests", "end"}));
    EXPECT_EQ(shard.counters.connections_closed(3013), 1u);
}

TEST(pace, each_client_has_its_own_and_so_has_who_gets_the_place_of_another) {
    test_shard shard{with_a_limit_of(1)};
    ws_client other = shard.connected();
    {
        ws_client client = shard.connected();
        EXPECT_EQ(say(shard, client, 2), (words{done, refused}));
    }
    shard.settle();
    ws_client next = shard.connected();
    EXPECT_EQ(say(shard, next, 1), words{done});
    EXPECT_EQ(say(shard, other, 1), words{done});
}

TEST(pace, pongs_are_no_commands) {
    test_shard shard{with_a_limit_of(1)};
    ws_client client = shard.connected();
    EXPECT_EQ(say(shard, client, 1), words{done});
    for (int i = 0; i < 3; ++i) {
        shard.advance(25'101ms);
        EXPECT_EQ(client.heard(), words{"{}"});
        client.say("{}");
        shard.settle();
    }
    EXPECT_EQ(shard.counters.pongs_received, 3u);
    EXPECT_EQ(shard.counters.command_errors(111), 0u);
}

TEST(pace, without_a_limit_nothing_is_kept_and_nobody_is_refused) {
    test_shard shard;
    ws_client client = shard.connected();
    EXPECT_EQ(say(shard, client, 500).size(), 500u);
    EXPECT_EQ(shard.counters.command_errors(111), 0u);
}

} // namespace
} // namespace carillon::test
