#include "keys/key_set.hpp"
#include "keys/signer.hpp"
#include "people/user_counts.hpp"
#include "support/test_shard.hpp"

#include <algorithm>
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

ws_client user(test_shard& shard, std::string_view claims) {
    ws_client client = shard.upgraded();
    client.say(fmt::format(R"({{"id":1,"connect":{{"token":"{}"}}}})",
                           *keys::signer::from_secret(secret, "test")->sign(keys::algorithm::hs256, claims)));
    shard.settle();
    return client;
}

bool is_in(const words& heard, std::string_view what) {
    return std::ranges::any_of(heard, [&](const std::string& each) { return each.find(what) != each.npos; });
}

TEST(people, the_newest_of_too_many_connections_of_a_user_is_refused) {
    people::user_counts counts{2};
    shard_options how = with_users();
    how.clients.users = &counts;
    test_shard shard{how};
    ws_client one = user(shard, R"({"sub":"42"})"), two = user(shard, R"({"sub":"42"})");
    EXPECT_EQ(one.heard().size(), 1u);
    EXPECT_EQ(two.heard().size(), 1u);
    EXPECT_EQ(user(shard, R"({"sub":"42"})").heard(), (words{"close 3504 connection limit", "end"}));
    EXPECT_EQ(user(shard, R"({"sub":"43"})").heard().size(), 1u);                   // somebody else
    for (int i = 0; i < 3; ++i) EXPECT_EQ(user(shard, R"({})").heard().size(), 1u); // the anonymous user is not meant
    // Told to go, or gone without a word: each makes room for one.
    EXPECT_EQ(shard.sessions.talks().carry_out(api::disconnect_request{.who = {.user = "42", .client = one.id()}}), 1u);
    ws_client third = user(shard, R"({"sub":"42"})");
    EXPECT_EQ(third.heard().size(), 1u);
    EXPECT_EQ(user(shard, R"({"sub":"42"})").heard().size(), 2u);
    { const ws_client gone = std::move(two); }
    shard.settle();
    EXPECT_EQ(user(shard, R"({"sub":"42"})").heard().size(), 1u);
}

