#include "keys/key_set.hpp"
#include "keys/signer.hpp"
#include "support/test_shard.hpp"

#include <string>
#include <vector>

namespace carillon::test {
namespace {

using namespace std::chrono_literals;
using words = std::vector<std::string>;

constexpr std::string_view secret = "a secret of this test, 32 bytes and more";
constexpr std::string_view other_secret = "another secret of this test, as long as it";
constexpr std::int64_t epoch = 1'800'000'000; // when test_time is an hour

/// The time of tokens moves with that of the shard.
std::chrono::sys_seconds token_time() {
    return std::chrono::sys_seconds{std::chrono::seconds{epoch}} +
           std::chrono::floor<std::chrono::seconds>(test_time.time_since_epoch() - 1h);
}

std::string signed_claims(std::string_view claims, std::string_view with = secret) {
    return *keys::signer::from_secret(with, "test")->sign(keys::algorithm::hs256, claims);
}

shard_options with_tokens() {
    test_time = net::timer_wheel::clock::time_point{1h};
    auto keys = std::make_shared<keys::key_set>();
    EXPECT_FALSE(keys->add_secret(secret, "test"));
    shard_options how;
    how.clients.dev = false;
    how.clients.tokens.keys = std::move(keys);
    how.clients.now = token_time;
    how.clients.name_spaces = {
        {.name = "", .subscribe = {channels::party::client}, .publish = {channels::party::client}},
        {.name = "closed", .publish = {channels::party::token}}};
    return how;
}

std::string connect(std::string_view claims, std::string_view with = secret) {
    return fmt::format(R"({{"id":1,"connect":{{"token":"{}"}}}})", signed_claims(claims, with));
}

std::string subscribe(std::string_view channel, std::string_view claims, std::string_view with = secret) {
    return fmt::format(R"({{"id":2,"subscribe":{{"channel":"{}","token":"{}"}}}})", channel,
                       signed_claims(claims, with));
}

const std::string welcome =
    R"({"id":1,"connect":{"client":"*","version":"carillon )" CARILLON_VERSION R"(","ping":25,"pong":true)";

struct said {
    const char* name;
    std::string by_client;
    words heard;
};

TEST(admission, a_connection_token_decides_who_may_come) {
    const std::string error = R"({"id":1,"error":{"code":109,"message":"token expired"}})";
    const said conversations[] = {
        {"a good token", connect(R"({"sub":"42"})"), {welcome + "}}"}},
        {"the anonymous user by token", connect(R"({})"), {welcome + "}}"}},
        {"one that ends", connect(R"({"sub":"42","exp":1800000060})"), {welcome + R"(,"expires":true,"ttl":60}})"}},
        {"a connection that ends later than its token",
         connect(R"({"sub":"42","exp":1800000060,"expire_at":1800000100})"),
         {welcome + R"(,"expires":true,"ttl":100}})"}},
        {"one that never ends though its token does",
         connect(R"({"sub":"42","exp":1800000060,"expire_at":0})"),
         {welcome + "}}"}},
        {"one that has ended", connect(R"({"sub":"42","exp":1800000000})"), {error}},
        {"one that is not good yet", connect(R"({"sub":"42","nbf":1800000001})"), {error}},
        {"a connection whose end has passed",
         connect(R"({"sub":"42","expire_at":1799999999})"),
         {R"({"id":1,"error":{"code":110,"message":"expired"}})"}},
        {"another secret", connect(R"({"sub":"42"})", other_secret), {"close 3500 invalid token", "end"}},
        {"no token at all", R"({"id":1,"connect":{"token":"x"}})", {"close 3500 invalid token", "end"}},
        {"none", R"({"id":1,"connect":{}})", {"close 3501 bad request", "end"}},
        {"a token for a subscription", connect(R"({"sub":"42","channel":"a"})"), {"close 3500 invalid token", "end"}},
        {"server-side subscriptions",
         connect(R"({"sub":"42","channels":["a","closed:b"]})"),
         {welcome + R"(,"subs":{"a":{},"closed:b":{}}}})"}},
        {"one with data",
         connect(R"({"sub":"42","subs":{"a":{"data":{"x":1}}}})"),
         {welcome + R"(,"subs":{"a":{"data":{"x":1}}}}})"}},
        {"one in a namespace that is not there",
         connect(R"({"sub":"42","channels":["nowhere:a"]})"),
         {R"({"id":1,"error":{"code":102,"message":"unknown channel"}})"}},
        {"info that is no JSON",
         connect(R"({"sub":"42","b64info":"//8="})"),
         {"close 3506 inappropriate protocol", "end"}},
    };
    for (const said& each : conversations) {
        SCOPED_TRACE(each.name);
        test_shard shard{with_tokens()};
        ws_client client = shard.upgraded();
        client.say(each.by_client);
        shard.settle();
        EXPECT_EQ(client.heard(), each.heard);
    }
}

TEST(admission, anonymous_clients_need_no_token_where_they_are_welcome) {
    shard_options how = with_tokens();
    how.clients.anonymous = true;
    test_shard shard{how};
    ws_client client = shard.connected();
    client.say(R"({"id":2,"subscribe":{"channel":"a"}})"); // for clients with a user
    shard.settle();
    EXPECT_EQ(client.heard(), words{R"({"id":2,"error":{"code":103,"message":"permission denied"}})"});
}

TEST(admission, without_keys_no_token_is_good) {
    shard_options how = with_tokens();
    how.clients.tokens.keys = nullptr;
    test_shard shard{how};
    ws_client client = shard.upgraded();
    client.say(connect(R"({"sub":"42"})"));
    shard.settle();
    EXPECT_EQ(client.heard(), (words{"close 3500 invalid token", "end"}));
    EXPECT_EQ(shard.counters.tokens_refused(metrics::token_refusal::no_keys), 1u);
}

TEST(admission, a_subscription_token_opens_its_channel_for_its_client) {
    const auto error = [](int code, std::string_view message) {
        return words{fmt::format(R"({{"id":2,"error":{{"code":{},"message":"{}"}}}})", code, message)};
    };
    const said conversations[] = {
        {"a channel that is open", R"({"id":2,"subscribe":{"channel":"a"}})", {R"({"id":2,"subscribe":{}})"}},
        {"one that is not", R"({"id":2,"subscribe":{"channel":"closed:a"}})", error(103, "permission denied")},
        {"one that is not there", R"({"id":2,"subscribe":{"channel":"nowhere:a"}})", error(102, "unknown channel")},
        {"a private one", R"({"id":2,"subscribe":{"channel":"$a"}})", error(103, "permission denied")},
        {"with a token", subscribe("closed:a", R"({"sub":"42","channel":"closed:a"})"), {R"({"id":2,"subscribe":{}})"}},
        {"a private one with a token",
         subscribe("$a", R"({"sub":"42","channel":"$a"})"),
         {R"({"id":2,"subscribe":{}})"}},
        {"with one that ends",
         subscribe("closed:a", R"({"sub":"42","channel":"closed:a","exp":1800000030})"),
         {R"({"id":2,"subscribe":{"expires":true,"ttl":30}})"}},
        {"with data",
         subscribe("closed:a", R"({"sub":"42","channel":"closed:a","data":[1]})"),
         {R"({"id":2,"subscribe":{"data":[1]}})"}},
        {"with one that has ended", subscribe("closed:a", R"({"sub":"42","channel":"closed:a","exp":1800000000})"),
         error(109, "token expired")},
        {"with another secret", subscribe("closed:a", R"({"sub":"42","channel":"closed:a"})", other_secret),
         error(103, "permission denied")},
        {"an open one with a bad token", subscribe("a", R"({"sub":"42","channel":"a"})", other_secret),
         error(103, "permission denied")},
        {"with a token for another channel",
         subscribe("closed:a", R"({"sub":"42","channel":"closed:b"})"),
         {"close 3500 invalid token", "end"}},
        {"with a token of another user",
         subscribe("closed:a", R"({"sub":"43","channel":"closed:a"})"),
         {"close 3500 invalid token", "end"}},
        {"with a token of another client",
         subscribe("closed:a", R"({"sub":"42","channel":"closed:a","client":"x"})"),
         {"close 3500 invalid token", "end"}},
    };
    for (const said& each : conversations) {
        SCOPED_TRACE(each.name);
        test_shard shard{with_tokens()};
        ws_client client = shard.upgraded();
        client.say(connect(R"({"sub":"42"})"));
        shard.settle();
        EXPECT_EQ(client.heard(), words{welcome + "}}"});
        client.say(each.by_client);
        shard.settle();
        EXPECT_EQ(client.heard(), each.heard);
    }
}

/// A client of user 42 whose token ends in a minute, with pings out of the way.
shard_options with_ends() {
    shard_options how = with_tokens();
    how.clients.ping_interval = 1h;
    how.clients.pong_timeout = 30min;
    return how;
}

ws_client one_who_ends(test_shard& shard) {
    ws_client client = shard.upgraded();
    client.say(connect(R"({"sub":"42","exp":1800000060})"));
    shard.settle();
    EXPECT_EQ(client.heard().size(), 1u);
    return client;
}

std::string refresh(std::string_view claims, std::string_view with = secret) {
    return fmt::format(R"({{"id":3,"refresh":{{"token":"{}"}}}})", signed_claims(claims, with));
}

TEST(admission, who_shows_no_other_token_is_disconnected_when_its_time_and_the_delay_are_over) {
    test_shard shard{with_ends()};
    ws_client client = one_who_ends(shard);
    shard.advance(84s);
    EXPECT_EQ(client.heard(), words{});
    shard.advance(2s);
    EXPECT_EQ(client.heard(), (words{"close 3005 connection expired", "end"}));
}

TEST(admission, a_refresh_takes_a_token_for_the_same_user) {
    const std::string reply = R"({"id":3,"refresh":{"client":"*","version":"carillon )" CARILLON_VERSION R"(")";
    const said conversations[] = {
        {"another minute", refresh(R"({"sub":"42","exp":1800000120})"), {reply + R"(,"expires":true,"ttl":120}})"}},
        {"for ever", refresh(R"({"sub":"42"})"), {reply + "}}"}},
        {"another user", refresh(R"({"sub":"43"})"), {"close 3500 invalid token", "end"}},
        {"an expired token", refresh(R"({"sub":"42","exp":1799999999})"), {"close 3005 connection expired", "end"}},
        {"another secret", refresh(R"({"sub":"42"})", other_secret), {"close 3500 invalid token", "end"}},
        {"no token", R"({"id":3,"refresh":{}})", {"close 3501 bad request", "end"}},
    };
    for (const said& each : conversations) {
        SCOPED_TRACE(each.name);
        test_shard shard{with_ends()};
        ws_client client = one_who_ends(shard);
        client.say(each.by_client);
        shard.settle();
        EXPECT_EQ(client.heard(), each.heard);
    }
}

TEST(admission, a_refreshed_client_lives_until_its_new_end) {
    test_shard shard{with_ends()};
    ws_client client = one_who_ends(shard);
    client.say(refresh(R"({"sub":"42","exp":1800000120})"));
    shard.settle();
    (void)client.heard();
    shard.advance(90s);
    EXPECT_EQ(client.heard(), words{"{}"}) << "it was looked at, at its old end";
    client.say("{}");
    shard.settle();
    shard.advance(56s);
    EXPECT_EQ(client.heard(), (words{"close 3005 connection expired", "end"}));
}

words ask(test_shard& shard, ws_client& client, const std::string& text) {
    client.say(text);
    shard.settle();
    return client.heard();
}

TEST(admission, a_subscription_ends_when_its_time_and_the_delay_are_over_and_can_be_prolonged) {
    test_shard shard{with_ends()};
    ws_client client = shard.upgraded();
    ask(shard, client, connect(R"({"sub":"42"})"));
    ask(shard, client, subscribe("closed:a", R"({"sub":"42","channel":"closed:a","exp":1800000030})"));
    EXPECT_EQ(ask(shard, client,
                  fmt::format(R"({{"id":3,"sub_refresh":{{"channel":"closed:a","token":"{}"}}}})",
                              signed_claims(R"({"sub":"42","channel":"closed:a","exp":1800000040})"))),
              words{R"({"id":3,"sub_refresh":{"expires":true,"ttl":40}})"});
    shard.advance(60s);
    EXPECT_EQ(shard.publish("closed:a", "1"), 1u);
    EXPECT_EQ(client.heard(), words{R"({"push":{"channel":"closed:a","pub":{"data":1}}})"});
    shard.advance(6s);
    EXPECT_EQ(client.heard(),
              (words{R"({"push":{"channel":"closed:a","unsubscribe":{"code":2501,"reason":"subscription expired"}}})",
                     "{}"}));
    EXPECT_EQ(shard.publish("closed:a", "2"), 0u);
    EXPECT_EQ(shard.counters.subscriptions_expired, 1u);
}

TEST(admission, publications_say_who_and_what_both_tokens_say_of_him) {
    test_shard shard{with_tokens()};
    ws_client client = shard.upgraded();
    ask(shard, client, connect(R"({"sub":"42","info":{"name":"Ann"}})"));
    ask(shard, client, subscribe("closed:a", R"({"sub":"42","channel":"closed:a","info":{"role":"x"}})"));
    const words heard = ask(shard, client, R"({"id":3,"publish":{"channel":"closed:a","data":1}})");
    EXPECT_EQ(std::count(heard.begin(), heard.end(),
                         R"({"push":{"channel":"closed:a","pub":{"data":1,"info":{"user":"42","client":"*",)"
                         R"("conn_info":{"name":"Ann"},"chan_info":{"role":"x"}}}}})"),
              1);
    EXPECT_EQ(ask(shard, client, R"({"id":4,"publish":{"channel":"b","data":2}})"), words{R"({"id":4,"publish":{}})"});
    EXPECT_EQ(ask(shard, client, R"({"id":5,"publish":{"channel":"closed:b","data":3}})"),
              words{R"({"id":5,"error":{"code":103,"message":"permission denied"}})"});
}

TEST(admission, a_remembered_token_costs_no_check_of_its_signature) {
    test_shard shard{with_tokens()};
    for (int i = 0; i < 3; ++i) {
        ws_client client = shard.upgraded();
        client.say(connect(R"({"sub":"42"})"));
        shard.settle();
        EXPECT_EQ(client.heard(), words{welcome + "}}"});
    }
    metrics::shard_counters counted = shard.counters;
    shard.sessions.talks().tokens().count(counted);
    EXPECT_EQ(counted.tokens_accepted, 3u);
    EXPECT_EQ(counted.token_memory_hits, 2u);
    EXPECT_EQ(counted.token_memory_misses, 1u);
    EXPECT_EQ(counted.token_memory_entries, 1);
}

// The bus confirms when the test says so.
class asked_bus final : public bus::broker {
public:
    bus::interest subscribe(std::string_view channel, bool, bus::subscription_listener& who,
                            bus::ticket whose) override {
        asked.push_back({std::string{channel}, &who, whose});
        return bus::interest::pending;
    }
    void unsubscribe(std::string_view channel) override { left.emplace_back(channel); }
    std::optional<bus::publish_result> publish(std::string_view, const bus::publication&, bus::publish_listener&,
                                               bus::ticket) override {
        return bus::publish_result{0u};
    }

    bool congested() const noexcept override { return false; }
    void on_time(std::chrono::steady_clock::time_point) override {}

    struct question {
        std::string channel;
        bus::subscription_listener* who;
        bus::ticket whose;
    };
    std::vector<question> asked;
    words left;
};

TEST(admission, a_connect_is_answered_when_the_bus_has_confirmed_its_channels_and_what_follows_waits) {
    asked_bus bus;
    shard_options how = with_tokens();
    how.clients_bus = &bus;
    test_shard shard{how};
    ws_client client = shard.upgraded();
    client.say(connect(R"({"sub":"42","channels":["a","b"]})") + "\n" + R"({"id":2,"presence":{"channel":"a"}})");
    shard.settle();
    ASSERT_EQ(bus.asked.size(), 2u);
    EXPECT_EQ(client.heard(), words{});
    bus.asked[0].who->on_subscribed(bus.asked[0].whose);
    shard.settle();
    EXPECT_EQ(client.heard(), words{});
    bus.asked[1].who->on_subscribed(bus.asked[1].whose);
    shard.settle();
    EXPECT_EQ(client.heard(), (words{welcome + R"(,"subs":{"a":{},"b":{}}}})" + "\n" +
                                     R"({"id":2,"error":{"code":108,"message":"not available"}})"}));
}

TEST(admission, a_channel_that_the_bus_does_not_give_ends_the_connect) {
    struct refusal {
        bus::error why;
        words heard;
    };
    for (const refusal& each : {refusal{bus::error::away, {"close 3004 internal server error", "end"}},
                                refusal{bus::error::denied, {"close 3507 permission denied", "end"}}}) {
        asked_bus bus;
        shard_options how = with_tokens();
        how.clients_bus = &bus;
        test_shard shard{how};
        ws_client client = shard.upgraded();
        client.say(connect(R"({"sub":"42","channels":["a","b"]})"));
        shard.settle();
        ASSERT_EQ(bus.asked.size(), 2u);
        bus.asked[0].who->on_subscribe_failed(bus.asked[0].whose, "a", each.why);
        bus.asked[1].who->on_subscribed(bus.asked[1].whose); // too late for it
        shard.settle();
        EXPECT_EQ(client.heard(), each.heard);
    }
}

TEST(admission, nothing_is_left_of_who_has_gone) {
    test_shard shard{with_tokens()};
    {
        ws_client client = shard.upgraded();
        client.say(connect(R"({"sub":"a user whose name is long","info":1,"meta":{},"channels":["a"]})"));
        shard.settle();
        EXPECT_EQ(client.heard().size(), 1u);
    }
    shard.expect_empty();
}

// For clients that cannot send it in `connect`: a browser's page on the same site has a cookie, other programs a field.
TEST(admission, a_token_may_come_with_the_upgrade) {
    shard_options how = with_tokens();
    how.clients.tokens.cookie = "session";
    how.clients.tokens.query = "token";
    const std::string good = signed_claims(R"({"sub":"42"})"), bad = signed_claims("{}", other_secret);
    const std::string plain = R"({"id":1,"connect":{}})";
    const words wrong{"close 3500 invalid token", "end"};
    const struct {
        const char* name;
        std::string query, fields, connect;
        words heard;
    } rows[] = {
        {"in a field", "", "Authorization: Bearer " + good + "\r\n", plain, {welcome + "}}"}},
        {"in a cookie", "", "Cookie: a=b; session=" + good + "\r\n", plain, {welcome + "}}"}},
        {"in the query", "?token=" + good, "", plain, {welcome + "}}"}},
        {"a wrong one", "", "Authorization: Bearer " + bad + "\r\n", plain, wrong},
        {"the field before the cookie", "", "Authorization: Bearer " + bad + "\r\nCookie: session=" + good + "\r\n",
         plain, wrong},
        {"the command's before all",
         "",
         "Authorization: Bearer " + bad + "\r\n",
         connect(R"({"sub":"42"})"),
         {welcome + "}}"}},
        {"another cookie", "", "Cookie: other=" + good + "\r\n", plain, {"close 3501 bad request", "end"}},
    };
    test_shard shard{how};
    for (const auto& each : rows) {
        SCOPED_TRACE(each.name);
        std::string request{upgrade_request};
        request.insert(request.find(" HTTP/1.1"), each.query);
        request.insert(request.find("Upgrade:"), each.fields);
        ws_client client{shard.open(shard.sessions, request)};
        EXPECT_TRUE(client.response().starts_with("HTTP/1.1 101 "));
        client.say(each.connect);
        shard.settle();
        EXPECT_EQ(client.heard(), each.heard);
    }
}

} // namespace
} // namespace carillon::test
