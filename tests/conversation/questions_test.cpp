#include "keys/key_set.hpp"
#include "keys/signer.hpp"
#include "support/test_shard.hpp"

#include <boost/asio/post.hpp>

#include <string>
#include <vector>

namespace carillon::test {
namespace {

using words = std::vector<std::string>;
using people::token_kind;

constexpr std::string_view secret = "a secret of this test, 32 bytes and more";

std::string token(std::string_view claims) {
    return *keys::signer::from_secret(secret, "test")->sign(keys::algorithm::hs256, claims);
}

std::string connect() { return fmt::format(R"({{"id":1,"connect":{{"token":"{}"}}}})", token(R"({"sub":"42"})")); }

std::string subscribe(std::uint32_t id) {
    return fmt::format(R"({{"id":{},"subscribe":{{"channel":"$a","token":"{}"}}}})", id,
                       token(R"({"sub":"42","channel":"$a"})"));
}

std::shared_ptr<const keys::key_set> with_secret() {
    auto keys = std::make_shared<keys::key_set>();
    EXPECT_FALSE(keys->add_secret(secret, "test"));
    return keys;
}

const std::string welcome =
    R"({"id":1,"connect":{"client":"*","version":"carillon )" CARILLON_VERSION R"(","ping":25,"pong":true}})";
const std::string try_again = R"({"id":1,"error":{"code":100,"message":"internal server error","temporary":true}})";

/// A shard whose keys come from elsewhere, and are not there yet.
struct ground {
    ground() : ground{shard_options{}} {}
    explicit ground(shard_options how) {
        how.clients.dev = false;
        how.clients.tokens.keys = std::make_shared<const keys::key_set>();
        how.clients.tokens.fetch_keys = [this] { ++fetches; };
        how.clients.name_spaces = {{.name = ""}};
        shard.emplace(how);
    }

    void keys_come(bool fresh = true) {
        shard->sessions.talks().on_keys(token_kind::connection, fresh);
        shard->settle();
    }

    int fetches = 0;
    std::optional<test_shard> shard;
};

TEST(questions, a_client_whose_key_is_not_known_waits_until_it_is) {
    ground here;
    ws_client client = here.shard->upgraded();
    client.say(connect());
    here.shard->settle();
    EXPECT_EQ(client.heard(), words{});
    EXPECT_EQ(here.fetches, 1);
    here.shard->sessions.talks().tokens().use(with_secret(), nullptr);
    here.keys_come();
    EXPECT_EQ(client.heard(), words{welcome});
    EXPECT_EQ(here.shard->counters.commands(metrics::command_method::connect), 1u) << "though it was looked at twice";
    EXPECT_EQ(here.shard->counters.tokens_accepted, 1u);
    EXPECT_EQ(here.shard->counters.tokens_refused(metrics::token_refusal::key_unknown), 0u);
}

TEST(questions, its_other_commands_wait_behind_it_in_order) {
    ground here;
    ws_client client = here.shard->upgraded();
    client.say(connect() + "\n" + subscribe(2) + "\n" + R"({"id":3,"subscribe":{"channel":"b"}})");
    client.say(R"({"id":4,"unsubscribe":{"channel":"$a"}})");
    here.shard->settle();
    client.say(R"({"id":5,"rpc":{"method":"x","data":{}}})");
    here.shard->settle();
    EXPECT_EQ(client.heard(), words{});
    here.shard->sessions.talks().tokens().use(with_secret(), nullptr);
    here.keys_come();
    const std::string replies = welcome + "\n" + R"({"id":2,"subscribe":{}})" + "\n" +
                                R"({"id":3,"error":{"code":103,"message":"permission denied"}})";
    EXPECT_EQ(client.heard(), (words{replies + "\n" + R"({"id":4,"unsubscribe":{}})",
                                     R"({"id":5,"error":{"code":108,"message":"not available"}})"}));
    here.shard->expect_at_rest();
}

TEST(questions, whose_key_is_still_not_known_is_refused) {
    ground here;
    ws_client client = here.shard->upgraded();
    client.say(connect());
    here.shard->settle();
    here.keys_come();
    EXPECT_EQ(client.heard(), (words{"close 3500 invalid token", "end"}));
    EXPECT_EQ(here.fetches, 1) << "once is enough";
    EXPECT_EQ(here.shard->counters.tokens_refused(metrics::token_refusal::key_unknown), 1u);
}

TEST(questions, where_keys_cannot_be_had_it_may_come_again) {
    ground here;
    ws_client client = here.shard->upgraded();
    client.say(connect());
    here.shard->settle();
    here.keys_come(false);
    EXPECT_EQ(client.heard(), words{try_again});
}

TEST(questions, many_ask_once) {
    ground here;
    std::vector<ws_client> all;
    for (int i = 0; i < 20; ++i) {
        all.push_back(here.shard->upgraded());
        all.back().say(connect());
        here.shard->settle();
    }
    EXPECT_EQ(here.fetches, 1);
    all[7].hang_up();
    here.shard->settle();
    here.shard->sessions.talks().tokens().use(with_secret(), nullptr);
    here.keys_come();
    for (std::size_t i = 0; i < all.size(); ++i) {
        if (i != 7) { EXPECT_EQ(all[i].heard(), words{welcome}) << i; }
    }
    ws_client later = here.shard->upgraded();
    later.say(connect());
    here.shard->settle();
    EXPECT_EQ(later.heard(), words{welcome});
    EXPECT_EQ(here.fetches, 1);
}

TEST(questions, those_who_have_no_time_left_in_a_turn_go_on_in_the_next) {
    shard_options how;
    how.turns.time_max = std::chrono::milliseconds{0};
    ground here{how};
    std::vector<ws_client> all;
    for (int i = 0; i < 5; ++i) {
        all.push_back(here.shard->upgraded());
        all.back().say(connect());
        here.shard->settle();
    }
    here.shard->sessions.talks().tokens().use(with_secret(), nullptr);
    here.keys_come();
    for (ws_client& each : all) EXPECT_EQ(each.heard(), words{welcome});
}

TEST(questions, a_subscription_waits_for_its_key_too) {
    ground here;
    here.shard->sessions.talks().tokens().use(with_secret(), nullptr);
    ws_client client = here.shard->upgraded();
    client.say(connect());
    here.shard->settle();
    EXPECT_EQ(client.heard(), words{welcome});
    here.shard->sessions.talks().tokens().use(std::make_shared<const keys::key_set>(), nullptr);
    client.say(subscribe(2));
    here.shard->settle();
    EXPECT_EQ(client.heard(), words{});
    here.shard->sessions.talks().tokens().use(with_secret(), nullptr);
    here.keys_come();
    EXPECT_EQ(client.heard(), words{R"({"id":2,"subscribe":{}})"});
}

TEST(questions, what_was_remembered_goes_with_the_keys) {
    ground here;
    here.shard->sessions.talks().tokens().use(with_secret(), nullptr);
    ws_client first = here.shard->upgraded();
    first.say(connect());
    here.shard->settle();
    EXPECT_EQ(first.heard(), words{welcome});
    here.shard->sessions.talks().tokens().use(std::make_shared<const keys::key_set>(), nullptr);
    ws_client second = here.shard->upgraded();
    second.say(connect());
    here.shard->settle();
    here.keys_come();
    EXPECT_EQ(second.heard(), (words{"close 3500 invalid token", "end"}));
}

TEST(questions, who_waits_too_long_before_it_has_connected_is_stale) {
    ground here;
    ws_client client = here.shard->upgraded();
    client.say(connect());
    here.shard->settle();
    here.shard->advance(std::chrono::seconds{11});
    EXPECT_EQ(client.heard(), (words{"close 3502 stale", "end"}));
    here.keys_come();
}

} // namespace
} // namespace carillon::test
