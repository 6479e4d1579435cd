#include "support/test_shard.hpp"

#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

namespace carillon::test {
namespace {

using words = std::vector<std::string>;

shard_options with_presence(bus::channel_home::limits limits = {}) {
    shard_options how;
    how.clients.dev = false;
    how.clients.anonymous = true;
    const channels::audience all{channels::party::anonymous};
    how.clients.name_spaces = {{.name = "",
                                .subscribe = all,
                                .presence_for = {channels::party::subscriber},
                                .presence = true,
                                .join_leave = true},
                               {.name = "told", .subscribe = all, .join_leave = true, .force_push_join_leave = true},
                               {.name = "kept",
                                .subscribe = all,
                                .presence_for = all,
                                .history_size = 2,
                                .recovery = channels::recovery_mode::stream,
                                .presence = true,
                                .join_leave = true},
                               {.name = "plain", .subscribe = all, .presence_for = all}};
    how.streams = limits;
    return how;
}

words say(test_shard& shard, ws_client& client, const std::string& command) {
    client.say(command);
    shard.settle();
    shard.subscribers.flush();
    shard.settle();
    return client.heard();
}

const std::string somebody = R"({"info":{"user":"","client":"*"}})";

std::string told(const std::string& channel, const std::string& what) {
    return R"({"push":{"channel":")" + channel + R"(",")" + what + R"(":)" + somebody + "}}";
}

TEST(presence, who_is_there_is_told_to_who_may_ask) {
    test_shard shard{with_presence()};
    ws_client one = shard.connected("a");
    ws_client two = shard.connected();
    EXPECT_EQ(say(shard, two, R"({"id":3,"presence":{"channel":"a"}})"),
              words{R"({"id":3,"error":{"code":103,"message":"permission denied"}})"});
    EXPECT_EQ(say(shard, two, R"({"id":3,"presence":{"channel":"plain:a"}})"),
              words{R"({"id":3,"error":{"code":108,"message":"not available"}})"});
    const std::string its = '"' + one.id() + R"(":{"user":"","client":"*"})";
    EXPECT_EQ(say(shard, one, R"({"id":3,"presence":{"channel":"a"}})"),
              words{R"({"id":3,"presence":{"presence":{)" + its + "}}}"});
    EXPECT_EQ(say(shard, two, R"({"id":2,"subscribe":{"channel":"a"}})"), words{R"({"id":2,"subscribe":{}})"});
    EXPECT_EQ(say(shard, one, R"({"id":4,"presence_stats":{"channel":"a"}})"),
              words{R"({"id":4,"presence_stats":{"num_clients":2,"num_users":1}})"});
    EXPECT_EQ(say(shard, two, R"({"id":3,"unsubscribe":{"channel":"a"}})"), words{R"({"id":3,"unsubscribe":{}})"});
    EXPECT_EQ(say(shard, one, R"({"id":3,"presence":{"channel":"a"}})"),
              words{R"({"id":3,"presence":{"presence":{)" + its + "}}}"});
    EXPECT_EQ(say(shard, one, R"({"id":3,"presence":{"channel":"kept:nobody"}})"),
              words{R"({"id":3,"presence":{"presence":{}}})"});
    EXPECT_EQ(shard.broker.home()->answer("a", {.about = bus::home_question::kind::count}).there.clients, 1u);
}

TEST(presence, comings_and_goings_are_told_to_who_asked_for_them) {
    test_shard shard{with_presence()};
    ws_client deaf = shard.connected("a");
    ws_client one = shard.connected();
    EXPECT_EQ(say(shard, one, R"({"id":2,"subscribe":{"channel":"a","join_leave":true}})"),
              (words{R"({"id":2,"subscribe":{}})", told("a", "join")})); // it hears of itself, too
    {
        ws_client two = shard.connected("a");
        EXPECT_EQ(one.heard(), words{told("a", "join")});
        shard.publish("a", "1");
        EXPECT_EQ(one.heard(), words{R"({"push":{"channel":"a","pub":{"data":1}}})"});
        EXPECT_EQ(two.heard(), words{R"({"push":{"channel":"a","pub":{"data":1}}})"});
    }
    shard.settle();
    shard.subscribers.flush();
    EXPECT_EQ(one.heard(), words{told("a", "leave")});
    EXPECT_EQ(deaf.heard(), words{R"({"push":{"channel":"a","pub":{"data":1}}})"});
    metrics::shard_counters counted{};
    shard.broker.home()->count(counted);
    EXPECT_EQ(counted.joins_and_leaves, 4u);
    EXPECT_EQ(counted.presence_entries, 2);
}

// "plain" is for everybody to ask, "mute" for nobody.
TEST(presence, who_may_not_ask_who_is_there_is_not_told_who_comes) {
    shard_options how = with_presence();
    how.clients.name_spaces.push_back({.name = "mute",
                                       .subscribe = {channels::party::anonymous},
                                       .presence_for = {channels::party::client, channels::party::subscribed_client},
                                       .presence = true,
                                       .join_leave = true});
    test_shard shard{how};
    ws_client one = shard.connected();
    for (const char* channel : {"mute:a", "a"})
        EXPECT_EQ(
            say(shard, one, fmt::format(R"({{"id":2,"subscribe":{{"channel":"{}","join_leave":true}}}})", channel))
                .front(),
            R"({"id":2,"subscribe":{}})");
    (void)one.heard();
    ws_client two = shard.connected();
    say(shard, two, R"({"id":2,"subscribe":{"channel":"mute:a"}})");
    say(shard, two, R"({"id":2,"subscribe":{"channel":"a"}})");
    const words heard = one.heard();
    ASSERT_EQ(heard.size(), 1u);
    EXPECT_TRUE(heard[0].starts_with(R"({"push":{"channel":"a","join":)")) << heard[0];
}

TEST(presence, a_namespace_may_tell_everybody) {
    test_shard shard{with_presence()};
    ws_client one = shard.connected();
    EXPECT_EQ(say(shard, one, R"({"id":2,"subscribe":{"channel":"told:a"}})"),
              (words{R"({"id":2,"subscribe":{}})", told("told:a", "join")}));
    ws_client program{shard.program("*2\r\n$9\r\nSUBSCRIBE\r\n$6\r\ntold:a\r\n*2\r\n$10\r\nPSUBSCRIBE\r\n$1\r\n*\r\n")};
    program.read();
    program.received().clear();
    ws_client two = shard.connected();
    EXPECT_EQ(say(shard, two, R"({"id":2,"subscribe":{"channel":"told:a"}})").size(), 2u);
    EXPECT_EQ(one.heard(), words{told("told:a", "join")});
    program.read();
    EXPECT_EQ(program.received(), ""); // programs are told of publications only
}

TEST(presence, goes_with_recovery) {
    test_shard shard{with_presence()};
    ws_client one = shard.connected();
    const words heard = say(shard, one, R"({"id":2,"subscribe":{"channel":"kept:a","join_leave":true}})");
    ASSERT_EQ(heard.size(), 2u);
    EXPECT_EQ(heard[1], told("kept:a", "join"));
    EXPECT_EQ(shard.broker.home()->answer("kept:a", {.about = bus::home_question::kind::count}).there.clients, 1u);
}

TEST(presence, in_a_crowd_nobody_is_told_and_no_list_is_given) {
    test_shard shard{with_presence({.listed_max = 1, .announced_max = 1})};
    ws_client one = shard.connected();
    EXPECT_EQ(say(shard, one, R"({"id":2,"subscribe":{"channel":"a","join_leave":true}})").size(), 2u);
    ws_client two = shard.connected("a");
    EXPECT_EQ(one.heard(), words{});
    EXPECT_EQ(say(shard, one, R"({"id":3,"presence":{"channel":"a"}})"),
              words{R"({"id":3,"error":{"code":106,"message":"limit exceeded"}})"});
    EXPECT_EQ(say(shard, one, R"({"id":4,"presence_stats":{"channel":"a"}})"),
              words{R"({"id":4,"presence_stats":{"num_clients":2,"num_users":1}})"});
    metrics::shard_counters counted{};
    shard.broker.home()->count(counted);
    EXPECT_EQ(counted.joins_and_leaves_not_told, 1u);
}

// Clients that come and go on three shards in any order: at the end the homes know who is there.
TEST(presence_history, homes_know_who_is_there) {
    constexpr std::uint32_t shard_count = 3;
    for (unsigned seed = 1; seed <= 30; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        std::minstd_rand random{seed};
        bus::embedded_bus bus{shard_count};
        std::vector<std::unique_ptr<test_shard>> shards;
        for (std::uint32_t i = 0; i < shard_count; ++i)
            shards.push_back(std::make_unique<test_shard>(with_presence(), bus, i));
        const auto settle = [&] {
            for (int round = 0; round < 20; ++round)
                for (auto& each : shards) each->settle();
        };
        struct visitor {
            std::unique_ptr<ws_client> client;
            std::set<int> channels;
        };
        std::vector<visitor> all(8);
        for (int step = 0; step < 300; ++step) {
            visitor& who = all[random() % all.size()];
            const int channel = static_cast<int>(random() % 3);
            const std::string name = "c" + std::to_string(channel);
            switch (random() % 5) {
            case 0:
                if (who.client == nullptr) {
                    test_shard& its = *shards[random() % shard_count];
                    who.client = std::make_unique<ws_client>(its.open(its.sessions, upgrade_request));
                    (void)who.client->response();
                    who.client->say(R"({"id":1,"connect":{}})");
                } else {
                    who = {};
                }
                break;
            case 1:
                if (who.client == nullptr || !who.channels.insert(channel).second) break;
                who.client->say(R"({"id":2,"subscribe":{"channel":")" + name + R"("}})");
                break;
            case 2:
                if (who.client == nullptr || who.channels.erase(channel) == 0) break;
                who.client->say(R"({"id":3,"unsubscribe":{"channel":")" + name + R"("}})");
                break;
            default: (void)shards[random() % shard_count]->step();
            }
        }
        settle();
        for (visitor& each : all)
            if (each.client != nullptr) (void)each.client->heard();
        for (int channel = 0; channel < 3; ++channel) {
            const std::string name = "c" + std::to_string(channel);
            const auto home = bus::home_of(bus::channel_hash(name), shard_count);
            const auto said = shards[home]->broker.home()->answer(name, {.about = bus::home_question::kind::list});
            std::set<std::string> there;
            for (const auto& [id, info] : *said.members) there.insert(std::string{people::uuid_text{id}.view()});
            std::set<std::string> expected;
            for (const visitor& each : all)
                if (each.channels.contains(channel)) expected.insert(each.client->id());
            EXPECT_EQ(there, expected) << name;
        }
        all.clear();
        settle();
        for (auto& each : shards) {
            metrics::shard_counters counted{};
            each->broker.home()->count(counted);
            EXPECT_EQ(counted.presence_entries, 0);
        }
    }
}

} // namespace
} // namespace carillon::test
