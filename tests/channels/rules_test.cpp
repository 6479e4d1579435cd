#include "channels/rules.hpp"
#include "support/allocations.hpp"

#include <gtest/gtest.h>

#include <ostream>

namespace carillon::channels {

void PrintTo(verdict said, std::ostream* out) { *out << static_cast<int>(said); }

namespace {

constexpr std::size_t channel_bytes_max = 64;
constexpr auto yes = verdict::allowed, no = verdict::permission_denied, unknown = verdict::unknown_channel,
               bad = verdict::bad_request, absent = verdict::not_available;

/// One namespace for each way in.
std::vector<name_space> several() {
    return {
        {.name = "closed"},
        {.name = "public", .subscribe = {party::anonymous}},
        {.name = "members", .subscribe = {party::client}},
        {.name = "granted", .subscribe = {party::token}},
        {.name = "limited", .user_limited = true},
        {.name = "mixed", .subscribe = {party::client}, .user_limited = true},
        {.name = "words", .subscribe = {party::anonymous}, .channel_pattern = "^[a-z]+$"},
        {.name = "dialogs", .subscribe = {party::client}, .user_limited = true, .channel_pattern = "[a-z\\pL]+"},
    };
}

struct subscribe_case {
    const char* title;
    std::string_view channel;
    verdict anonymous, user_42, user_7, with_token;
};

// Kind of client x kind of channel x what its namespace allows.
TEST(rules, who_may_subscribe) {
    const rules these{several(), channel_bytes_max};
    const subscribe_case table[] = {
        {"no namespace, and none is configured", "news", no, no, no, yes},
        {"private, no namespace", "$news", no, no, no, yes},
        {"a number sign where it means nothing", "news#42", no, no, no, yes},
        {"an unknown namespace", "nothing:news", unknown, unknown, unknown, unknown},
        {"private in an unknown namespace", "$nothing:news", unknown, unknown, unknown, unknown},
        {"an unknown namespace by its case", "Public:news", unknown, unknown, unknown, unknown},
        {"a namespace with users in it", "public#42:news", unknown, unknown, unknown, unknown},
        {"a colon first is no namespace", ":news", no, no, no, yes},

        {"nobody is in the list", "closed:news", no, no, no, yes},
        {"everybody", "public:news", yes, yes, yes, yes},
        {"everybody, and nothing behind the colon", "public:", yes, yes, yes, yes},
        {"everybody, but private", "$public:news", no, no, no, yes},
        {"everybody, a number sign means nothing", "public:news#42", yes, yes, yes, yes},
        {"everybody, a dollar inside means nothing", "public:$news", yes, yes, yes, yes},
        {"users", "members:news", no, yes, yes, yes},
        {"users, but private", "$members:news", no, no, no, yes},
        {"by token", "granted:news", no, no, no, yes},

        {"user limited without a list", "limited:dialog", no, no, no, yes},
        {"user limited", "limited:dialog#42", no, yes, no, yes},
        {"user limited, several", "limited:dialog#7,42", no, yes, yes, yes},
        {"user limited, others", "limited:dialog#8,9", no, no, no, yes},
        {"user limited, nobody", "limited:dialog#", no, no, no, yes},
        {"user limited, nobody and one", "limited:dialog#,42", no, yes, no, yes},
        {"user limited, only the last list counts", "limited:dialog#7#42", no, yes, no, yes},
        {"a user's own", "limited:#42", no, yes, no, yes},
        {"user limited and private", "$limited:dialog#42", no, no, no, yes},
        {"for users, without a list", "mixed:news", no, yes, yes, yes},
        {"for users, but with a list", "mixed:dialog#42", no, yes, no, yes},

        {"like the pattern", "words:news", yes, yes, yes, yes},
        {"unlike the pattern", "words:News", bad, bad, bad, bad},
        {"unlike the pattern, private", "$words:News", bad, bad, bad, bad},
        {"like the pattern, private", "$words:news", no, no, no, yes},
        {"nothing, where the pattern wants something", "words:", bad, bad, bad, bad},
        {"a number sign is like any other there", "words:news#42", bad, bad, bad, bad},
        {"the pattern ends before the list", "dialogs:talk#42", no, yes, no, yes},
        {"the pattern holds before the list", "dialogs:TALK#42", no, yes, no, yes},
        {"unlike the pattern before the list", "dialogs:talk1#42", bad, bad, bad, bad},
        {"a user's own needs no text", "dialogs:#42", no, yes, no, yes},
        {"a pattern may let more than ASCII in", "dialogs:t\xc3\xa4lk", no, yes, yes, yes},
        {"without a pattern, ASCII it is", "public:t\xc3\xa4lk", bad, bad, bad, bad},
        {"not ASCII and unknown", "t\xc3\xa4lk:news", unknown, unknown, unknown, unknown},

        {"the longest name", "public:789012345678901234567890123456789012345678901234567890123", yes, yes, yes, yes},
        {"longer by one", "public:7890123456789012345678901234567890123456789012345678901234-", bad, bad, bad, bad},
        {"longer, and unknown", "nothin:7890123456789012345678901234567890123456789012345678901234-", bad, bad, bad,
         bad},
        {"nothing", "", bad, bad, bad, bad},
    };
    for (const auto& each : table) {
        SCOPED_TRACE(each.title);
        EXPECT_EQ(these.may_subscribe("", each.channel, false), each.anonymous);
        EXPECT_EQ(these.may_subscribe("42", each.channel, false), each.user_42);
        EXPECT_EQ(these.may_subscribe("7", each.channel, false), each.user_7);
        EXPECT_EQ(these.may_subscribe("42", each.channel, true), each.with_token);
        EXPECT_EQ(these.may_subscribe("", each.channel, true), each.with_token);
        const auto place = these.find(each.channel);
        EXPECT_EQ(place.said, each.with_token);
        EXPECT_EQ(place.space != nullptr, place.said == yes);
    }
}

struct act_case {
    const char* title;
    audience list;
    std::string_view channel;
    verdict anonymous, user;                       // not subscribed
    verdict anonymous_subscriber, user_subscriber; // without a token
    verdict anonymous_by_token, user_by_token;
};

// What is done in a channel: the same table for publish, history and presence.
TEST(rules, who_may_act) {
    const audience nobody, everybody{party::anonymous}, client{party::client}, subscriber{party::subscriber},
        token{party::token}, client_or_subscriber{party::client, party::subscriber};
    const act_case table[] = {
        {"nobody", nobody, "ns:a", no, no, no, no, no, no},
        {"everybody", everybody, "ns:a", yes, yes, yes, yes, yes, yes},
        {"users", client, "ns:a", no, yes, no, yes, no, yes},
        {"subscribers", subscriber, "ns:a", no, no, yes, yes, yes, yes},
        {"by token", token, "ns:a", no, no, no, no, yes, yes},
        {"users and subscribers", client_or_subscriber, "ns:a", no, yes, yes, yes, yes, yes},

        {"private, nobody", nobody, "$ns:a", no, no, no, no, no, no},
        {"private, everybody who is in", everybody, "$ns:a", no, no, yes, yes, yes, yes},
        {"private, users who are in", client, "$ns:a", no, no, no, yes, no, yes},
        {"private, subscribers", subscriber, "$ns:a", no, no, yes, yes, yes, yes},

        {"named, everybody", everybody, "ns:a#42", no, yes, yes, yes, yes, yes},
        {"named, users", client, "ns:a#42", no, yes, no, yes, no, yes},
        {"named, subscribers", subscriber, "ns:a#42", no, no, yes, yes, yes, yes},
        {"not named, everybody who is in", everybody, "ns:a#7", no, no, yes, yes, yes, yes},
        {"not named, users who are in", client, "ns:a#7", no, no, no, yes, no, yes},
        {"not named, by token", token, "ns:a#7", no, no, no, no, yes, yes},

        {"an unknown namespace", everybody, "other:a", unknown, unknown, unknown, unknown, unknown, unknown},
        {"no ASCII", everybody, "ns:\xc3\xa4", bad, bad, bad, bad, bad, bad},
        {"nothing", everybody, "", bad, bad, bad, bad, bad, bad},
        {"no namespace, and none is configured: nobody may publish", everybody, "a", no, no, no, no, no, no},
    };
    using membership::by_token, membership::none, membership::subscribed;
    for (const auto& each : table) {
        SCOPED_TRACE(each.title);
        const auto expect = [&each](const rules& these, auto decision, auto denied) {
            const auto as = [&](verdict said) { return said == no ? denied : said; };
            EXPECT_EQ((these.*decision)("", each.channel, none), as(each.anonymous));
            EXPECT_EQ((these.*decision)("42", each.channel, none), as(each.user));
            EXPECT_EQ((these.*decision)("", each.channel, subscribed), as(each.anonymous_subscriber));
            EXPECT_EQ((these.*decision)("42", each.channel, subscribed), as(each.user_subscriber));
            EXPECT_EQ((these.*decision)("", each.channel, by_token), as(each.anonymous_by_token));
            EXPECT_EQ((these.*decision)("42", each.channel, by_token), as(each.user_by_token));
        };
        const auto with = [](name_space space) { return rules{{std::move(space)}, channel_bytes_max}; };
        expect(with({.name = "ns", .publish = each.list, .user_limited = true}), &rules::may_publish, no);
        const bool has_space = each.channel.find(':') != each.channel.npos;
        const auto denied = has_space ? no : absent; // the namespace without a name has no history here
        expect(with({.name = "ns", .history = each.list, .user_limited = true, .history_size = 1}),
               &rules::may_read_history, denied);
        expect(with({.name = "ns", .presence_for = each.list, .user_limited = true, .presence = true}),
               &rules::may_see_presence, denied);
    }
}

TEST(rules, what_a_namespace_does_not_have_is_not_available_to_anybody) {
    const audience everybody{party::anonymous};
    const rules these{{{.name = "ns", .history = everybody, .presence_for = everybody}}, channel_bytes_max};
    for (const auto how : {membership::none, membership::subscribed, membership::by_token})
        for (const auto* user : {"", "42"})
            for (const auto* channel : {"ns:a", "$ns:a", "a"}) {
                EXPECT_EQ(these.may_read_history(user, channel, how), absent);
                EXPECT_EQ(these.may_see_presence(user, channel, how), absent);
            }
    // What is no channel has no history either, and that comes first.
    EXPECT_EQ(these.may_read_history("42", "other:a", membership::none), unknown);
    EXPECT_EQ(these.may_see_presence("42", "ns:\xff", membership::none), bad);
}

TEST(rules, channels_without_a_namespace_have_rules_of_their_own) {
    const rules these{{{.subscribe = {party::client}, .publish = {party::subscriber}, .user_limited = true}},
                      channel_bytes_max};
    EXPECT_EQ(these.may_subscribe("42", "news", false), yes);
    EXPECT_EQ(these.may_subscribe("", "news", false), no);
    EXPECT_EQ(these.may_subscribe("7", "#42", false), no);
    EXPECT_EQ(these.may_subscribe("42", "#42", false), yes);
    EXPECT_EQ(these.may_subscribe("42", "$news", false), no);
    EXPECT_EQ(these.may_publish("42", "news", membership::subscribed), yes);
    EXPECT_EQ(these.may_subscribe("42", "chat:news", true), unknown);
}

TEST(rules, without_any_namespace_only_a_token_opens_a_channel) {
    const rules none{{}, channel_bytes_max};
    EXPECT_EQ(none.may_subscribe("42", "news", false), no);
    EXPECT_EQ(none.may_subscribe("42", "news", true), yes);
    EXPECT_EQ(none.may_publish("42", "news", membership::by_token), no);
    EXPECT_EQ(none.may_subscribe("42", "chat:news", true), unknown);
}

TEST(rules, that_are_open_know_every_name_and_refuse_nobody) {
    const rules open = rules::open(channel_bytes_max, {.history_size = 10});
    const rules bare = rules::open(channel_bytes_max);
    for (const auto* channel : {"news", "chat:news", "$news", "dialog#7", ":", "#", "$", "n\xc3\xa4h", "a\nb"}) {
        EXPECT_EQ(open.may_subscribe("", channel, false), yes);
        EXPECT_EQ(open.may_publish("", channel, membership::none), yes);
        EXPECT_EQ(open.may_read_history("", channel, membership::none), yes);
        EXPECT_EQ(open.may_see_presence("", channel, membership::none), absent);
        EXPECT_EQ(bare.may_read_history("", channel, membership::none), absent);
        ASSERT_NE(open.find(channel).space, nullptr);
        EXPECT_EQ(open.find(channel).space->history_size, 10u);
    }
    EXPECT_EQ(open.may_subscribe("", std::string(channel_bytes_max, 'a'), false), yes);
    EXPECT_EQ(open.may_subscribe("", std::string(channel_bytes_max + 1, 'a'), false), bad);
    EXPECT_EQ(open.may_subscribe("", "", false), bad);
}

TEST(rules, find_the_namespace_among_as_many_as_there_may_be) {
    std::vector<name_space> all;
    for (std::size_t number = name_spaces_max; number-- > 0;)
        all.push_back({.name = "space" + std::to_string(number), .history_size = number});
    const rules these{all, channel_bytes_max};
    for (std::size_t number = 0; number < name_spaces_max; ++number) {
        const auto place = these.find("space" + std::to_string(number) + ":a");
        ASSERT_NE(place.space, nullptr);
        EXPECT_EQ(place.space->history_size, number);
        EXPECT_EQ(*place.space, all[name_spaces_max - 1 - number]);
    }
    for (const auto* other : {"space:a", "space1024:a", "space10x:a", "spac:a", "t:a"})
        EXPECT_EQ(these.find(other).said, unknown) << other;
}

TEST(rules, allocate_nothing_to_decide) {
    const rules these{several(), channel_bytes_max};
    const auto decide = [&] {
        for (const auto* channel : {"news", "$members:news", "mixed:dialog#1,2,3,42", "nothing:news", "words:news",
                                    "words:NEWS", "dialogs:talk#42"}) {
            these.may_subscribe("42", channel, false);
            these.may_publish("42", channel, membership::subscribed);
            these.may_read_history("", channel, membership::by_token);
            these.may_see_presence("", channel, membership::none);
        }
    };
    decide(); // the patterns learn
    EXPECT_EQ(test::allocations_during(decide), 0u);
}

} // namespace
} // namespace carillon::channels
