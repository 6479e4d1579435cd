#include "redis/redis_rig.hpp"

#include <gtest/gtest.h>

namespace carillon::redis {
namespace {

using namespace test;

TEST(redis_link, takes_a_subscription_back_that_is_not_confirmed_in_time) {
    deployment d;
    d.await_live();
    d.bus.ignore("SUBSCRIBE");
    ASSERT_EQ(d.shards[0].subscribe("a"), interest::pending);
    ASSERT_EQ(d.shards[0].subscribe("a", 2), interest::pending);
    ASSERT_EQ(d.shards[0].pending(), 2u);
    d.shards[0].on_time(clock::now());
    ASSERT_EQ(d.shards[0].pending(), 2u);
    d.shards[0].on_time(clock::now() + 4s);
    EXPECT_EQ(d.shards[0].heard.await(""), "failed 1");
    EXPECT_EQ(d.shards[0].heard.await(""), "failed 2");
    EXPECT_EQ(d.shards[0].pending(), 0u);
}

TEST(redis_link, a_subscription_is_not_taken_back_for_an_earlier_one_of_the_same_client) {
    deployment d;
    d.await_live();
    d.bus.ignore("SUBSCRIBE");
    d.shards[0].subscribe("a");
    d.shards[0].subscribe("a", 2);
    d.shards[0].unsubscribe("a", 2);
    EXPECT_EQ(d.shards[0].heard.await(""), "subscribed 2") << "answered, since nothing depends on it any more";
    EXPECT_EQ(d.shards[0].pending(), 1u);
    const auto between = clock::now();
    d.await([&] { return clock::now() > between; });
    ASSERT_EQ(d.shards[0].subscribe("a", 2), interest::pending);
    d.shards[0].on_time(between + 4s);
    EXPECT_EQ(d.shards[0].heard.await(""), "failed 1");
    EXPECT_EQ(d.shards[0].pending(), 1u);
    d.shards[0].on_time(clock::now() + 4s);
    EXPECT_EQ(d.shards[0].heard.await(""), "failed 2");
    EXPECT_EQ(d.shards[0].pending(), 0u);
}

TEST(redis_link, a_channel_that_is_not_permitted_costs_nobody_else_anything) {
    redis_options how;
    how.upstream.linger = 0ms;
    deployment d{how};
    d.shards[0].subscribe("open");
    d.shards[0].heard.await("subscribed 1");
    d.bus.deny("secret");
    d.shards[0].subscribe("secret", 2);
    EXPECT_EQ(d.shards[0].heard.await(""), "failed 2 denied");
    d.await([&] { return d.figures().channels == 1; }); // until then, others would be told what is known
    // Nobody knows when it changes, so whoever comes later asks anew.
    d.shards[1].subscribe("secret", 3);
    EXPECT_EQ(d.shards[1].heard.await(""), "failed 3 denied");
    d.bus.publish("open", "still");
    EXPECT_EQ(d.shards[0].heard.await(""), "message open=still text;");
    d.await([&] { return d.figures().channels == 1; });
    EXPECT_EQ(d.figures().counts.subscribes_refused, 2u);
    EXPECT_EQ(d.figures().counts.disconnects, 0u);
    EXPECT_TRUE(d.link.live());
    d.bus.deny("secret", false);
    d.shards[1].subscribe("secret", 3);
    EXPECT_EQ(d.shards[1].heard.await(""), "subscribed 3");
}

TEST(redis_link, who_comes_while_others_are_being_refused_is_refused_too) {
    deployment d;
    d.await_live();
    d.bus.deny("secret");
    for (std::uint32_t who = 1; who <= 50; ++who) {
        const std::size_t first = who % 2;
        d.shards[first].subscribe("secret", who);
        d.shards[1 - first].subscribe("secret", who);
        EXPECT_EQ(d.shards[0].heard.await("failed " + std::to_string(who)),
                  "failed " + std::to_string(who) + " denied");
        EXPECT_EQ(d.shards[1].heard.await("failed " + std::to_string(who)),
                  "failed " + std::to_string(who) + " denied");
    }
    d.await([&] { return d.figures().channels == 0; });
    EXPECT_TRUE(d.link.live());
}

TEST(redis_link, a_channel_that_is_not_permitted_any_more_is_taken_from_its_subscribers_alone) {
    deployment d;
    for (const char* channel : {"open", "other", "secret"}) {
        d.shards[0].subscribe(channel);
        d.shards[0].heard.await("subscribed 1");
    }
    d.shards[0].subscribe("secret", 2);
    d.shards[1].subscribe("secret", 3);
    d.shards[1].heard.await("subscribed 3");
    d.bus.deny("secret");
    d.bus.close();
    d.await([&] { return !d.link.live(); });
    d.bus.open();
    EXPECT_EQ(d.shards[0].heard.await("lost"), "lost secret denied");
    EXPECT_EQ(d.shards[1].heard.await("lost"), "lost secret denied");
    d.await_live();
    d.await([&] { return d.figures().channels == 2; });
    d.bus.publish("open", "1");
    d.bus.publish("other", "2");
    EXPECT_EQ(d.shards[0].heard.await("message"), "message open=1 json;");
    EXPECT_EQ(d.shards[0].heard.await("message"), "message other=2 json;");
}

// What a shard is behind with stays with the server, but for a limit; and nothing is lost.
TEST(redis_link, does_not_read_on_while_a_shard_is_behind) {
    constexpr int count = 4'000;
    redis_options how;
    how.input_bytes_max = 256 * 1024;
    how.upstream.reply_timeout = 300ms; // a server that is left unread must not count as frozen
    how.upstream.ping_interval = 10ms;
    deployment d{how};
    d.shards[0].subscribe("a");
    d.shards[0].heard.await("subscribed 1");
    std::string said;
    std::string expected;
    for (int i = 0; i < count; ++i) {
        const std::string payload = std::to_string(i) + std::string(1'000, 'x');
        said += message("a", payload);
        expected += "a=" + payload + " text;";
    }
    std::promise<void> go_on;
    d.shards[0].hold_up(go_on.get_future().share());
    d.bus.say_in_time(said);
    d.await([&] { return d.figures().holds > 0; });
    for (int i = 0; i < 100; ++i) {
        const auto figures = d.figures();
        ASSERT_GT(figures.input_bytes, how.input_bytes_max);
        ASSERT_LT(figures.input_bytes, how.input_bytes_max + 2 * 64 * 1024); // one read more
        ASSERT_LT(figures.counts.messages, count / 2u);
    }
    const auto past_any_reply = clock::now() + 2 * how.upstream.reply_timeout;
    d.await([&] { return clock::now() > past_any_reply; });
    // The other shard is served as before.
    ASSERT_FALSE(d.shards[1].publish("b", "x", 1).has_value());
    d.bus.heard.await("PUBLISH b");
    go_on.set_value();
    std::string heard;
    while (heard.size() < expected.size()) {
        const std::string line = d.shards[0].heard.await("message ");
        ASSERT_FALSE(line.empty());
        heard += line.substr(8);
    }
    EXPECT_EQ(heard, expected);
    d.await([&] { return d.figures().input_bytes == 0; });
    EXPECT_EQ(d.figures().counts.timeouts, 0u);
    EXPECT_EQ(d.figures().counts.disconnects, 0u);
}

TEST(redis_link, refuses_publications_beyond_the_bytes_that_may_be_on_their_way) {
    redis_options how;
    how.upstream.output_bytes_max = 1'000;
    deployment d{how};
    d.await_live();
    d.bus.ignore("PUBLISH");
    ASSERT_FALSE(d.shards[0].publish("a", std::string(900, 'x'), 1).has_value());
    const auto second = d.shards[0].publish("a", std::string(200, 'x'), 2);
    ASSERT_TRUE(second.has_value());
    EXPECT_EQ(second->error(), error::busy);
    d.bus.close();
    d.shards[0].heard.await("published 1");
    d.bus.open();
    d.await_live();
    EXPECT_FALSE(d.shards[0].publish("a", std::string(200, 'x'), 3).has_value());
}

TEST(redis_link, refuses_channels_while_the_link_does_not_hear_of_them) {
    redis_options how;
    how.upstream.in_flight_max = 3;
    deployment d{how};
    d.await_live();
    std::promise<void> go_on;
    asio::post(d.link.context(), [until = go_on.get_future().share()] { until.wait(); });
    for (const char* channel : {"a", "b", "c"}) ASSERT_EQ(d.shards[0].subscribe(channel), interest::pending);
    EXPECT_EQ(d.shards[0].subscribe("d"), interest::refused);
    EXPECT_EQ(d.shards[1].subscribe("d"), interest::pending) << "each shard has its own share";
    d.shards[0].unsubscribe("a"); // is never refused
    go_on.set_value();
    for (int i = 0; i < 3; ++i) d.shards[0].heard.await("subscribed 1");
    EXPECT_EQ(d.shards[0].subscribe("d"), interest::pending);
    d.shards[0].heard.await("subscribed 1");
    d.await([&] { return d.figures().channels >= 3; });
}

TEST(redis_link, drops_messages_that_are_no_text) {
    deployment d;
    d.shards[0].subscribe("a");
    d.shards[0].heard.await("subscribed 1");
    d.bus.publish("a", "\xff\xfe");
    d.bus.publish("a", std::string(501, '[') + std::string(501, ']'));
    d.bus.publish("a", "good");
    EXPECT_EQ(d.shards[0].heard.await("message "), "message a=good text;");
    EXPECT_EQ(d.figures().refused, 2u);
    EXPECT_EQ(d.figures().as_text, 1u);
}

// However large, they cost neither the connection nor those who wait for other messages.
TEST(redis_link, drops_messages_that_are_too_large) {
    redis_options how;
    how.upstream.payload_bytes_max = 1'000;
    deployment d{how};
    d.shards[0].subscribe("a");
    d.shards[0].heard.await("subscribed 1");
    for (const std::size_t bytes : {1'001u, 100'000u, 17u * 1024 * 1024}) d.bus.publish("a", std::string(bytes, 'x'));
    d.bus.publish("a", std::string(1'000, 'x'));
    EXPECT_EQ(d.shards[0].heard.await("message "), "message a=" + std::string(1'000, 'x') + " text;");
    EXPECT_EQ(d.figures().refused, 3u);
    EXPECT_EQ(d.figures().counts.disconnects, 0u);
    EXPECT_LT(d.figures().input_bytes, 10'000u);
    const std::vector<std::string> expected{"a 1001", "a 100000", "a 17825792"};
    EXPECT_EQ(d.oversized.take(), expected);
}

TEST(redis_link, says_why_it_is_away) {
    deployment d;
    d.bus.answer_with("HELLO", "-WRONGPASS invalid username-password pair\r\n");
    d.bus.close();
    d.bus.open();
    d.await([&] { return d.figures().last_error == "WRONGPASS invalid username-password pair"; });
    EXPECT_FALSE(d.link.live());
    d.bus.answer_with("HELLO", greeting);
    d.await_live();
}

// One direction is dead, and the other is not: messages keep coming, and nothing is answered.
TEST(redis_link, notices_a_server_that_talks_and_does_not_listen) {
    redis_options how;
    how.upstream.ping_interval = 10ms;
    how.upstream.reply_timeout = 200ms;
    deployment d{how};
    d.shards[0].subscribe("a");
    d.shards[0].heard.await("subscribed 1");
    d.await_live(); // which comes after the last confirmation
    d.bus.ignore("PUBLISH");
    d.bus.ignore("HELLO");
    d.shards[0].publish("other", "x", 5);
    // One at a time: where more comes than is read, nobody can tell what is behind it.
    while (d.figures().counts.timeouts == 0) {
        d.bus.publish("a", "tick");
        d.await([&] { return d.shards[0].heard.take_count("message ") > 0 || d.figures().counts.timeouts > 0; });
    }
    EXPECT_EQ(d.shards[0].heard.await("published 5"), "published 5 the bus cannot be reached");
    d.await([&] { return !d.link.live(); });
}

TEST(redis_link, leaves_a_master_that_becomes_a_replica_and_takes_none_for_a_bus) {
    redis_options how;
    how.upstream.ping_interval = 10ms;
    deployment d{how};
    d.await_live();
    const std::string why = "the server is a replica";
    d.bus.answer_with("HELLO", greeting_as("standalone", "replica"));
    d.await([&] { return !d.link.live() && d.figures().last_error.starts_with(why); });
    d.await([&] { return d.figures().counts.connect_failures > 2; });
    EXPECT_TRUE(d.figures().last_error.starts_with(why));
    EXPECT_FALSE(d.link.live());
    d.bus.answer_with("HELLO", greeting_as("standalone", "master"));
    d.await_live();
}

TEST(redis_link, notices_a_server_that_is_frozen) {
    redis_options how;
    how.upstream.ping_interval = 10ms;
    how.upstream.reply_timeout = 20ms;
    deployment d{how};
    d.await_live();
    d.bus.ignore("HELLO");
    d.await([&] { return d.figures().counts.timeouts > 0; });
    EXPECT_GE(d.figures().counts.disconnects, 1u);
}

// However much arrives, what the shards ask is done in between.
TEST(redis_link, hears_its_shards_under_a_flood) {
    deployment d;
    d.await_live();
    std::string burst;
    while (burst.size() < 1024 * 1024) burst += message("nobody", "x");
    d.bus.flood(burst);
    for (std::uint32_t i = 0; i < 20; ++i) {
        d.shards[0].publish("a", "x", i);
        d.await([&] { return d.figures().counts.publications == i + 1; });
    }
}

} // namespace
} // namespace carillon::redis
