#include "redis/redis_rig.hpp"

#include <gtest/gtest.h>

namespace carillon::redis {
namespace {

using namespace test;

TEST(redis_link, brings_messages_to_the_shards_that_have_subscribers) {
    deployment d;
    ASSERT_EQ(d.shards[0].subscribe("a"), interest::pending);
    d.shards[0].heard.await("subscribed 1");
    ASSERT_EQ(d.shards[1].subscribe("b"), interest::pending);
    d.shards[1].heard.await("subscribed 1");
    d.bus.publish("a", "{\"n\":1}");
    d.bus.publish("a", "two");
    d.bus.publish("b", "three");
    d.bus.publish("nobody", "four");
    d.bus.publish("b", "five");
    d.bus.publish("a", "six");
    std::string all;
    while (!all.ends_with("a=six text;")) {
        const std::string line = d.shards[0].heard.await("message ");
        ASSERT_FALSE(line.empty());
        all += line.substr(8);
    }
    EXPECT_EQ(all, "a={\"n\":1} json;a=two text;a=six text;");
    all.clear();
    while (!all.ends_with("b=five text;")) {
        const std::string line = d.shards[1].heard.await("message ");
        ASSERT_FALSE(line.empty());
        all += line.substr(8);
    }
    EXPECT_EQ(all, "b=three text;b=five text;");
}

TEST(redis_link, subscribes_once_for_all_shards_and_leaves_with_the_last) {
    redis_options how;
    how.upstream.linger = 0ms;
    deployment d{how};
    d.await_live(); // until then a shard may think that the bus is away, and have everything confirmed
    d.shards[0].subscribe("a");
    d.shards[0].heard.await("subscribed 1");
    d.shards[1].subscribe("a");
    d.shards[1].heard.await("subscribed 1");
    EXPECT_EQ(d.shards[1].subscribe("a", 2),
              interest::confirmed); // the second subscriber of a shard that has been told
    d.bus.heard.await("SUBSCRIBE a");
    d.shards[0].unsubscribe("a");
    d.bus.publish("a", "still");
    EXPECT_EQ(d.shards[1].heard.await("message "), "message a=still text;");
    d.shards[1].unsubscribe("a", 2);
    d.shards[1].unsubscribe("a");
    d.shards[1].subscribe("marker");
    d.shards[1].heard.await("subscribed 1");
    d.await([&] { return d.figures().channels == 1; });
    int subscribes = 0;
    int unsubscribes = 0;
    for (const std::string& line : d.bus.heard.take()) {
        subscribes += line == "SUBSCRIBE a";
        unsubscribes += line == "UNSUBSCRIBE a";
    }
    EXPECT_EQ(subscribes, 0); // besides the one above
    EXPECT_EQ(unsubscribes, 1);
}

TEST(redis_link, tells_how_a_publication_fared) {
    deployment d;
    d.await_live();
    ASSERT_FALSE(d.shards[0].publish("a", "x", 1).has_value());
    ASSERT_FALSE(d.shards[1].publish("a", "y", 2).has_value());
    EXPECT_EQ(d.shards[0].heard.await("published"), "published 1 7");
    EXPECT_EQ(d.shards[1].heard.await("published"), "published 2 7");
    d.bus.answer_with("PUBLISH", "-ERR no\r\n");
    d.shards[0].publish("a", "x", 3);
    EXPECT_EQ(d.shards[0].heard.await("published"), "published 3 the bus refused the publication");
    d.bus.answer_with("PUBLISH", "-NOPERM no\r\n");
    d.shards[0].publish("a", "x", 4);
    EXPECT_EQ(d.shards[0].heard.await("published"), "published 4 the bus does not permit it");
}

TEST(redis_link, refuses_publications_while_away_and_more_than_may_be_on_their_way) {
    redis_options how;
    how.upstream.in_flight_max = 2;
    deployment d{how};
    d.await_live();
    d.bus.ignore("PUBLISH");
    ASSERT_FALSE(d.shards[0].publish("a", "x", 1).has_value());
    ASSERT_FALSE(d.shards[0].publish("a", "x", 2).has_value());
    const auto third = d.shards[0].publish("a", "x", 3);
    ASSERT_TRUE(third.has_value());
    EXPECT_EQ(third->error(), error::busy);
    d.await([&] { return d.figures().in_flight == 2; });
    d.shards[1].publish("a", "x", 4); // the other shard does not know, and hears of it from the link
    EXPECT_EQ(d.shards[1].heard.await("published"), "published 4 too many publications are on their way");
    d.bus.close();
    EXPECT_EQ(d.shards[0].heard.await("published"), "published 1 the bus cannot be reached");
    EXPECT_EQ(d.shards[0].heard.await("published"), "published 2 the bus cannot be reached");
    d.await([&] { return !d.link.live(); });
    const auto away = d.shards[0].publish("a", "x", 5);
    ASSERT_TRUE(away.has_value());
    EXPECT_EQ(away->error(), error::away);
}

TEST(redis_link, comes_back_when_the_server_does) {
    deployment d;
    d.shards[0].subscribe("a");
    d.shards[0].heard.await("subscribed 1");
    for (int round = 0; round < 3; ++round) {
        d.bus.close();
        d.await([&] { return !d.link.live() && d.figures().counts.connect_failures > 0; });
        EXPECT_FALSE(d.figures().last_error.empty());
        EXPECT_EQ(d.shards[1].subscribe("while away " + std::to_string(round)), interest::pending);
        d.bus.open();
        d.await_live();
        d.shards[1].heard.await("subscribed 1");
        d.bus.publish("a", std::to_string(round));
        EXPECT_EQ(d.shards[0].heard.await("message "), "message a=" + std::to_string(round) + " json;");
    }
}

TEST(redis_link, brings_nobody_a_message_before_his_subscribe_is_answered) {
    deployment d;
    d.shards[0].subscribe("a");
    d.shards[0].heard.await("subscribed 1");
    std::string many;
    for (int i = 0; i < 100; ++i) many += message("a", std::to_string(i));
    d.bus.flood(many);
    for (int i = 0; i < 20; ++i) {
        d.shards[1].heard.take();
        ASSERT_EQ(d.shards[1].subscribe("a"), interest::pending);
        ASSERT_EQ(d.shards[1].heard.await(""), "subscribed 1");
        d.shards[1].heard.await("message");
        d.shards[1].unsubscribe("a");
    }
}

// The link has not heard of the second subscriber yet, but the message says what it would answer.
TEST(redis_link, answers_a_subscribe_before_the_message_that_proves_it) {
    deployment d;
    for (shard& each : d.shards) {
        each.subscribe("a");
        each.heard.await("subscribed 1");
    }
    d.bus.close();
    d.await([&] { return !d.link.live(); });
    d.figures(); // by now it has told the shards
    std::promise<void> go;
    d.shards[0].hold_up(go.get_future().share());
    d.shards[0].subscribe_later("a", 2);
    d.bus.open();
    d.await_live();
    d.bus.publish("a", "1");
    d.shards[1].heard.await("message a=1"); // and shard 0 was given it before
    go.set_value();
    EXPECT_EQ(d.shards[0].heard.await(""), "subscribed 2");
    EXPECT_EQ(d.shards[0].heard.await(""), "message a=1 json;");
}

// What was confirmed is a subscription that has ended since.
TEST(redis_link, takes_no_confirmation_of_an_earlier_subscription) {
    redis_options how;
    how.upstream.linger = 0ms;
    deployment d{how};
    d.await_live();
    d.bus.ignore("SUBSCRIBE");
    d.shards[0].subscribe("a");
    d.shards[1].subscribe("a");
    d.bus.heard.await("SUBSCRIBE a");
    std::promise<void> go;
    std::promise<void> come;
    d.shards[0].hold_up(go.get_future().share());
    d.shards[0].leave_later("a");
    d.shards[0].hold_up(come.get_future().share());
    d.shards[0].subscribe_later("a");
    d.bus.say(confirmation("subscribe", "a"));
    d.shards[1].heard.await("subscribed 1"); // and shard 0 has been told before
    d.shards[1].unsubscribe("a");
    go.set_value();
    EXPECT_EQ(d.shards[0].heard.await(""), "subscribed 1") << "of who left";
    d.bus.heard.await("UNSUBSCRIBE a");
    come.set_value();
    d.bus.heard.await("SUBSCRIBE a");
    EXPECT_EQ(d.shards[0].pending(), 1u);
    d.bus.say(confirmation("subscribe", "a"));
    EXPECT_EQ(d.shards[0].heard.await(""), "subscribed 1");
    EXPECT_EQ(d.shards[0].pending(), 0u);
}

// A channel can be subscribed again while others are not yet. Who joins it then is told, though nobody else is.
TEST(redis_link, tells_who_joins_a_channel_while_it_comes_back) {
    deployment d;
    d.shards[0].subscribe("a");
    d.shards[0].heard.await("subscribed 1");
    d.shards[0].subscribe("b");
    d.shards[0].heard.await("subscribed 1");
    d.bus.heard.take();
    d.bus.ignore("SUBSCRIBE"); // confirmed below, the first channel alone
    d.bus.close();
    d.await([&] { return !d.link.live(); });
    d.bus.open();
    const std::string asked = d.bus.heard.await("SUBSCRIBE ");
    ASSERT_TRUE(asked == "SUBSCRIBE a b" || asked == "SUBSCRIBE b a") << asked;
    const std::string first = asked.substr(10, 1);
    d.bus.say(confirmation("subscribe", first));
    // Each time it is asked, whoever comes hears of it, before or after the confirmation of the channel.
    for (std::uint32_t who = 2; who < 20; ++who) {
        ASSERT_EQ(d.shards[0].subscribe(first, who), interest::pending);
        d.shards[0].heard.await("subscribed " + std::to_string(who));
    }
}

TEST(redis_link, stops_wherever_it_is) {
    {
        deployment d;
        d.stop();
    }
    {
        deployment d;
        d.await_live();
        d.stop();
    }
    {
        deployment d; // waiting for its next attempt
        d.bus.close();
        d.await([&] { return d.figures().counts.connect_failures > 0; });
        d.stop();
    }
    {
        deployment d; // with much to do
        for (int i = 0; i < 100; ++i) d.shards[0].subscribe(std::to_string(i));
        d.shards[0].publish("a", "x", 1);
        d.stop();
    }
}

} // namespace
} // namespace carillon::redis
