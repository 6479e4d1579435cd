#include "support/test_shard.hpp"

#include <deque>
#include <string>
#include <vector>

namespace carillon::test {
namespace {

using namespace std::chrono_literals;
using words = std::vector<std::string>;

shard_options with_little_room() {
    shard_options how;
    how.deliveries = {.sends_per_turn = 2, .sends_waiting_max = 4};
    return how;
}

std::string push(std::string_view channel, int number) {
    return fmt::format(R"({{"push":{{"channel":"{}","pub":{{"data":{},"info":{{"user":"","client":"*"}}}}}}}})",
                       channel, number);
}

// Several subscribers of two channels, and what they must hear in the end.
struct audience {
    explicit audience(test_shard& of) : shard{of} {
        for (int i = 0; i < 5; ++i) {
            all.push_back(shard.connected("a"));
            all.back().say(R"({"id":3,"subscribe":{"channel":"b"}})");
            shard.settle();
            all.back().heard();
        }
    }
    void expect_all_heard(const words& expected) {
        for (ws_client& each : all) EXPECT_EQ(each.heard(), expected);
    }
    test_shard& shard;
    std::deque<ws_client> all;
};

TEST(pressure, a_client_that_publishes_more_than_can_be_delivered_waits_and_loses_nothing) {
    test_shard shard{with_little_room()};
    audience listeners{shard};
    ws_client publisher = shard.connected();
    std::string message;
    words replies, expected;
    for (int i = 0; i < 60; ++i) {
        const char* const channel = i % 2 == 0 ? "a" : "b";
        message += fmt::format(R"({{"id":{},"publish":{{"channel":"{}","data":{}}}}})", i + 2, channel, i) + "\n";
        expected.push_back(push(channel, i));
        replies.push_back(fmt::format(R"({{"id":{},"publish":{{}}}})", i + 2));
    }
    publisher.say(message);
    publisher.write(client_frame(ws::opcode::ping, "behind"));
    shard.settle();
    words heard;
    for (const std::string& frame : publisher.heard()) {
        for (std::size_t at = 0; at <= frame.size();) {
            const std::size_t end = std::min(frame.find('\n', at), frame.size());
            heard.push_back(frame.substr(at, end - at));
            at = end + 1;
        }
    }
    replies.emplace_back("pong behind");
    EXPECT_EQ(heard, replies);
    listeners.expect_all_heard(expected);
    EXPECT_GT(shard.turns.counts().waits, 10u);
    EXPECT_EQ(shard.waiting.sends_waiting(), 0u);
    shard.expect_at_rest();
}

TEST(pressure, a_program_that_publishes_more_than_can_be_delivered_waits_and_loses_nothing) {
    test_shard shard{with_little_room()};
    audience listeners{shard};
    peer program = shard.program();
    std::string pipeline, replies;
    words expected;
    for (int i = 0; i < 60; ++i) {
        const char* const channel = i % 2 == 0 ? "a" : "b";
        pipeline += fmt::format("PUBLISH {} {}\r\n", channel, i);
        replies += ":5\r\n";
        expected.push_back(fmt::format(R"({{"push":{{"channel":"{}","pub":{{"data":{}}}}}}})", channel, i));
    }
    program.write(pipeline + "PING\r\n");
    shard.settle();
    EXPECT_EQ(program.take(), replies + "+PONG\r\n");
    listeners.expect_all_heard(expected);
    EXPECT_GT(shard.turns.counts().waits, 10u);
    shard.expect_at_rest();
}

TEST(pressure, others_are_answered_between_the_portions_of_a_delivery) {
    test_shard shard{with_little_room()};
    std::deque<ws_client> all;
    for (int i = 0; i < 100; ++i) all.push_back(shard.connected("a"));
    ws_client bystander = shard.connected();
    peer program = shard.program("PUBLISH a 1\r\n");
    shard.settle();
    program.take();
    for (ws_client& each : all) each.heard();
    program.write("PUBLISH a 2\r\n");
    while (shard.waiting.empty()) {
        shard.context.restart();
        shard.context.poll_one();
    }
    bystander.write(client_frame(ws::opcode::ping, "?"));
    words heard;
    while (heard.empty()) {
        shard.context.restart();
        shard.context.poll_one();
        heard = bystander.heard();
    }
    EXPECT_EQ(heard, words{"pong ?"});
    EXPECT_GT(shard.waiting.sends_waiting(), 50u) << "it did not wait for the delivery";
    shard.settle();
    for (ws_client& each : all) EXPECT_EQ(each.heard().size(), 1u);
}

TEST(pressure, who_leaves_while_its_publication_waits_leaves_nothing_behind) {
    test_shard shard{with_little_room()};
    audience listeners{shard};
    {
        ws_client publisher = shard.connected();
        std::string message;
        for (int i = 0; i < 60; ++i) {
            message +=
                fmt::format(R"({{"id":{},"publish":{{"channel":"{}","data":{}}}}})", i + 2, i % 2 ? "a" : "b", i);
            message += "\n";
        }
        publisher.say(message);
        while (shard.turns.waiting() == 0) {
            shard.context.restart();
            shard.context.poll_one();
        }
    }
    shard.settle();
    EXPECT_EQ(shard.turns.waiting(), 0u);
    EXPECT_TRUE(shard.waiting.empty());
    for (ws_client& each : listeners.all) each.hang_up();
    shard.expect_empty();
}

TEST(pressure, a_subscriber_that_changes_its_dialect_hears_what_was_published_before_in_the_old_one) {
    shard_options how;
    how.deliveries.sends_per_turn = 1;
    test_shard shard{how};
    std::deque<peer> programs;
    for (int i = 0; i < 8; ++i) programs.push_back(shard.program("HELLO 3\r\nSUBSCRIBE a\r\n"));
    for (peer& each : programs) each.take();
    peer publisher = shard.program();
    publisher.write("PUBLISH a 1\r\n");
    programs.back().write("HELLO 2\r\nPING\r\n");
    shard.settle();
    const std::string heard = programs.back().take();
    EXPECT_TRUE(heard.starts_with(">3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\n1\r\n*14\r\n")) << heard;
    EXPECT_TRUE(heard.ends_with("*2\r\n$4\r\npong\r\n$0\r\n\r\n")) << heard;
}

} // namespace
} // namespace carillon::test
