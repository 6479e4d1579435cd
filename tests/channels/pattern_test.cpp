#include "channels/pattern.hpp"
#include "support/allocations.hpp"

#include <gtest/gtest.h>

namespace carillon::channels {
namespace {

struct match_case {
    const char* title;
    const char* pattern;
    std::string_view text;
    bool matches;
};

TEST(pattern, is_matched_by_a_whole_text) {
    const match_case table[] = {
        {"all of it", "[a-z]+", "news", true},
        {"not a part in front", "[a-z]+", "news1", false},
        {"not a part behind", "[a-z]+", "1news", false},
        {"not a line of several", "[a-z]+", "news\nnews", false},
        {"not a line break behind", "^[a-z]+$", "news\n", false},
        {"marks of begin and end change nothing", "^[a-z]+$", "news", true},
        {"an alternative is whole, too", "a|ab", "ab", true},
        {"nothing", "[a-z]*", "", true},
        {"something", "[a-z]+", "", false},
        {"a dot is any letter but a line break", "a.c", "a\nc", false},
        {"a letter of two bytes", "a.c",
         "a\xc3\xa4"
         "c",
         true},
        {"classes of Unicode", "\\pL+", "\xc3\xa4\xce\xb1", true},
        {"half a letter", "a.*", "a\xc3", false},
        {"a zero byte is a letter like any other", "a.c", std::string_view{"a\0c", 3}, true},
        {"groups and repetition", "(news|mail)-\\d{4}", "mail-2026", true},
    };
    for (const auto& each : table) {
        ASSERT_FALSE(check_pattern(each.pattern)) << each.title;
        EXPECT_EQ(pattern{each.pattern}.matches(each.text), each.matches) << each.title;
    }
}

struct bad_case {
    const char* title;
    std::string pattern;
    std::string complaint;
};

TEST(pattern, that_cannot_be_is_told) {
    const bad_case table[] = {
        {"an open bracket", "[a-z", "missing ]: [a-z"},
        {"an open group", "(a", "missing ): (a"},
        {"nothing to repeat", "*a", "no argument for repetition operator: *"},
        {"a class from high to low", "[z-a]", "invalid character class range: z-a"},
        {"what only backtracking can do", "(a)\\1", "invalid escape sequence: \\1"},
        {"looking ahead", "(?=a)", "invalid perl operator: (?="},
        {"a backslash at the end", "a\\", "trailing \\"},
        {"not UTF-8", "\xff", "invalid UTF-8"},
        {"more repetitions than there may be", "a{1001}", "invalid repetition size: {1001}"},
        {"more repetitions inside of each other", "((a{100}){100}){100}", "invalid repetition size: {100}"},
        {"more letters than memory", "(\\pL{100}){9}", "pattern too large - compile failed"},
    };
    for (const auto& each : table) {
        const auto complaint = check_pattern(each.pattern);
        ASSERT_TRUE(complaint.has_value()) << each.title;
        EXPECT_EQ(*complaint, each.complaint) << each.title;
    }
}

TEST(pattern, that_ruins_others_costs_what_any_costs) {
    // With backtracking each of these is 2^1000 steps.
    const std::string text(1000, 'a');
    for (const auto* evil : {"(a*)*b", "(a+)+b", "(a|a)*b", "(a|aa)+b", "(.*)(.*)(.*)(.*)(.*)(.*)(.*)b"}) {
        ASSERT_FALSE(check_pattern(evil)) << evil;
        EXPECT_FALSE(pattern{evil}.matches(text)) << evil;
    }
}

TEST(pattern, allocates_nothing_for_texts_of_a_kind_that_it_knows) {
    const pattern names{"^[a-z0-9_-]+$"};
    EXPECT_TRUE(names.matches("room-17-of-the-house"));
    EXPECT_FALSE(names.matches("Room 17 of the house"));
    bool good = false, bad = true;
    EXPECT_EQ(test::allocations_during([&] {
                  good = names.matches("another-room_of-the-house");
                  bad = names.matches("Another room of the house");
              }),
              0u);
    EXPECT_TRUE(good);
    EXPECT_FALSE(bad);
}

TEST(pattern, can_be_moved) {
    pattern first{"a+"};
    pattern second{std::move(first)};
    EXPECT_TRUE(second.matches("aa"));
    first = pattern{"b+"};
    second = std::move(first);
    EXPECT_TRUE(second.matches("bb"));
    EXPECT_FALSE(second.matches("aa"));
}

} // namespace
} // namespace carillon::channels
