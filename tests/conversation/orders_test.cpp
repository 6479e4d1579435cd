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

shard_options with_users() {
    auto keys = std::make_shared<keys::key_set>();
    EXPECT_FALSE(keys->add_secret(secret, "test"));
    shard_options how;
    how.clients.tokens.keys = std::move(keys);
    how.clients.now = [] { return std::chrono::sys_seconds{1'800'000'000s}; };
    return how;
}

ws_client user(test_shard& shard, std::string_view name) {
    ws_client client = shard.upgraded();
    const std::string claims = fmt::format(R"({{"sub":"{}"}})", name);
    client.say(fmt::format(R"({{"id":1,"connect":{{"token":"{}"}}}})",
                           *keys::signer::from_secret(secret, "test")->sign(keys::algorithm::hs256, claims)));
    shard.settle();
    EXPECT_EQ(client.heard().size(), 1u);
    return client;
}

struct people {
    explicit people(test_shard& shard)
        : one{user(shard, "42")}, again{user(shard, "42")}, other{user(shard, "0123abcd-4567-89ef-0123-456789abcdef")} {
    }
    ws_client one, again, other;
};

TEST(orders, a_user_is_disconnected_wherever_he_is) {
    test_shard shard{with_users()};
    people all{shard};
    EXPECT_EQ(shard.sessions.talks().carry_out(api::disconnect_request{.who = {.user = "42"}}), 2u);
    shard.settle();
    EXPECT_EQ(all.one.heard(), (words{"close 3503 force disconnect", "end"}));
    EXPECT_EQ(all.again.heard(), (words{"close 3503 force disconnect", "end"}));
    EXPECT_EQ(all.other.heard(), words{});
}

TEST(orders, a_client_id_narrows_them_and_the_whitelist_spares) {
    test_shard shard{with_users()};
    people all{shard};
    api::disconnect_request what{.who = {.user = "42", .client = all.again.id()}, .code = 4000, .reason = "bye"};
    what.who.user = "43";
    EXPECT_EQ(shard.sessions.talks().carry_out(what), 0u); // not his
    what.who.user = "42";
    EXPECT_EQ(shard.sessions.talks().carry_out(what), 1u);
    shard.settle();
    EXPECT_EQ(all.again.heard(), (words{"close 4000 bye", "end"}));
    EXPECT_EQ(shard.sessions.talks().carry_out(what), 0u); // he has gone
    EXPECT_EQ(
        shard.sessions.talks().carry_out(api::disconnect_request{.who = {.user = "42"}, .whitelist = {all.one.id()}}),
        0u);
    shard.settle();
    EXPECT_EQ(all.one.heard(), words{});
}

TEST(orders, a_uuid_is_found_like_any_other_user) {
    test_shard shard{with_users()};
    people all{shard};
    EXPECT_EQ(shard.sessions.talks().carry_out(
                  api::disconnect_request{.who = {.user = "0123abcd-4567-89ef-0123-456789abcdef"}}),
              1u);
}

TEST(orders, the_server_subscribes_and_unsubscribes_a_user) {
    test_shard shard{with_users()};
    people all{shard};
    const api::subscribe_request what{.who = {.user = "42"}, .channel = "a", .info = "1", .data = "[2]"};
    EXPECT_EQ(shard.sessions.talks().carry_out(what), 2u);
    EXPECT_EQ(shard.sessions.talks().carry_out(what), 0u); // they have it
    shard.settle();
    EXPECT_EQ(all.one.heard(), words{R"({"push":{"channel":"a","subscribe":{"data":[2]}}})"});
    EXPECT_EQ(shard.publish("a", "3"), 2u);
    EXPECT_EQ(all.one.heard(), words{R"({"push":{"channel":"a","pub":{"data":3}}})"});
    EXPECT_EQ(all.other.heard(), words{});
    const api::unsubscribe_request end{.who = {.user = "42"}, .channel = "a"};
    EXPECT_EQ(shard.sessions.talks().carry_out(end), 2u);
    EXPECT_EQ(shard.sessions.talks().carry_out(end), 0u);
    shard.settle();
    EXPECT_EQ(all.one.heard(),
              words{R"({"push":{"channel":"a","unsubscribe":{"code":2000,"reason":"server unsubscribe"}}})"});
    EXPECT_EQ(shard.publish("a", "4"), 0u);
}

TEST(orders, a_subscription_of_the_servers_ends_with_the_connection) {
    test_shard shard{with_users()};
    people all{shard};
    EXPECT_EQ(shard.sessions.talks().carry_out(
                  api::subscribe_request{.who = {.user = "42"}, .channel = "a", .expire_at = 1'799'999'000}),
              2u);
    shard.advance(1s);
    EXPECT_EQ(all.one.heard(),
              (words{R"({"push":{"channel":"a","subscribe":{}}})", "close 3006 subscription expired", "end"}));
}

TEST(orders, a_user_gets_another_end) {
    test_shard shard{with_users()};
    people all{shard};
    EXPECT_EQ(shard.sessions.talks().carry_out(api::refresh_request{.who = {.user = "42"}, .expire_at = 1'800'000'060}),
              2u);
    shard.settle();
    EXPECT_EQ(all.one.heard(), words{R"({"push":{"refresh":{"expires":true,"ttl":60}}})"});
    EXPECT_EQ(shard.sessions.talks().carry_out(api::refresh_request{.who = {.user = "42"}}), 2u);
    shard.settle();
    EXPECT_EQ(all.one.heard(), words{R"({"push":{"refresh":{}}})"});
    EXPECT_EQ(shard.sessions.talks().carry_out(api::refresh_request{.who = {.user = "42"}, .expired = true}), 2u);
    shard.settle();
    EXPECT_EQ(all.one.heard(), (words{"close 3005 connection expired", "end"}));
}

} // namespace
} // namespace carillon::test
