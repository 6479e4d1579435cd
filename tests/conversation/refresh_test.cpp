#include "keys/key_set.hpp"
#include "keys/signer.hpp"
#include "support/test_shard.hpp"

#include <string>
#include <vector>

// What becomes of a connection whose token is shown anew, or was too old to begin with.
namespace carillon::test {
namespace {

using namespace std::chrono_literals;
using words = std::vector<std::string>;

constexpr std::string_view secret = "a secret of this test, 32 bytes and more";
constexpr std::int64_t epoch = 1'800'000'000; // when test_time is an hour

std::chrono::sys_seconds token_time() {
    return std::chrono::sys_seconds{std::chrono::seconds{epoch}} +
           std::chrono::floor<std::chrono::seconds>(test_time.time_since_epoch() - 1h);
}

std::string token(std::string_view claims) {
    return *keys::signer::from_secret(secret, "test")->sign(keys::algorithm::hs256, claims);
}

shard_options with_tokens() {
    test_time = net::timer_wheel::clock::time_point{1h};
    auto keys = std::make_shared<keys::key_set>();
    EXPECT_FALSE(keys->add_secret(secret, "test"));
    shard_options how;
    how.clients.dev = false;
    how.clients.tokens.keys = std::move(keys);
    how.clients.now = token_time;
    how.clients.name_spaces = {{.name = "", .subscribe = {channels::party::client}}, {.name = "closed"}};
    return how;
}

words say(test_shard& shard, ws_client& client, const std::string& text) {
    client.say(text);
    shard.settle();
    return client.heard();
}

std::string connect(std::string_view claims) {
    return fmt::format(R"({{"id":1,"connect":{{"token":"{}"}}}})", token(claims));
}

std::string refresh(std::string_view claims) {
    return fmt::format(R"({{"id":9,"refresh":{{"token":"{}"}}}})", token(claims));
}

std::string with_token(std::string_view what, std::string_view claims) {
    return fmt::format(R"({{"id":2,"{}":{{"channel":"closed:a","token":"{}"}}}})", what, token(claims));
}

// SDKs that count from the last ping (those of Go, Java and Python do) leave 10 s after the next one was due.
TEST(refresh, puts_no_ping_off) {
    test_shard shard{with_tokens()};
    ws_client client = shard.upgraded();
    say(shard, client, connect(R"({"sub":"42","exp":1800000020})"));
    words heard;
    for (int second = 1; second <= 26; ++second) {
        shard.advance(1s);
        for (const std::string& each :
             say(shard, client, refresh(fmt::format(R"({{"sub":"42","exp":{}}})", epoch + second + 20))))
            if (each == "{}") heard.push_back(fmt::format("{}", second));
        if (!heard.empty()) break;
    }
    EXPECT_EQ(heard.size(), 1u) << "within 25 s of the connect there is a ping";
}

TEST(refresh, of_subscriptions_puts_no_ping_off_either) {
    test_shard shard{with_tokens()};
    ws_client client = shard.upgraded();
    say(shard, client, connect(R"({"sub":"42"})"));
    say(shard, client, with_token("subscribe", R"({"sub":"42","channel":"closed:a","exp":1800000020})"));
    bool pinged = false;
    for (int second = 1; second <= 26 && !pinged; ++second) {
        shard.advance(1s);
        for (const std::string& each :
             say(shard, client,
                 with_token("sub_refresh",
                            fmt::format(R"({{"sub":"42","channel":"closed:a","exp":{}}})", epoch + second + 20))))
            pinged = pinged || each == "{}";
    }
    EXPECT_TRUE(pinged);
}

TEST(refresh, with_a_token_for_other_channels_lets_the_client_come_back_with_it) {
    struct row {
        const char* name;
        const char* first;
        const char* next;
        bool stays;
    };
    constexpr row rows[] = {
        {"the same", R"(,"channels":["a","b"])", R"(,"channels":["a","b"])", true},
        {"in another order", R"(,"channels":["a","b"])", R"(,"channels":["b","a"])", true},
        {"said otherwise", R"(,"channels":["a"])", R"(,"subs":{"a":{}})", true},
        {"one less", R"(,"channels":["a","b"])", R"(,"channels":["a"])", false},
        {"one more", R"(,"channels":["a"])", R"(,"channels":["a","b"])", false},
        {"another", R"(,"channels":["a"])", R"(,"channels":["b"])", false},
        {"none any more", R"(,"channels":["a"])", "", false},
        {"none before", "", R"(,"channels":["a"])", false},
        {"none at all", "", "", true},
    };
    for (const row& each : rows) {
        SCOPED_TRACE(each.name);
        test_shard shard{with_tokens()};
        ws_client client = shard.upgraded();
        say(shard, client, connect(fmt::format(R"({{"sub":"42"{}}})", each.first)));
        const words heard = say(shard, client, refresh(fmt::format(R"({{"sub":"42"{}}})", each.next)));
        if (each.stays) {
            ASSERT_EQ(heard.size(), 1u);
            EXPECT_TRUE(heard[0].starts_with(R"({"id":9,"refresh":)")) << heard[0];
        } else {
            EXPECT_EQ(heard, (words{"close 3010 insufficient state", "end"}));
        }
    }
}

// Its own subscriptions, and those that the server has made meanwhile, are no business of the token.
TEST(refresh, is_about_the_channels_of_the_token_alone) {
    test_shard shard{with_tokens()};
    ws_client client = shard.upgraded();
    say(shard, client, connect(R"({"sub":"42","channels":["a"]})"));
    say(shard, client, R"({"id":2,"subscribe":{"channel":"mine"}})");
    const words heard = say(shard, client, refresh(R"({"sub":"42","channels":["a"]})"));
    ASSERT_EQ(heard.size(), 1u);
    EXPECT_TRUE(heard[0].starts_with(R"({"id":9,"refresh":)")) << heard[0];
}

TEST(refresh, of_a_subscription_by_an_old_token_ends_it_so_that_it_is_made_anew) {
    test_shard shard{with_tokens()};
    ws_client client = shard.upgraded();
    say(shard, client, connect(R"({"sub":"42"})"));
    say(shard, client, with_token("subscribe", R"({"sub":"42","channel":"closed:a","exp":1800000020})"));
    EXPECT_EQ(
        say(shard, client, with_token("sub_refresh", R"({"sub":"42","channel":"closed:a","exp":1700000000})")),
        (words{R"({"id":2,"sub_refresh":{}})",
               R"({"push":{"channel":"closed:a","unsubscribe":{"code":2501,"reason":"subscription expired"}}})"}));
    EXPECT_EQ(shard.publish("closed:a", "1"), 0u);
    EXPECT_EQ(shard.counters.subscriptions_expired, 1u);
    EXPECT_EQ(say(shard, client, with_token("subscribe", R"({"sub":"42","channel":"closed:a"})")).size(), 1u);
    EXPECT_EQ(shard.publish("closed:a", "2"), 1u);
}

// SDKs send what they had together with the connect.
TEST(refresh, who_comes_with_an_old_token_and_asks_for_channels_in_one_breath_is_told_to_get_another) {
    test_shard shard{with_tokens()};
    ws_client client = shard.upgraded();
    const std::string old = R"({"sub":"42","exp":1700000000})";
    EXPECT_EQ(say(shard, client,
                  connect(old) + "\n" + R"({"id":2,"subscribe":{"channel":"a"}})" + "\n" +
                      R"({"id":3,"history":{"channel":"a"}})"),
              words{R"({"id":1,"error":{"code":109,"message":"token expired"}})"});
    EXPECT_EQ(say(shard, client, R"({"id":4,"publish":{"channel":"a","data":1}})"), words{});
    const words in = say(shard, client, connect(R"({"sub":"42"})"));
    ASSERT_EQ(in.size(), 1u);
    EXPECT_TRUE(in[0].starts_with(R"({"id":1,"connect":)")) << in[0];
    EXPECT_EQ(say(shard, client, R"({"id":5,"subscribe":{"channel":"a"}})"), words{R"({"id":5,"subscribe":{}})"});
}

TEST(refresh, who_is_refused_and_stays_silent_is_not_waited_for) {
    test_shard shard{with_tokens()};
    ws_client client = shard.upgraded();
    say(shard, client, connect(R"({"sub":"42","exp":1700000000})"));
    shard.advance(11s);
    EXPECT_EQ(client.heard(), (words{"close 3502 stale", "end"}));
}

} // namespace
} // namespace carillon::test