TEST(people, a_user_has_a_channel_of_its_own) {
    struct {
        const char* name_space;
        const char* claims;
        const char* expected;
        const char* channel;
    } const rows[] = {
        {"", R"({"sub":"42"})", R"("subs":{"#42":{}})", "#42"},
        {"me", R"({"sub":"42"})", R"("subs":{"me:#42":{}})", "me:#42"},
        {"me", R"({"sub":"42","channels":["me:#42"]})", R"("subs":{"me:#42":{}})", "me:#42"},
        {"me", R"({"sub":"42","channels":["a"]})", R"("subs":{"a":{},"me:#42":{}})", "me:#42"},
    };
    for (const auto& each : rows) {
        SCOPED_TRACE(each.expected);
        shard_options how = with_users();
        how.clients.personal_channel = true;
        how.clients.personal_channel_namespace = each.name_space;
        test_shard shard{how};
        ws_client client = user(shard, each.claims);
        const words heard = client.heard();
        ASSERT_EQ(heard.size(), 1u);
        EXPECT_TRUE(is_in(heard, each.expected)) << heard[0];
        EXPECT_EQ(shard.publish(each.channel, "1"), 1u);
    }
}

TEST(people, who_has_no_user_has_no_channel_of_its_own_nor_has_too_long_a_name) {
    shard_options how = with_users();
    how.clients.personal_channel = true;
    test_shard shard{how};
    EXPECT_FALSE(is_in(user(shard, R"({})").heard(), "subs"));
    EXPECT_FALSE(is_in(user(shard, fmt::format(R"({{"sub":"{}"}})", std::string(255, 'u'))).heard(), "subs"));
    EXPECT_TRUE(is_in(user(shard, fmt::format(R"({{"sub":"{}"}})", std::string(254, 'u'))).heard(), "subs"));
}

TEST(people, the_personal_channel_counts_among_the_subscriptions) {
    shard_options how = with_users();
    how.clients.personal_channel = true;
    how.clients.subscriptions_max = 1;
    test_shard shard{how};
    EXPECT_EQ(user(shard, R"({"sub":"42","channels":["a"]})").heard(), (words{"close 3505 channel limit", "end"}));
}

TEST(people, all_who_have_connected_are_listed_once_in_pages_of_any_size) {
    for (const std::size_t most : {1u, 2u, 3u, 100u}) {
        test_shard shard{with_users()};
        std::vector<ws_client> clients;
        std::vector<std::string> ids;
        for (int i = 0; i < 7; ++i) {
            clients.push_back(user(shard, fmt::format(R"({{"sub":"{}","channels":["c{}"]}})", i % 3, i)));
            clients.back().heard();
            ids.push_back(clients.back().id());
        }
        const ws_client idle = shard.upgraded(); // who has not connected is nobody yet
        std::vector<api::connection_info> all;
        std::uint32_t at = 0;
        for (int pages = 0; at != net::no_index && pages < 1000; ++pages) {
            std::vector<api::connection_info> page;
            at = shard.sessions.talks().connected().list_connections(at, {}, most, page);
            EXPECT_LE(page.size(), most);
            all.insert(all.end(), page.begin(), page.end());
        }
        ASSERT_EQ(all.size(), 7u);
        for (std::size_t i = 0; i < all.size(); ++i) {
            EXPECT_NE(std::ranges::find(ids, all[i].client), ids.end());
            EXPECT_EQ(all[i].user, std::to_string(i % 3));
            EXPECT_EQ(all[i].channels, words{fmt::format("c{}", i)});
        }
        std::vector<api::connection_info> of_one;
        EXPECT_EQ(shard.sessions.talks().connected().list_connections(0, "1", 100, of_one), net::no_index);
        EXPECT_EQ(of_one.size(), 2u);
        std::vector<std::size_t> users;
        EXPECT_EQ(shard.sessions.talks().connected().list_users(0, users), net::no_index);
        EXPECT_EQ(users.size(), 3u);
    }
}

// --- what the application is told

class listener final : public hooks::application {
public:
    std::optional<std::size_t> find(hooks::event what, std::string_view) const override {
        return hooks::is_notice(what) ? std::optional<std::size_t>{0} : std::nullopt;
    }
    const std::vector<std::string>& fields() const override { return fields_; }
    bool needs_fields_later() const override { return false; }
    void ask(std::size_t, std::string, std::shared_ptr<const hooks::head_fields>, told) override { FAIL(); }
    void tell(std::size_t, const hooks::notice& what) override {
        heard.push_back(fmt::format("{} {} {}{}", what.about == hooks::event::connected ? "connected" : "disconnected",
                                    what.user, what.code, what.reason.empty() ? "" : ' ' + std::string{what.reason}));
    }
    void occupy(std::string_view name_space, std::string_view channel, bool by_somebody) override {
        heard.push_back(fmt::format("{} {} of {}", by_somebody ? "occupied" : "vacated", channel, name_space));
    }
    std::optional<std::uint64_t> last_told() const override { return heard.size(); }

    words heard;

private:
    std::vector<std::string> fields_;
};

TEST(people, who_comes_and_goes_is_told_once_however_it_goes) {
    struct {
        const char* name;
        void (*leave)(test_shard& shard, ws_client& client);
        const char* expected;
    } const rows[] = {
        {"told to",
         [](test_shard& shard, ws_client&) {
             shard.sessions.talks().carry_out(api::disconnect_request{.who = {.user = "42"}});
         },
         "disconnected 42 3503 force disconnect"},
        {"without a word", [](test_shard&, ws_client& client) { const ws_client gone = std::move(client); },
         "disconnected 42 1006"},
        {"by a command that is none", [](test_shard&, ws_client& client) { client.say("x"); },
         "disconnected 42 3501 bad request"},
        {"at the end", [](test_shard& shard, ws_client&) { shard.sessions.close_all(protocol::disconnect::shutdown); },
         "disconnected 42 3001 shutdown"},
    };
    for (const auto& each : rows) {
        SCOPED_TRACE(each.name);
        listener app;
        shard_options how = with_users();
        how.clients.application = &app;
        test_shard shard{how};
        ws_client client = user(shard, R"({"sub":"42"})");
        EXPECT_EQ(app.heard, words{"connected 42 0"});
        EXPECT_EQ(shard.sessions.talks().last_told(), 1u);
        each.leave(shard, client);
        shard.settle();
        EXPECT_EQ(app.heard, (words{"connected 42 0", each.expected}));
        std::vector<api::connection_info> left;
        shard.sessions.talks().connected().list_connections(0, {}, 10, left);
        EXPECT_TRUE(left.empty());
    }
}

TEST(people, who_never_connected_is_not_told_of) {
    listener app;
    shard_options how = with_users();
    how.clients.application = &app;
    test_shard shard{how};
    { const ws_client upgraded = shard.upgraded(); }
    user(shard, R"({"sub":"42","exp":1})");
    shard.settle();
    EXPECT_EQ(app.heard, words{});
}

TEST(people, first_and_last_subscribers_are_told_where_the_namespace_wants_it) {
    listener app;
    shard_options how = with_users();
    how.clients.application = &app;
    how.clients.name_spaces = {{.name = "", .subscribe = {channels::party::client}},
                               {.name = "chat", .subscribe = {channels::party::client}, .occupancy_events = true}};
    test_shard shard{how};
    ws_client one = user(shard, R"({"sub":"42"})"), two = user(shard, R"({"sub":"43"})");
    app.heard.clear();
    one.say(R"({"id":2,"subscribe":{"channel":"chat:a"}})"
            "\n"
            R"({"id":3,"subscribe":{"channel":"other"}})");
    shard.settle();
    two.say(R"({"id":2,"subscribe":{"channel":"chat:a"}})");
    shard.settle();
    EXPECT_EQ(app.heard, words{"occupied chat:a of chat"});
    one.say(R"({"id":4,"unsubscribe":{"channel":"chat:a"}})");
    shard.settle();
    EXPECT_EQ(app.heard, words{"occupied chat:a of chat"});
    { const ws_client gone = std::move(two); }
    shard.settle();
    EXPECT_EQ(app.heard, (words{"occupied chat:a of chat", "disconnected 43 1006", "vacated chat:a of chat"}));
}

} // namespace
} // namespace carillon::test
