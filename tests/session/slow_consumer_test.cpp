#include "support/test_shard.hpp"

#include <string>
#include <vector>

namespace carillon::test {
namespace {

using namespace std::chrono_literals;
using words = std::vector<std::string>;

constexpr std::size_t payload_bytes = 8'000;
constexpr int small_send_buffer = 8'192; // the kernel doubles it

std::string payload(int number) {
    return fmt::format(R"({{"n":{},"fill":"{}"}})", number, std::string(payload_bytes, 'x'));
}
std::string push(int number) {
    return fmt::format(R"({{"push":{{"channel":"a","pub":{{"data":{}}}}}}})", payload(number));
}

shard_options with_outbox(std::size_t bytes) {
    shard_options how;
    how.clients.outbox_bytes_max = bytes;
    return how;
}

// Reads all there is until nothing more comes.
words hear_all(test_shard& shard, ws_client& client) {
    for (std::size_t before = 0;; before = client.received().size()) {
        client.read();
        if (client.received().size() == before) return client.heard();
        shard.settle();
    }
}

TEST(slow_consumer, what_waits_in_the_outbox_comes_in_order_when_the_peer_reads_again) {
    test_shard shard{with_outbox(1 << 20)};
    ws_client slow = shard.connected("a", small_send_buffer);
    words expected;
    for (int i = 0; i < 50; ++i) {
        shard.publish("a", payload(i));
        expected.push_back(push(i));
    }
    EXPECT_EQ(shard.counters.outboxes, 1);
    EXPECT_GT(shard.counters.outbox_bytes, static_cast<std::int64_t>(40 * payload_bytes));
    EXPECT_GT(shard.counters.send_again, 0u);
    EXPECT_EQ(hear_all(shard, slow), expected);
    shard.expect_at_rest();
    EXPECT_EQ(shard.counters.slow_consumers(metrics::connection_kind::websocket), 0u);
    // Replies stand in the same line.
    shard.publish("a", payload(0));
    shard.publish("a", payload(1));
    shard.publish("a", payload(2));
    slow.say(R"({"id":7,"unsubscribe":{"channel":"a"}})");
    slow.write(client_frame(ws::opcode::ping, "p"));
    shard.settle();
    EXPECT_EQ(hear_all(shard, slow), (words{push(0), push(1), push(2), R"({"id":7,"unsubscribe":{}})", "pong p"}));
    shard.expect_at_rest();
}

TEST(slow_consumer, a_full_outbox_is_3008_after_what_was_started_and_the_others_lose_nothing) {
    // The bound is met at different places of the stream, and so in the middle of different frames.
    for (std::size_t bound = 30'000; bound < 90'000; bound += 3'777) {
        SCOPED_TRACE(bound);
        test_shard shard{with_outbox(bound)};
        ws_client slow = shard.connected("a", small_send_buffer);
        ws_client quick = shard.connected("a");
        words expected;
        for (int i = 0; i < 40; ++i) {
            shard.publish("a", payload(i));
            expected.push_back(push(i));
            EXPECT_EQ(quick.heard(), words{push(i)});
            EXPECT_LE(shard.counters.outbox_bytes, static_cast<std::int64_t>(bound));
        }
        EXPECT_EQ(shard.counters.slow_consumers(metrics::connection_kind::websocket), 1u);
        EXPECT_EQ(shard.counters.connections_closed(3008), 1u);
        EXPECT_EQ(shard.subscribers.subscribers("a"), 1u);
        const words heard = hear_all(shard, slow);
        ASSERT_GE(heard.size(), 3u);
        EXPECT_EQ(heard[heard.size() - 2], "close 3008 slow");
        EXPECT_EQ(heard.back(), "end");
        for (std::size_t i = 0; i + 2 < heard.size(); ++i) EXPECT_EQ(heard[i], expected[i]);
        EXPECT_EQ(shard.counters.outboxes, 0);
        EXPECT_EQ(shard.counters.outbox_bytes, 0);
        slow.hang_up();
        shard.settle();
        shard.expect_at_rest();
        quick.hang_up();
        shard.expect_empty();
    }
}

// A reply of which the kernel has taken a part must be finished before the close frame, or the peer would read the
// close as a part of the reply.
TEST(slow_consumer, a_reply_that_was_sent_in_part_is_finished_before_the_close) {
    test_shard shard{with_outbox(60'000)};
    ws_client slow = shard.connected("b", small_send_buffer);
    std::string commands;
    for (int i = 2; i < 600; ++i)
        commands += fmt::format(R"({{"id":{},"rpc":{{"method":"m"}}}})"
                                "\n",
                                i);
    slow.say(commands); // replies of more than the socket's buffer, in one frame
    shard.settle();
    ASSERT_EQ(shard.counters.outboxes, 1);
    for (int i = 0; i < 10; ++i) {
        shard.subscribers.publish("b", {payload(i), true, {}});
        shard.subscribers.flush();
        shard.settle();
    }
    ASSERT_EQ(shard.counters.slow_consumers(metrics::connection_kind::websocket), 1u);
    const words heard = hear_all(shard, slow);
    ASSERT_GE(heard.size(), 3u);
    EXPECT_TRUE(heard.front().starts_with(R"({"id":2,"error")"));
    EXPECT_EQ(heard[heard.size() - 2], "close 3008 slow");
    EXPECT_EQ(heard.back(), "end");
}

// The outbox holds only frames of which nothing was sent, and just when they are forgotten the peer reads: the close
// goes out at once, past the coroutine that still waits for the socket.
TEST(slow_consumer, a_close_past_a_waiting_flush_leaves_the_gauges_right) {
    test_shard shard{with_outbox(20'000)};
    ws_client slow = shard.connected("a");
    // EAGAIN though there is room: nothing is sent, neither at once nor when the flush hears of the room.
    script = {.victim = slow.far(), .strike_at = 1, .what = mishap::again, .strikes = 2};
    shard.publish("a", payload(0));
    shard.settle();
    ASSERT_EQ(script.calls, 2u);
    ASSERT_EQ(shard.counters.outboxes, 1);
    shard.publish("a", payload(1));
    EXPECT_EQ(shard.counters.slow_consumers(metrics::connection_kind::websocket), 0u);
    shard.publish("a", payload(2));
    shard.nudge(slow.far());
    EXPECT_EQ(shard.counters.slow_consumers(metrics::connection_kind::websocket), 1u);
    EXPECT_EQ(hear_all(shard, slow), (words{"close 3008 slow", "end"}));
    EXPECT_EQ(shard.counters.outboxes, 0);
    slow.hang_up();
    shard.expect_empty();
    script = {};
}

TEST(slow_consumer, one_that_never_reads_is_dropped_at_close_timeout) {
    test_shard shard{with_outbox(30'000)};
    ws_client slow = shard.connected("a", small_send_buffer);
    for (int i = 0; i < 20; ++i) shard.publish("a", payload(i));
    EXPECT_EQ(shard.counters.slow_consumers(metrics::connection_kind::websocket), 1u);
    EXPECT_EQ(shard.sessions.open(), 1u);
    shard.advance(5100ms);
    shard.expect_empty();
    EXPECT_EQ(shard.counters.slow_consumers(metrics::connection_kind::websocket), 1u);
}

TEST(slow_consumer, one_that_goes_while_its_outbox_is_full_leaves_nothing) {
    test_shard shard;
    ws_client slow = shard.connected("a", small_send_buffer);
    for (int i = 0; i < 20; ++i) shard.publish("a", payload(i));
    EXPECT_EQ(shard.counters.outboxes, 1);
    slow.hang_up();
    shard.expect_empty();
}

TEST(slow_consumer, pings_wait_in_line_and_a_pong_timeout_closes_behind_what_waits) {
    test_shard shard;
    ws_client slow = shard.connected("a", small_send_buffer);
    words expected;
    for (int i = 0; i < 10; ++i) {
        shard.publish("a", payload(i));
        expected.push_back(push(i));
    }
    shard.advance(25'100ms);
    shard.advance(8'100ms);
    EXPECT_EQ(shard.counters.pong_timeouts, 1u);
    expected.insert(expected.end(), {"{}", "close 3012 no pong", "end"});
    EXPECT_EQ(hear_all(shard, slow), expected);
    slow.hang_up();
    shard.expect_empty();
}

// The kernel has taken a part of a frame, and the rest does not fit into the outbox: the frame is finished all the
// same, for a Close frame in its middle would be taken for its payload (RFC 6455 §5.4).
TEST(slow_consumer, a_frame_that_was_begun_is_finished_wherever_it_was_cut) {
    const std::string json = fmt::format(R"({{"fill":"{}"}})", std::string(200, 'x'));
    const std::string heard = fmt::format(R"({{"push":{{"channel":"a","pub":{{"data":{}}}}}}})", json);
    const std::size_t frame_bytes = heard.size() + 4;
    for (std::size_t cut = 1; cut < frame_bytes; ++cut) {
        SCOPED_TRACE(cut);
        test_shard shard{with_outbox(70)}; // room for six bytes
        ws_client slow = shard.connected("a");
        script = {.victim = slow.far(), .strike_at = 1, .what = mishap::one_byte, .taken = cut};
        shard.publish("a", json);
        shard.nudge(slow.far());
        const bool fits = frame_bytes - cut <= 6;
        EXPECT_EQ(slow.heard(), fits ? words{heard} : (words{heard, "close 3008 slow", "end"}));
        script = {};
    }
}

} // namespace
} // namespace carillon::test
