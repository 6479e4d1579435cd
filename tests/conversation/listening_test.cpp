#include "support/test_shard.hpp"

#include <string>
#include <vector>

// Clients that only listen, over a WebSocket (docs/protocol.md).
namespace carillon::test {
namespace {

using words = std::vector<std::string>;

shard_options with_listeners() {
    test_time = net::timer_wheel::clock::time_point{std::chrono::hours{1}};
    shard_options how;
    how.clients.transports.add(carriers::transport::uni_websocket);
    how.clients.dev = false;
    how.clients.anonymous = true;
    how.clients.subscriptions_max = 2;
    how.clients.name_spaces = {{.name = "open", .subscribe = {channels::party::anonymous}},
                               {.name = "closed", .subscribe = {channels::party::client}}};
    return how;
}

ws_client listener(test_shard& shard) {
    ws_client client{shard.open(shard.sessions,
                                "GET /connection/uni_websocket HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n"
                                "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")};
    EXPECT_TRUE(client.response().starts_with("HTTP/1.1 101 "));
    return client;
}

words say(test_shard& shard, ws_client& client, const std::string& text) {
    client.say(text);
    shard.settle();
    return client.heard();
}

const std::string welcome = R"({"connect":{"client":"*","version":"carillon )" CARILLON_VERSION R"(")";

TEST(listening, gets_of_the_channels_it_names_those_that_it_might_subscribe_to) {
    test_shard shard{with_listeners()};
    ws_client client = listener(shard);
    const words heard = say(shard, client, R"({"subs":{"open:a":{},"closed:a":{}}})");
    ASSERT_EQ(heard.size(), 1u);
    EXPECT_TRUE(heard[0].find(R"("subs":{"open:a":{}})") != std::string::npos) << heard[0];
    EXPECT_EQ(shard.publish("open:a", "1"), 1u);
    EXPECT_EQ(shard.publish("closed:a", "1"), 0u);
    shard.settle();
    EXPECT_EQ(client.heard(), words{R"({"channel":"open:a","pub":{"data":1}})"});
}

TEST(listening, that_names_what_there_cannot_be_or_too_much_is_told_and_ended) {
    struct row {
        const char* name;
        std::string subs;
        words heard;
    };
    const row rows[] = {
        {"no such namespace",
         R"("nowhere:a":{})",
         {R"({"disconnect":{"code":3501,"reason":"bad request"}})", "close 3501 bad request", "end"}},
        {"more than it may have",
         R"("open:a":{},"open:b":{},"open:c":{})",
         {R"({"disconnect":{"code":3505,"reason":"channel limit"}})", "close 3505 channel limit", "end"}},
    };
    for (const row& each : rows) {
        SCOPED_TRACE(each.name);
        test_shard shard{with_listeners()};
        ws_client client = listener(shard);
        EXPECT_EQ(say(shard, client, R"({"subs":{)" + each.subs + "}}"), each.heard);
    }
}

TEST(listening, half_a_request_is_none) {
    test_shard shard{with_listeners()};
    ws_client client = listener(shard);
    EXPECT_EQ(say(shard, client, R"({"subs":{"open)"),
              (words{R"({"disconnect":{"code":3501,"reason":"bad request"}})", "close 3501 bad request", "end"}));
}

TEST(listening, what_else_it_says_is_not_looked_at) {
    test_shard shard{with_listeners()};
    ws_client client = listener(shard);
    EXPECT_EQ(say(shard, client, "{}").size(), 1u);
    for (const char* each : {"{}", "pong", R"({"id":2,"subscribe":{"channel":"open:a"}})"})
        EXPECT_EQ(say(shard, client, each), words{}) << each;
    EXPECT_EQ(shard.publish("open:a", "1"), 0u);
    shard.sessions.close_all(protocol::disconnect::shutdown);
    shard.settle();
    EXPECT_EQ(client.heard(),
              (words{R"({"disconnect":{"code":3001,"reason":"shutdown"}})", "close 3001 shutdown", "end"}));
}

} // namespace
} // namespace carillon::test
