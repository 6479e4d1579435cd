#include "support/test_shard.hpp"

#include <string>
#include <vector>

namespace carillon::test {
namespace {

using words = std::vector<std::string>;

TEST(bus_refusal, who_had_a_channel_is_told_that_it_is_theirs_no_more) {
    struct refusal {
        bus::error why;
        const char* push;
    };
    for (const refusal& each :
         {refusal{bus::error::denied,
                  R"({"push":{"channel":"a","unsubscribe":{"code":2000,"reason":"permission denied"}}})"},
          refusal{bus::error::refused,
                  R"({"push":{"channel":"a","unsubscribe":{"code":2500,"reason":"internal server error"}}})"}}) {
        test_shard shard;
        ws_client one = shard.connected("a");
        ws_client two = shard.connected("a");
        ws_client other = shard.connected("b");
        two.say(R"({"id":3,"subscribe":{"channel":"b"}})");
        shard.settle();
        two.heard();
        shard.sessions.talks().on_unsubscribed("a", each.why);
        shard.settle();
        EXPECT_EQ(one.heard(), words{each.push});
        EXPECT_EQ(two.heard(), words{each.push});
        EXPECT_EQ(shard.subscribers.subscribers("a"), 0u);
        EXPECT_EQ(shard.publish("a", "1"), 0u);
        // The connection and its other channels are as before, and the channel may be asked for again.
        EXPECT_EQ(shard.publish("b", "2"), 2u);
        const words message{R"({"push":{"channel":"b","pub":{"data":2}}})"};
        EXPECT_EQ(two.heard(), message);
        EXPECT_EQ(other.heard(), message);
        one.say(R"({"id":4,"subscribe":{"channel":"a"}})");
        shard.settle();
        EXPECT_EQ(one.heard(), words{R"({"id":4,"subscribe":{}})"});
    }
}

TEST(bus_refusal, who_waits_for_a_channel_gets_the_reason_as_the_answer) {
    struct refusal {
        bus::error why;
        const char* reply;
    };
    for (const refusal& each :
         {refusal{bus::error::denied, R"({"id":7,"error":{"code":103,"message":"permission denied"}})"},
          refusal{bus::error::away,
                  R"({"id":7,"error":{"code":100,"message":"internal server error","temporary":true}})"}}) {
        test_shard shard;
        ws_client client = shard.connected("a");
        const bus::ticket whose{shard.records.key_of(shard.records.at(0)).packed(), 7};
        shard.sessions.talks().on_subscribe_failed(whose, "a", each.why);
        shard.settle();
        EXPECT_EQ(client.heard(), words{each.reply});
        EXPECT_EQ(shard.subscribers.subscriptions(), 0u);
        client.hang_up();
        shard.settle();
        shard.sessions.talks().on_subscribe_failed(whose, "a", each.why); // nobody is there to hear it
        shard.expect_empty();
    }
}

} // namespace
} // namespace carillon::test
