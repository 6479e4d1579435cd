#include "keys/key_set.hpp"
#include "keys/signer.hpp"
#include "support/test_shard.hpp"

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

// What namespaces say about clients that take less than is published (session/slow.cpp).
namespace carillon::test {
namespace {

using namespace std::chrono_literals;
using channels::slow_consumer_policy;
using words = std::vector<std::string>;

constexpr std::size_t payload_bytes = 8'000;
constexpr int small_send_buffer = 8'192; // the kernel doubles it
constexpr auto websocket = metrics::connection_kind::websocket;

shard_options with_policies(std::size_t outbox_bytes = 50'000) {
    shard_options how;
    how.clients.dev = false;
    how.clients.anonymous = true;
    how.clients.outbox_bytes_max = outbox_bytes;
    const channels::audience all{channels::party::anonymous};
    const auto space = [&](const char* name, slow_consumer_policy policy) {
        return channels::name_space{.name = name, .subscribe = all, .slow_consumer = policy};
    };
    channels::name_space told = space("told", slow_consumer_policy::drop_oldest);
    told.history_size = 100;
    told.recovery = channels::recovery_mode::stream;
    channels::name_space price = space("price", slow_consumer_policy::keep_latest);
    price.history_size = 1;
    price.recovery = channels::recovery_mode::cache;
    how.clients.name_spaces = {space("plain", slow_consumer_policy::disconnect),
                               space("old", slow_consumer_policy::drop_oldest),
                               space("last", slow_consumer_policy::keep_latest), told, price};
    how.streams.emplace();
    return how;
}

std::string payload(int number, std::size_t size = payload_bytes) {
    return fmt::format(R"({{"n":{},"fill":"{}"}})", number, std::string(size, 'x'));
}
std::string push(std::string_view channel, int number, std::size_t size = payload_bytes) {
    return fmt::format(R"({{"push":{{"channel":"{}","pub":{{"data":{}}}}}}})", channel, payload(number, size));
}

class unheard final : public bus::publish_listener {
public:
    void on_published(bus::ticket, bus::publish_result) override {}
};

// As the server API does, into the channel's stream.
void publish(test_shard& on, std::string_view channel, int number, std::size_t size = payload_bytes) {
    static unheard nobody;
    const std::string json = payload(number, size);
    bus::publication what;
    what.payload = json;
    what.is_json = true;
    const auto done = on.broker.publish(channel, what, nobody, {});
    ASSERT_TRUE(done && *done);
    on.subscribers.flush();
    on.settle();
}

words hear_all(test_shard& shard, ws_client& client) {
    for (std::size_t before = 0;; before = client.received().size()) {
        client.read();
        if (client.received().size() == before) return client.heard();
        shard.settle();
    }
}

void join(test_shard& shard, const ws_client& client, std::string_view channel) {
    client.say(fmt::format(R"({{"id":9,"subscribe":{{"channel":"{}"}}}})", channel));
    shard.settle();
}

// What "n" is in each push of a channel.
std::vector<int> numbers(const words& heard, std::string_view channel) {
    std::vector<int> all;
    const std::string before = fmt::format(R"({{"push":{{"channel":"{}","pub":{{"data":{{"n":)", channel);
    for (const std::string& each : heard)
        if (each.starts_with(before)) all.push_back(std::atoi(each.c_str() + before.size()));
    return all;
}

bool has(const words& heard, const std::string& what) { return std::ranges::find(heard, what) != heard.end(); }

// Those are the first so many, then a hole, then the newest up to `last`.
void expect_one_hole(const std::vector<int>& all, int last) {
    ASSERT_GT(all.size(), 1u);
    std::size_t holes = 0;
    for (std::size_t i = 1; i < all.size(); ++i) {
        EXPECT_GT(all[i], all[i - 1]);
        holes += all[i] != all[i - 1] + 1;
    }
    EXPECT_EQ(all.front(), 0);
    EXPECT_EQ(all.back(), last);
    EXPECT_EQ(holes, 1u);
}

TEST(slow_policy, the_oldest_of_what_waits_is_dropped_and_the_others_lose_nothing) {
    for (std::size_t bound = 30'000; bound < 60'000; bound += 3'777) { // met in the middle of different frames
        SCOPED_TRACE(bound);
        test_shard shard{with_policies(bound)};
        ws_client slow = shard.connected("old:a", small_send_buffer);
        ws_client quick = shard.connected("old:a");
        for (int i = 0; i < 40; ++i) {
            shard.publish("old:a", payload(i));
            EXPECT_EQ(quick.heard(), words{push("old:a", i)});
            EXPECT_LE(shard.counters.outbox_bytes, static_cast<std::int64_t>(bound));
        }
        const words heard = hear_all(shard, slow);
        expect_one_hole(numbers(heard, "old:a"), 39);
        EXPECT_EQ(shard.counters.publications_dropped("old"), 40 - heard.size());
        EXPECT_EQ(shard.counters.slow_consumers(websocket), 0u);
        EXPECT_EQ(shard.counters.subscriptions_cut, 0u); // it has no stream
        shard.expect_at_rest();
    }
}

TEST(slow_policy, only_the_newest_of_each_channel_waits) {
    test_shard shard{with_policies()};
    ws_client slow = shard.connected("last:a", small_send_buffer);
    join(shard, slow, "last:b");
    join(shard, slow, "price:c");
    (void)slow.heard();
    for (int i = 0; i < 100; ++i) {
        shard.publish("last:a", payload(i));
        shard.publish("last:b", payload(i, 10));
        publish(shard, "price:c", i, 10);
    }
    EXPECT_LT(shard.counters.outbox_bytes, 20'000);
    const words heard = hear_all(shard, slow);
    expect_one_hole(numbers(heard, "last:a"), 99);
    expect_one_hole(numbers(heard, "last:b"), 99);
    expect_one_hole(numbers(heard, "price:c"), 99);
    EXPECT_EQ(shard.counters.publications_dropped("last") + shard.counters.publications_dropped("price"),
              300 - heard.size());
    EXPECT_EQ(shard.counters.subscriptions_cut, 0u); // who has the newest of a cache lacks nothing
    shard.expect_at_rest();
}

// Several publications of one turn are one delivery: of it, too, only the last is kept.
TEST(slow_policy, a_burst_is_taken_apart_wherever_it_was_cut) {
    const std::size_t size = 40;
    const std::size_t frame = push("last:a", 0, size).size() + 2;
    for (const char* channel : {"last:a", "old:a"}) {
        for (std::size_t cut = 1; cut < 4 * frame; ++cut) {
            SCOPED_TRACE(fmt::format("{} {}", channel, cut));
            test_shard shard{with_policies(2 * frame + 150)};
            ws_client slow = shard.connected(channel);
            script = {.victim = slow.far(), .strike_at = 1, .what = mishap::one_byte, .taken = cut};
            for (int i = 0; i < 4; ++i) shard.subscribers.publish(channel, {payload(i, size), true, {}});
            shard.subscribers.flush();
            script = {};
            shard.nudge(slow.far());
            const std::vector<int> heard = numbers(slow.heard(), channel);
            const std::size_t begun = push(channel, 0, size).size() + 2 == frame ? (cut + frame - 1) / frame : 0;
            EXPECT_EQ(heard.empty() ? -1 : heard.back(), 3);
            EXPECT_TRUE(std::ranges::is_sorted(heard));
            EXPECT_EQ(
                shard.counters.publications_dropped(std::string_view{channel}.substr(0, 3) == "old" ? "old" : "last"),
                4 - heard.size());
            if (channel == std::string_view{"last:a"}) { // what was begun, and the last
                EXPECT_EQ(heard.size(), std::min<std::size_t>(begun + 1, 4));
            }
            shard.expect_at_rest();
        }
    }
}

TEST(slow_policy, replies_and_pings_find_room_and_other_namespaces_keep_theirs) {
    test_shard shard{with_policies(30'000)};
    ws_client slow = shard.connected("old:a", small_send_buffer);
    join(shard, slow, "plain:b");
    (void)slow.heard();
    for (int i = 0; i < 20; ++i) shard.publish("old:a", payload(i));
    const auto before = shard.counters.publications_dropped("old");
    EXPECT_GT(before, 0u);
    shard.publish("plain:b", payload(7));
    slow.say(R"({"id":3,"rpc":{"method":"m"}})");
    shard.settle();
    shard.advance(25'100ms);
    EXPECT_EQ(shard.counters.pings_sent, 1u);
    EXPECT_GT(shard.counters.publications_dropped("old"), before);
    const words heard = hear_all(shard, slow);
    EXPECT_TRUE(has(heard, push("plain:b", 7)));
    EXPECT_TRUE(has(heard, R"({"id":3,"error":{"code":108,"message":"not available"}})"));
    EXPECT_TRUE(has(heard, "{}"));
    EXPECT_EQ(shard.counters.slow_consumers(websocket), 0u);
    // What may not be dropped still ends who has no room for it.
    for (int i = 0; i < 20; ++i) shard.publish("plain:b", payload(i));
    EXPECT_EQ(shard.counters.slow_consumers(websocket), 1u);
    EXPECT_EQ(hear_all(shard, slow).back(), "end");
}

TEST(slow_policy, who_takes_nothing_at_all_ends_with_its_pong) {
    test_shard shard{with_policies(30'000)};
    ws_client slow = shard.connected("old:a", small_send_buffer);
    for (int i = 0; i < 20; ++i) shard.publish("old:a", payload(i));
    shard.advance(25'100ms);
    shard.advance(8'100ms);
    EXPECT_EQ(shard.counters.connections_closed(3012), 1u);
    shard.advance(5'100ms);
    shard.expect_empty();
}

TEST(slow_policy, who_has_a_stream_is_told_once_and_recovers) {
    test_shard shard{with_policies(30'000)};
    ws_client slow = shard.connected({}, small_send_buffer);
    ws_client quick = shard.connected();
    for (ws_client* each : {&slow, &quick}) {
        join(shard, *each, "told:a");
        (void)each->heard();
    }
    int count = 0;
    for (; count < 100 && shard.counters.subscriptions_cut == 0; ++count) {
        publish(shard, "told:a", count);
        EXPECT_EQ(numbers(quick.heard(), "told:a"), std::vector<int>{count});
    }
    ASSERT_EQ(shard.counters.subscriptions_cut, 1u);
    EXPECT_EQ(shard.subscribers.subscribers("told:a"), 1u);
    words heard = hear_all(shard, slow);
    const std::string told =
        R"({"push":{"channel":"told:a","unsubscribe":{"code":2500,"reason":"insufficient state"}}})";
    EXPECT_EQ(std::ranges::count(heard, told), 1);
    EXPECT_EQ(heard.back(), told); // nothing of the channel comes behind the gap
    const auto got = numbers(heard, "told:a");
    for (std::size_t i = 0; i < got.size(); ++i) EXPECT_EQ(got[i], static_cast<int>(i));
    shard.expect_at_rest();
    // As an SDK does when it is told.
    slow.say(fmt::format(R"({{"id":4,"subscribe":{{"channel":"told:a","recover":true,"offset":{}}}}})", got.size()));
    shard.settle();
    heard = hear_all(shard, slow);
    ASSERT_EQ(heard.size(), 1u);
    EXPECT_NE(heard[0].find(R"("recovered":true)"), std::string::npos) << heard[0].substr(0, 200);
    for (int i = static_cast<int>(got.size()); i < count; ++i)
        EXPECT_NE(heard[0].find(fmt::format(R"({{"n":{},)", i)), std::string::npos) << i;
    publish(shard, "told:a", count);
    EXPECT_EQ(numbers(slow.heard(), "told:a"), std::vector<int>{count});
    shard.expect_at_rest();
}

TEST(slow_policy, who_leaves_before_it_is_told_is_told_once_and_answered) {
    test_shard shard{with_policies(30'000)};
    ws_client slow = shard.connected({}, small_send_buffer);
    join(shard, slow, "told:a");
    for (int i = 0; i < 30; ++i) publish(shard, "told:a", i);
    slow.say(R"({"id":4,"unsubscribe":{"channel":"told:a"}})");
    shard.settle();
    const words heard = hear_all(shard, slow);
    EXPECT_EQ(heard.back(), R"({"id":4,"unsubscribe":{}})");
    EXPECT_EQ(std::ranges::count_if(heard, [](const std::string& each) { return each.find("2500") != each.npos; }), 1);
    shard.expect_at_rest();
}

// Who has not asked for a channel asks for it again by another connect (protocol §5).
TEST(slow_policy, a_subscription_that_the_server_made_ends_with_its_connection) {
    shard_options how = with_policies(30'000);
    auto set = std::make_shared<keys::key_set>();
    const std::string_view secret = "a secret of this test, 32 bytes and more";
    ASSERT_FALSE(set->add_secret(secret, "test"));
    how.clients.tokens.keys = set;
    test_shard shard{how};
    const std::string token = *keys::signer::from_secret(secret, "test")
                                   ->sign(keys::algorithm::hs256, R"({"sub":"42","channels":["told:a"]})");
    ws_client slow = shard.upgraded(small_send_buffer);
    slow.say(R"({"id":1,"connect":{"token":")" + token + R"("}})");
    shard.settle();
    for (int i = 0; i < 30; ++i) publish(shard, "told:a", i);
    EXPECT_EQ(shard.counters.connections_closed(3010), 1u);
    const words heard = hear_all(shard, slow);
    ASSERT_GT(heard.size(), 3u);
    EXPECT_EQ(heard[heard.size() - 2], "close 3010 insufficient state");
    const auto got = numbers(heard, "told:a");
    for (std::size_t i = 0; i < got.size(); ++i) EXPECT_EQ(got[i], static_cast<int>(i));
    slow.hang_up();
    shard.expect_empty();
}

TEST(slow_policy, a_client_of_an_http_stream_gets_whole_lines) {
    shard_options how = with_policies(30'000);
    how.clients.transports.add(carriers::transport::http_stream);
    how.clients.transports.add(carriers::transport::uni_sse);
    const std::string_view commands = R"({"id":1,"connect":{}})"
                                      "\n"
                                      R"({"id":2,"subscribe":{"channel":"old:a"}})";
    const struct {
        const char* name;
        std::string request;
        std::string after;
        std::string before;
    } rows[] = {
        {"http_stream",
         fmt::format("POST /connection/http_stream HTTP/1.1\r\nHost: example.org\r\nContent-Length: {}\r\n\r\n{}",
                     commands.size(), commands),
         "\n", R"({"push":{"channel":"old:a","pub":{"data":{"n":)"},
    };
    for (const auto& row : rows) {
        SCOPED_TRACE(row.name);
        test_shard shard{how};
        peer slow = shard.open(shard.sessions, row.request, small_send_buffer);
        ASSERT_EQ(shard.subscribers.subscribers("old:a"), 1u);
        for (int i = 0; i < 40; ++i) shard.publish("old:a", payload(i));
        EXPECT_GT(shard.counters.publications_dropped("old"), 0u);
        for (std::size_t before = 0;; before = slow.received().size()) {
            slow.read();
            if (slow.received().size() == before) break;
            shard.settle();
        }
        std::vector<int> got;
        std::string_view left = slow.received();
        for (std::size_t at = left.find(row.before); at != left.npos; at = left.find(row.before)) {
            left.remove_prefix(at + row.before.size());
            got.push_back(std::atoi(left.data()));
            const std::size_t end = left.find(row.after);
            ASSERT_NE(end, left.npos);
            EXPECT_EQ(end, payload(got.back()).size() - 5 + 3) << left.substr(0, end); // whole
            left.remove_prefix(end);
        }
        expect_one_hole(got, 39);
        shard.expect_at_rest();
    }
}

} // namespace
} // namespace carillon::test
