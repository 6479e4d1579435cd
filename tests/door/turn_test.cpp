#include "resp/writer.hpp"
#include "support/test_shard.hpp"

#include <chrono>
#include <string>
#include <vector>

namespace carillon::test {
namespace {

using words = std::vector<std::string>;

std::string command(std::initializer_list<std::string_view> parts) {
    std::string out;
    resp::append_command(out, parts);
    return out;
}

std::string message(std::string_view channel, std::string_view payload, resp::version dialect = resp::version::resp2) {
    std::string out;
    resp::append_message(out, channel, payload, dialect);
    return out;
}

std::string confirmation(std::string_view what, std::string_view channel, int left) {
    return fmt::format("*3\r\n${}\r\n{}\r\n${}\r\n{}\r\n:{}\r\n", what.size(), what, channel.size(), channel, left);
}

peer subscriber(test_shard& shard, std::string_view channel) {
    peer program = shard.program(command({"SUBSCRIBE", channel}));
    program.take();
    return program;
}

// What several programs say before the shard looks is heard in one turn, in the order in which they said it.

TEST(door_turn, publications_of_many_programs_cost_each_subscriber_one_send) {
    test_shard shard;
    std::vector<peer> readers;
    for (int i = 0; i < 10; ++i) readers.push_back(subscriber(shard, "a"));
    std::vector<peer> publishers;
    for (int i = 0; i < 20; ++i) publishers.push_back(shard.program());
    std::string expected;
    for (std::size_t i = 0; i < publishers.size(); ++i) {
        const std::string first = std::to_string(i);
        const std::string second = first + " again";
        publishers[i].write(command({"PUBLISH", "a", first}) + command({"PUBLISH", "a", second}));
        expected += message("a", first) + message("a", second);
    }
    const std::uint64_t before = shard.counters.sends;
    shard.settle();
    EXPECT_EQ(shard.counters.sends - before, readers.size() + publishers.size());
    for (peer& each : readers) EXPECT_EQ(each.take(), expected);
    for (peer& each : publishers) EXPECT_EQ(each.take(), ":10\r\n:10\r\n");
    shard.expect_at_rest();
}

TEST(door_turn, a_confirmation_comes_before_the_messages_of_its_channel) {
    test_shard shard;
    peer reader = shard.program();
    peer publisher = shard.program();
    reader.write(command({"SUBSCRIBE", "a"}));
    publisher.write(command({"PUBLISH", "a", "1"}) + command({"PUBLISH", "b", "2"}) + command({"PUBLISH", "a", "3"}));
    shard.settle();
    EXPECT_EQ(reader.take(), confirmation("subscribe", "a", 1) + message("a", "1") + message("a", "3"));
    EXPECT_EQ(publisher.take(), ":1\r\n:0\r\n:1\r\n");
}

TEST(door_turn, who_subscribes_later_in_it_does_not_hear_what_was_published_before) {
    test_shard shard;
    peer early = subscriber(shard, "a");
    peer publisher = shard.program();
    peer late = shard.program();
    publisher.write(command({"PUBLISH", "a", "1"}));
    late.write(command({"SUBSCRIBE", "a"}));
    shard.settle();
    EXPECT_EQ(early.take(), message("a", "1"));
    EXPECT_EQ(publisher.take(), ":1\r\n");
    EXPECT_EQ(late.take(), confirmation("subscribe", "a", 1));
}

TEST(door_turn, a_subscriber_hears_what_was_published_before_its_commands_before_their_replies) {
    struct order_case {
        const char* says;
        std::string hears;
    };
    const order_case cases[] = {
        {"PING\r\n", "*2\r\n$4\r\npong\r\n$0\r\n\r\n"},
        {"UNSUBSCRIBE a\r\n", confirmation("unsubscribe", "a", 1)},
        {"UNSUBSCRIBE b\r\n", confirmation("unsubscribe", "b", 1)},
        {"SUBSCRIBE c\r\n", confirmation("subscribe", "c", 3)},
        {"RESET\r\n", "+RESET\r\n"},
        {"QUIT\r\n", "+OK\r\n"},
    };
    for (const order_case& each : cases) {
        SCOPED_TRACE(each.says);
        test_shard shard;
        peer reader = subscriber(shard, "b");
        reader.write(command({"SUBSCRIBE", "a"}));
        shard.settle();
        reader.take();
        peer publisher = shard.program();
        publisher.write(command({"PUBLISH", "a", "1"}));
        reader.write(each.says);
        shard.settle();
        EXPECT_EQ(reader.take(), message("a", "1") + each.hears);
        EXPECT_EQ(publisher.take(), ":1\r\n");
    }
}

TEST(door_turn, replies_come_before_what_is_published_after_their_commands) {
    test_shard shard;
    peer reader = subscriber(shard, "a");
    peer publisher = shard.program();
    reader.write("PING\r\n");
    publisher.write(command({"PUBLISH", "a", "1"}));
    shard.settle();
    EXPECT_EQ(reader.take(), "*2\r\n$4\r\npong\r\n$0\r\n\r\n" + message("a", "1"));
}

TEST(door_turn, who_comes_when_the_last_one_is_long_over_has_a_whole_one) {
    test_shard shard;
    std::string commands, replies;
    for (int i = 0; i < 100; ++i) {
        commands += "PING\r\n";
        replies += "+PONG\r\n";
    }
    for (int round = 0; round < 2; ++round) { // the first comes before there was any
        peer program = shard.program(commands);
        EXPECT_EQ(program.take(), replies);
        EXPECT_EQ(shard.turns.counts().waits, 0u);
        EXPECT_EQ(shard.turns.counts().cut_short, 0u);
        shard.advance(std::chrono::seconds{1});
    }
}

TEST(door_turn, a_reader_that_is_killed_in_it_hears_what_was_for_it_and_nothing_more) {
    test_shard shard;
    peer reader = shard.program(command({"HELLO", "3"}) + command({"SUBSCRIBE", "a"}) + command({"CLIENT", "ID"}));
    const std::string id = reader.take();
    peer first = shard.program();
    peer killer = shard.program();
    peer second = shard.program();
    reader.write("PING\r\n");
    first.write(command({"PUBLISH", "a", "1"}));
    killer.write(command({"CLIENT", "KILL", "TYPE", "pubsub"}));
    second.write(command({"PUBLISH", "a", "2"}));
    shard.settle();
    EXPECT_EQ(reader.take(), "+PONG\r\n" + message("a", "1", resp::version::resp3));
    EXPECT_TRUE(reader.ended());
    EXPECT_EQ(first.take(), ":1\r\n");
    EXPECT_EQ(killer.take(), ":1\r\n");
    EXPECT_EQ(second.take(), ":0\r\n");
    EXPECT_EQ(shard.door.open(), 3u);
    shard.expect_at_rest();
}

TEST(door_turn, a_program_that_ends_its_side_at_once_is_answered) {
    test_shard shard;
    peer reader = subscriber(shard, "a");
    peer program = shard.program();
    program.write(command({"PUBLISH", "a", "1"}) + command({"PING"}));
    program.end_sending();
    shard.settle();
    EXPECT_EQ(program.take(), ":1\r\n+PONG\r\n");
    EXPECT_TRUE(program.ended());
    EXPECT_EQ(reader.take(), message("a", "1"));
}

TEST(door_turn, programs_and_browsers_share_it) {
    test_shard shard;
    ws_client browser = shard.connected("a");
    peer reader = subscriber(shard, "a");
    peer publisher = shard.program();
    publisher.write(command({"PUBLISH", "a", "1"}));
    browser.say(R"({"id":3,"publish":{"channel":"b","data":2}})");
    publisher.write(command({"PUBLISH", "a", "3"}));
    reader.write("PING\r\n");
    shard.settle();
    // The program has said both before the shard looked; the browser comes after it.
    EXPECT_EQ(browser.heard(), (words{R"({"push":{"channel":"a","pub":{"data":1}}})",
                                      R"({"push":{"channel":"a","pub":{"data":3}}})", R"({"id":3,"publish":{}})"}));
    EXPECT_EQ(reader.take(), message("a", "1") + message("a", "3") + "*2\r\n$4\r\npong\r\n$0\r\n\r\n");
    EXPECT_EQ(publisher.take(), ":2\r\n:2\r\n");
}

TEST(door_turn, browsers_publications_in_it_cost_each_subscriber_one_send) {
    test_shard shard;
    ws_client reader = shard.connected("a");
    std::vector<ws_client> publishers;
    for (int i = 0; i < 5; ++i) publishers.push_back(shard.connected());
    for (ws_client& each : publishers) each.say(R"({"id":3,"publish":{"channel":"a","data":1}})");
    const std::uint64_t before = shard.counters.sends;
    shard.settle();
    EXPECT_EQ(shard.counters.sends - before, 6u);
    EXPECT_EQ(reader.heard().size(), 5u);
    for (ws_client& each : publishers) EXPECT_EQ(each.heard(), words{R"({"id":3,"publish":{}})"});
}

// Ends early at a batch of 64 KiB, and nothing is lost or out of order.
TEST(door_turn, more_than_a_batch_of_publications_is_delivered_on_the_way) {
    test_shard shard;
    peer reader = subscriber(shard, "a");
    std::vector<peer> publishers;
    for (int i = 0; i < 40; ++i) publishers.push_back(shard.program());
    std::string expected;
    for (std::size_t i = 0; i < publishers.size(); ++i) {
        const std::string payload = std::to_string(i) + std::string(4000, '.');
        publishers[i].write(command({"PUBLISH", "a", payload}));
        expected += message("a", payload);
    }
    const std::uint64_t before = shard.counters.sends;
    shard.settle();
    const std::uint64_t to_reader = shard.counters.sends - before - publishers.size();
    EXPECT_GE(to_reader, 3u);
    EXPECT_LE(to_reader, 5u);
    EXPECT_EQ(reader.take(), expected);
    for (peer& each : publishers) EXPECT_EQ(each.take(), ":1\r\n");
}

} // namespace
} // namespace carillon::test
