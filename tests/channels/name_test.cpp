#include "channels/name.hpp"
#include "channels/name_space.hpp"

#include <gtest/gtest.h>

namespace carillon::channels {
namespace {

struct split_case {
    const char* title;
    std::string_view channel;
    bool is_private;
    std::string_view name_space;
    std::string_view rest;
};

TEST(name, is_split_at_its_signs) {
    const split_case table[] = {
        {"nothing", "", false, "", ""},
        {"no namespace", "news", false, "", "news"},
        {"a namespace", "chat:room", false, "chat", "room"},
        {"only the first colon counts", "chat:a:b", false, "chat", "a:b"},
        {"nothing behind the colon", "chat:", false, "chat", ""},
        {"nothing before the colon", ":room", false, "", ":room"},
        {"colons only", "::", false, "", "::"},
        {"private", "$news", true, "", "news"},
        {"private, with a namespace", "$chat:room", true, "chat", "room"},
        {"a dollar later on is a letter", "chat:$room", false, "chat", "$room"},
        {"two dollars", "$$chat:room", true, "$chat", "room"},
        {"a dollar alone", "$", true, "", ""},
        {"a dollar and a colon", "$:a", true, "", ":a"},
        {"users do not end a namespace", "dialog#42:43", false, "dialog#42", "43"},
        {"users stay in the rest", "chat:dialog#42,43", false, "chat", "dialog#42,43"},
        {"bytes of any kind", "ch\xff:\x01", false, "ch\xff", "\x01"},
    };
    for (const auto& each : table) {
        SCOPED_TRACE(each.title);
        const name parts = split(each.channel);
        EXPECT_EQ(parts.is_private, each.is_private);
        EXPECT_EQ(parts.name_space, each.name_space);
        EXPECT_EQ(parts.rest, each.rest);
    }
}

struct limit_case {
    const char* title;
    std::string_view rest;
    std::optional<std::pair<std::string_view, std::string_view>> expected; // text, users
};

TEST(user_limit, is_what_follows_the_last_number_sign) {
    const limit_case table[] = {
        {"none", "dialog", {}},
        {"nothing", "", {}},
        {"one user", "dialog#42", {{"dialog", "42"}}},
        {"several", "dialog#42,43", {{"dialog", "42,43"}}},
        {"no user", "dialog#", {{"dialog", ""}}},
        {"no text", "#42", {{"", "42"}}},
        {"several signs", "a#b#42", {{"a#b", "42"}}},
    };
    for (const auto& each : table) {
        SCOPED_TRACE(each.title);
        const auto limit = limit_of(each.rest);
        ASSERT_EQ(limit.has_value(), each.expected.has_value());
        if (!limit) continue;
        EXPECT_EQ(limit->text, each.expected->first);
        EXPECT_EQ(limit->users, each.expected->second);
    }
}

struct user_case {
    const char* title;
    std::string_view users;
    std::string_view user;
    bool named;
};

TEST(user_limit, names_whole_users_only) {
    const user_case table[] = {
        {"the only one", "42", "42", true},
        {"the first", "42,43,44", "42", true},
        {"one in the middle", "42,43,44", "43", true},
        {"the last", "42,43,44", "44", true},
        {"another", "42,43", "44", false},
        {"the beginning of one", "42", "4", false},
        {"more than one", "42", "421", false},
        {"the end of one", "142", "42", false},
        {"two at once", "42,43", "42,43", false},
        {"blanks count", "42, 43", "43", false},
        {"case counts", "Bob", "bob", false},
        {"nobody is not in an empty list", "", "", false},
        {"nobody is not between two commas", "42,,43", "", false},
        {"nobody is not behind a comma", "42,", "", false},
        {"an empty list", "", "42", false},
        {"somebody behind nobody", ",42", "42", true},
    };
    for (const auto& each : table) EXPECT_EQ(names_user(each.users, each.user), each.named) << each.title;
}

TEST(name_space, has_a_name_that_the_protocol_allows) {
    for (const auto* good : {"", "ab", "chat", "A-b_9", "0123456789", "--", "a.b"})
        EXPECT_FALSE(check_name_space_name(good)) << good;
    for (const auto* bad : {"a", "-", "a:b", "$ab", "a#b", "a b", "\xc3\xa4\xc3\xb6", "ab\n", ":", "::"})
        EXPECT_TRUE(check_name_space_name(bad)) << bad;
    EXPECT_TRUE(check_name_space_name(std::string_view{"a\0b", 3}));
}

TEST(audience, is_a_set) {
    constexpr party all[] = {party::anonymous, party::client, party::subscriber, party::token};
    EXPECT_TRUE(audience{}.empty());
    for (const party one : all) {
        const audience just{one};
        EXPECT_FALSE(just.empty());
        for (const party other : all) EXPECT_EQ(just.has(other), one == other);
        audience twice = just;
        twice.add(one);
        EXPECT_EQ(twice, just);
    }
}

TEST(personal_channel, is_limited_to_its_user) {
    EXPECT_EQ(personal_channel("", "42"), "#42");
    EXPECT_EQ(personal_channel("inbox", "42"), "inbox:#42");
    const std::string made = personal_channel("inbox", "42");
    const name parts = split(made);
    EXPECT_EQ(parts.name_space, "inbox");
    ASSERT_TRUE(limit_of(parts.rest));
    EXPECT_TRUE(names_user(limit_of(parts.rest)->users, "42"));
    EXPECT_FALSE(names_user(limit_of(parts.rest)->users, "4"));
}

} // namespace
} // namespace carillon::channels
