#include "resp/glob.hpp"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <string_view>

namespace carillon::resp::test {
namespace {

struct glob_case {
    std::string_view pattern;
    std::string_view text;
    bool matches; ///< what PSUBSCRIBE pattern, PUBLISH text gave with redis-server 7.0.15
};

const glob_case cases[] = {
    {"", " ", false},
    {"", "a", false},
    {"*", "", false},
    {"**", "", false},
    {"*", "a", true},
    {"*", "news:eu", true},
    {"a*", "a", true},
    {"a**", "a", true},
    {"a*", "b", false},
    {"*a", "a", true},
    {"*a", "ba", true},
    {"*a", "ab", false},
    {"a*b", "ab", true},
    {"a*b", "axxb", true},
    {"a*b", "axxbc", false},
    {"*a*b*", "xaybz", true},
    {"?", "", false},
    {"?", "a", true},
    {"?", "ab", false},
    {"a?c", "abc", true},
    {"a?c", "ac", false},
    {"?*", "a", true},
    {"*?", "a", true},
    {"news", "news", true},
    {"news", "new", false},
    {"news", "newss", false},
    {"news:*", "news:eu", true},
    {"news:?u", "news:eu", true},
    {"\\*", "*", true},
    {"\\*", "a", false},
    {"a\\", "a\\", true},
    {"\\a", "a", true},
    {"\\\\", "\\", true},
    {"a\\*b", "a*b", true},
    {"[ab]", "a", true},
    {"[ab]", "c", false},
    {"[^ab]", "c", true},
    {"[^ab]", "a", false},
    {"[a-c]", "b", true},
    {"[a-c]", "d", false},
    {"[c-a]", "b", true},
    {"[^a-c]", "b", false},
    {"[^a-c]", "d", true},
    {"[a-cx-z]", "y", true},
    {"[abc", "b", true},
    {"[", "a", false},
    {"[", "[", false},
    {"[^", "a", true},
    {"[^]", "a", true},
    {"[]", "a", false},
    {"[]", "]", false},
    {"[]a]", "a", false},
    {"[^]a]", "ba]", true},
    {"[\\]]", "]", true},
    {"[\\]", "\\", false},
    {"[\\]", "]", true},
    {"[\\", "\\", true},
    {"[a\\-c]", "-", true},
    {"[a\\-c]", "b", false},
    {"[a-]", "a", true},
    {"[a-]", "^", true},
    {"[a-]", "-", false},
    {"[a-]", "b", false},
    {"[a-", "-", true},
    {"[-a]", "-", true},
    {"[a^]", "^", true},
    {"[^^]", "^", false},
    {"[a-\\]", "]", true},
    {"[a-\\]", "a", true},
    {"[a-\\]]", "a]", true},
    {"[*]", "*", true},
    {"[*]", "a", false},
    {"[?]", "a", false},
    {"a[", "a", false},
    {"*[", "a", false},
    {"*[^", "a", true},
    {"*[ab]*", "xxbxx", true},
    {"*[ab]*", "xxcxx", false},
    {"[a]b", "ab", true},
    {"[a]b", "b", false},
    {"a", "A", false},
    {"[a]", "A", false},
    {"*\\?*", "what?", true},
    {"*\\?*", "what", false},
    {"a*a*a*b", "aaaaaaaaaaaaaaaaaaaa", false},
    {"h[^e]llo", "hallo", true},
    {"h[^e]llo", "hello", false},
    {"h[a-b]llo", "hbllo", true},
    {"__key*__:*", "__keyspace@0__:x", true},
};

TEST(glob_match, agrees_with_redis) {
    for (const glob_case& one : cases)
        EXPECT_EQ(glob_match(one.pattern, one.text), one.matches) << one.pattern << " and " << one.text;
}

TEST(glob_match, compares_ranges_of_bytes_without_sign) {
    EXPECT_TRUE(glob_match("[a-\xff]", "b"));
    EXPECT_FALSE(glob_match("[a-\xff]", "A"));
    EXPECT_TRUE(glob_match("[\x80-\xff]", "\xc3"));
}

/// The meaning of '*', '?' and plain bytes, by trying everything.
bool simple_match(std::string_view pattern, std::string_view text) {
    if (pattern.empty()) return text.empty();
    if (pattern.front() == '*') {
        for (std::size_t skip = 0; skip <= text.size(); ++skip)
            if (simple_match(pattern.substr(1), text.substr(skip))) return true;
        return false;
    }
    if (text.empty() || (pattern.front() != '?' && pattern.front() != text.front())) return false;
    return simple_match(pattern.substr(1), text.substr(1));
}

TEST(glob_match, agrees_with_trying_everything) {
    std::mt19937 random{11};
    int matching = 0;
    for (int round = 0; round < 20000; ++round) {
        std::string pattern(random() % 8, ' ');
        std::string text(1 + random() % 9, ' ');
        for (char& c : pattern) c = "ab**?"[random() % 5];
        for (char& c : text) c = "ab"[random() % 2];
        const bool expected = simple_match(pattern, text);
        matching += expected ? 1 : 0;
        ASSERT_EQ(glob_match(pattern, text), expected) << pattern << " and " << text;
    }
    EXPECT_GT(matching, 1000);
}

} // namespace
} // namespace carillon::resp::test
