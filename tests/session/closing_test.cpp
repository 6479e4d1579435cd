#include "support/test_shard.hpp"

#include <string>
#include <vector>

namespace carillon::test {
namespace {

using namespace std::chrono_literals;
using words = std::vector<std::string>;

// What a browser's close() may send, and the answer (RFC 6455 §5.5.1).
struct goodbye {
    const char* name;
    std::string frame;
    words heard;
    int counted;
};
const goodbye goodbyes[] = {
    {"a close without a code", client_frame(ws::opcode::close, ""), {"close", "end"}, 1005},
    {"a normal close", close_frame(1000, "done"), {"close 1000", "end"}, 1000},
    {"a browser that goes away", close_frame(1001), {"close 1001", "end"}, 1001},
    {"an application's own code", close_frame(4999), {"close 4999", "end"}, 4999},
    {"a code that may not be sent", close_frame(1006), {"close 1002", "end"}, 1002},
    {"a code of one byte", client_frame(ws::opcode::close, "x"), {"close 1002", "end"}, 1002},
    {"a reason that is no UTF-8", close_frame(1000, "\xff"), {"close 1007", "end"}, 1007},
};

TEST(closing, a_peers_close_is_answered_with_its_code_wherever_it_is_cut) {
    for (const goodbye& each : goodbyes) {
        SCOPED_TRACE(each.name);
        for (std::size_t cut = 0; cut <= each.frame.size(); ++cut) {
            test_shard shard;
            ws_client client = shard.connected("a");
            client.write(std::string_view{each.frame}.substr(0, cut));
            shard.settle();
            client.write(std::string_view{each.frame}.substr(cut));
            shard.settle();
            EXPECT_EQ(client.heard(), each.heard);
            EXPECT_EQ(shard.counters.connections_closed(each.counted), 1u);
            EXPECT_EQ(shard.counters.connections_closed(1006), 0u);
            EXPECT_EQ(shard.subscribers.subscriptions(), 0u);
            client.hang_up();
            shard.expect_empty();
        }
    }
}

TEST(closing, a_close_that_was_answered_ends_the_tcp_connection_at_once) {
    test_shard shard;
    ws_client client = shard.connected("a");
    client.write(close_frame(1000));
    shard.settle();
    shard.expect_empty(); // though the client still holds its end
}

TEST(closing, replies_and_publications_before_a_close_are_heard) {
    test_shard shard;
    ws_client client = shard.connected("a");
    client.write(text_frame(R"({"id":3,"publish":{"channel":"a","data":1}})") + close_frame(1000));
    shard.settle();
    EXPECT_EQ(client.heard(), (words{R"({"id":3,"publish":{}})",
                                     R"({"push":{"channel":"a","pub":{"data":1,"info":{"user":"","client":"*"}}}})",
                                     "close 1000", "end"}));
}

TEST(closing, the_server_leaves_the_channels_at_once_and_waits_for_the_peers_close) {
    test_shard shard;
    ws_client client = shard.connected("a");
    client.say("{}");
    shard.settle();
    EXPECT_EQ(client.heard(), (words{"close 3501 bad request", "end"}));
    EXPECT_EQ(shard.subscribers.subscriptions(), 0u);
    EXPECT_EQ(shard.publish("a", "1"), 0u);
    EXPECT_EQ(shard.sessions.open(), 1u);
    client.say(R"({"id":5,"subscribe":{"channel":"a"}})"); // not run
    shard.settle();
    EXPECT_EQ(shard.sessions.open(), 1u);
    EXPECT_EQ(shard.subscribers.subscriptions(), 0u);
    client.write(close_frame(3501));
    shard.expect_empty(); // at once, though the client holds its end
    EXPECT_EQ(shard.counters.connections_closed(3501), 1u);
    EXPECT_EQ(shard.counters.connections_closed(1006), 0u);
}

TEST(closing, a_close_that_follows_ours_is_heard_wherever_it_is_cut) {
    const std::string said = text_frame(R"({"id":5,"subscribe":{"channel":"a"}})") + close_frame(3501);
    for (std::size_t cut = 0; cut <= said.size(); ++cut) {
        SCOPED_TRACE(cut);
        test_shard shard;
        ws_client client = shard.connected("a");
        client.write(text_frame("{}") + said.substr(0, cut));
        shard.settle();
        client.write(said.substr(cut));
        shard.expect_empty();
        EXPECT_EQ(shard.counters.connections_closed(3501), 1u);
    }
}

TEST(closing, a_peer_that_does_not_end_is_dropped_at_close_timeout) {
    test_shard shard;
    ws_client client = shard.connected("a");
    client.say("{}");
    shard.settle();
    shard.advance(4900ms);
    EXPECT_EQ(shard.sessions.open(), 1u);
    shard.advance(200ms);
    shard.expect_empty();
}

TEST(closing, a_peer_that_goes_without_a_word_is_counted_as_1006) {
    test_shard shard;
    ws_client client = shard.connected("a");
    client.hang_up();
    shard.expect_empty();
    EXPECT_EQ(shard.counters.connections_closed(1006), 1u);
}

TEST(closing, a_peer_that_ends_its_sending_still_hears_the_replies) {
    test_shard shard;
    ws_client client = shard.upgraded();
    client.say(R"({"id":1,"connect":{}})");
    client.end_sending();
    shard.settle();
    EXPECT_EQ(client.heard().size(), 2u);
    shard.expect_empty();
}

TEST(closing, everybody_is_told_at_shutdown_and_who_has_not_upgraded_is_dropped) {
    test_shard shard;
    std::vector<ws_client> clients;
    for (int i = 0; i < 1200; ++i) clients.push_back(shard.connected("a")); // more than one turn's worth
    peer silent = shard.open(shard.sessions);
    shard.sessions.close_all(protocol::disconnect::shutdown);
    shard.settle();
    silent.read();
    EXPECT_TRUE(silent.ended());
    for (ws_client& each : clients) {
        EXPECT_EQ(each.heard(), (words{"close 3001 shutdown", "end"}));
        each.hang_up();
    }
    EXPECT_EQ(shard.counters.connections_closed(3001), 1200u);
    shard.expect_empty();
}

// --- deadlines

TEST(deadlines, a_connection_that_sends_nothing_is_dropped_without_a_word) {
    test_shard shard;
    peer client = shard.open(shard.sessions);
    shard.advance(9900ms);
    client.read();
    EXPECT_FALSE(client.ended());
    shard.advance(200ms);
    EXPECT_EQ(client.take(), "");
    EXPECT_TRUE(client.ended());
    shard.expect_empty();
}

TEST(deadlines, a_head_that_does_not_end_gets_408) {
    test_shard shard;
    peer client = shard.open(shard.sessions, upgrade_request.substr(0, 50));
    shard.advance(5s);
    client.write(upgrade_request.substr(50, 20)); // a little more does not gain time
    shard.settle();
    shard.advance(4900ms);
    client.read();
    EXPECT_FALSE(client.ended());
    shard.advance(200ms);
    client.read();
    EXPECT_TRUE(client.received().starts_with("HTTP/1.1 408 Request Timeout\r\n"));
    EXPECT_TRUE(client.ended());
    EXPECT_EQ(shard.counters.upgrade_refused(408), 1u);
    shard.advance(5100ms);
    shard.expect_empty();
}

TEST(deadlines, a_web_socket_that_does_not_connect_is_stale) {
    test_shard shard;
    ws_client client = shard.upgraded();
    client.write(client_frame(ws::opcode::ping, "x")); // no command
    shard.settle();
    shard.advance(9900ms);
    EXPECT_EQ(client.heard(), words{"pong x"});
    shard.advance(200ms);
    EXPECT_EQ(client.heard(), (words{"close 3502 stale", "end"}));
    shard.advance(5100ms);
    shard.expect_empty();
}

TEST(deadlines, the_first_ping_comes_in_the_second_half_of_the_interval) {
    test_shard shard;
    std::vector<ws_client> clients;
    for (int i = 0; i < 64; ++i) clients.push_back(shard.connected());
    shard.advance(12'400ms);
    EXPECT_EQ(shard.counters.pings_sent, 0u);
    shard.advance(6s);
    // All on one side of the middle of 64 coins: one chance in 2^63.
    EXPECT_GT(shard.counters.pings_sent, 0u);
    EXPECT_LT(shard.counters.pings_sent, 64u);
    shard.advance(6700ms);
    EXPECT_EQ(shard.counters.pings_sent + shard.counters.pong_timeouts, 64u + shard.counters.pong_timeouts);
}

TEST(deadlines, pinging_goes_on_as_long_as_every_ping_is_answered) {
    test_shard shard;
    ws_client client = shard.connected("a");
    shard.advance(25'100ms);
    EXPECT_EQ(client.heard(), words{"{}"});
    for (int i = 0; i < 10; ++i) {
        client.say("{}");
        shard.settle();
        shard.advance(24'900ms);
        EXPECT_EQ(client.heard(), words{}) << "a ping too early";
        shard.advance(200ms);
        EXPECT_EQ(client.heard(), words{"{}"});
    }
    EXPECT_EQ(shard.counters.pings_sent, 11u);
    EXPECT_EQ(shard.counters.pongs_received, 10u);
    // One pong is one too many.
    client.say("{}\n{}");
    shard.settle();
    EXPECT_EQ(client.heard(), (words{"close 3501 bad request", "end"}));
}

TEST(deadlines, a_ping_without_pong_is_3012) {
    test_shard shard;
    ws_client client = shard.connected("a");
    shard.advance(25'100ms);
    EXPECT_EQ(client.heard(), words{"{}"});
    client.say(R"({"id":3,"unsubscribe":{"channel":"a"}})"); // a command is no pong
    shard.settle();
    shard.advance(7900ms);
    EXPECT_EQ(client.heard(), words{R"({"id":3,"unsubscribe":{}})"});
    shard.advance(200ms);
    EXPECT_EQ(client.heard(), (words{"close 3012 no pong", "end"}));
    EXPECT_EQ(shard.counters.pong_timeouts, 1u);
    shard.advance(5100ms);
    shard.expect_empty();
}

} // namespace
} // namespace carillon::test
