#include "fossil/delta.hpp"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace carillon::fossil {
namespace {

std::optional<std::string> encoded(std::string_view from, std::string_view to, std::size_t bytes_max = 1 << 20) {
    encoder made;
    std::string delta = "before";
    if (!made.encode(from, to, bytes_max, delta)) {
        EXPECT_EQ(delta, "before");
        return std::nullopt;
    }
    EXPECT_TRUE(delta.starts_with("before"));
    return delta.substr(6);
}

const std::string long_text = "the quick brown fox jumps over the lazy dog";

std::string checksum_of(const std::string& delta) { return delta.substr(delta.find_last_of(",:\n") + 1); }

TEST(deltas, of_what_is_alike_are_copies) {
    const auto same = encoded(long_text, long_text);
    ASSERT_TRUE(same);
    EXPECT_EQ(same->substr(0, same->find(',') + 1), "g\ng@0,");
    EXPECT_EQ(same->back(), ';');
    const auto around = encoded(long_text, "<" + long_text + ">");
    ASSERT_TRUE(around);
    EXPECT_EQ(around->substr(0, 12), "i\n1:<g@0,1:>");
    EXPECT_LE(checksum_of(*same).size(), 7u);
}

TEST(deltas, of_nothing_and_to_nothing_are_there) {
    EXPECT_EQ(encoded("", ""), "0\n0;");
    EXPECT_EQ(encoded("abcd", ""), "0\n0;");
    EXPECT_EQ(apply("", "0\n0;", 0), "");
    const auto whole = encoded("", "abcd");
    ASSERT_TRUE(whole);
    EXPECT_EQ(whole->substr(0, 8), "4\n4:abcd");
    EXPECT_EQ(apply("x", *whole, 4), "abcd");
}

TEST(deltas, are_given_up_when_they_get_too_long) {
    const auto delta = encoded(long_text, "<" + long_text + ">");
    ASSERT_TRUE(delta);
    EXPECT_EQ(encoded(long_text, "<" + long_text + ">", delta->size() + 1), delta);
    EXPECT_EQ(encoded(long_text, "<" + long_text + ">", delta->size()), std::nullopt);
    EXPECT_EQ(encoded("something else", long_text, long_text.size()), std::nullopt);
    EXPECT_EQ(encoded("", "", 0), std::nullopt);
}

TEST(deltas, of_texts_over_the_limit_are_not_tried) {
    const std::string most(input_bytes_max, 'a');
    EXPECT_TRUE(encoded(most, most));
    EXPECT_FALSE(encoded(most + "a", most));
    EXPECT_FALSE(encoded(most, most + "a"));
}

struct refused_case {
    const char* name;
    std::string delta;
};

TEST(what_is_no_delta, is_not_applied) {
    const auto delta = *encoded("", "abcd");
    const std::string sum = delta.substr(8);
    ASSERT_EQ(apply("abcd", "4\n4@0," + sum, 4), "abcd");
    const refused_case cases[] = {
        {"empty", ""},
        {"no_size", "\n4@0," + sum},
        {"no_line_break", "4 4@0," + sum},
        {"a_copy_without_its_end", "4\n4@0"},
        {"a_copy_without_an_offset", "4\n4@," + sum},
        {"a_copy_beyond_the_end", "4\n4@1," + sum},
        {"a_copy_from_beyond_the_end", "4\n4@5," + sum},
        {"a_copy_of_too_much", "3\n4@0," + sum},
        {"an_insert_of_too_much", "3\n4:abcd" + sum},
        {"an_insert_beyond_the_end", "4\n5:abcd"},
        {"too_little", "5\n4@0," + sum},
        {"another_sum", "4\n4@0,0;"},
        {"no_sum", "4\n4@0,"},
        {"something_behind", "4\n4@0," + sum + " "},
        {"another_operator", "4\n4?0," + sum},
        {"a_number_that_is_too_large", "zzzzzzzzzzzzz\n4@0," + sum},
    };
    for (const auto& [name, bad] : cases) EXPECT_EQ(apply("abcd", bad, 1000), std::nullopt) << name;
    EXPECT_EQ(apply("abcd", "4\n4@0," + sum, 3), std::nullopt) << "more_than_is_allowed";
}

TEST(what_is_no_delta, breaks_nothing_whatever_it_is) {
    std::mt19937 random{5};
    const std::string from = long_text + long_text;
    const std::string delta = *encoded(from, long_text + " and " + from);
    for (int i = 0; i < 20'000; ++i) {
        std::string broken = delta;
        for (int n = 0; n < 3; ++n) broken[random() % broken.size()] = static_cast<char>(random());
        const auto made =
            apply(from, broken.substr(0, random() % 2 == 0 ? broken.size() : random() % broken.size()), 500);
        ASSERT_LE(made ? made->size() : 0, 500u);
    }
}

// Texts that have something in common, as publications do.
class pairs {
public:
    explicit pairs(unsigned seed) : random_{seed} {}

    std::string text(std::size_t words, bool in_utf8) {
        static const char* const plain[] = {
            "price", "amount", "\":", ",\"", "0", "1", "23.5", "aaaaaaaaaaaaaaaaaaaaaaaa", "{", "}"};
        static const char* const wide[] = {"\xc3\xa9",         "\xc3\xa8", "\xe2\x82\xac", "\xf0\x9f\x94\x94",
                                           "\xf0\x9f\x94\x95", "name",     "12345678"};
        std::string made;
        for (std::size_t i = 0; i < words; ++i)
            made += in_utf8 ? wide[below(std::size(wide))] : plain[below(std::size(plain))];
        return made;
    }
    std::string bytes(std::size_t size) {
        std::string made(size, '\0');
        for (char& each : made) each = static_cast<char>(below(3) == 0 ? below(256) : 0x80 + below(3));
        return made;
    }
    // With pieces put in, taken out and moved.
    std::string changed(std::string text, const std::string& other, bool in_utf8) {
        for (std::size_t left = below(6); left > 0; --left) {
            const std::size_t at = boundary(text, in_utf8), size = boundary(other, in_utf8);
            const std::string piece = other.substr(0, size);
            if (below(2) == 0) {
                text.insert(at, piece);
            } else {
                text = text.substr(at) + piece + text.substr(0, at);
            }
        }
        return text;
    }
    std::size_t below(std::size_t end) { return end == 0 ? 0 : random_() % end; }

private:
    std::size_t boundary(const std::string& of, bool in_utf8) {
        std::size_t at = below(of.size() + 1);
        while (in_utf8 && at < of.size() && (static_cast<unsigned char>(of[at]) & 0xc0u) == 0x80u) ++at;
        return at;
    }
    std::mt19937 random_;
};

bool is_utf8(std::string_view text) {
    for (std::size_t i = 0; i < text.size();) {
        const auto lead = static_cast<unsigned char>(text[i++]);
        if ((lead & 0xc0u) == 0x80u) return false;
        for (int more = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : lead >= 0xc0 ? 1 : 0; more > 0; --more, ++i)
            if (i >= text.size() || (static_cast<unsigned char>(text[i]) & 0xc0u) != 0x80u) return false;
    }
    return true;
}

TEST(every_delta, makes_what_it_was_made_for) {
    pairs random{11};
    encoder one;
    for (int i = 0; i < 3000; ++i) {
        const int kind = i % 3;
        const bool in_utf8 = kind != 2;
        const auto some = [&] {
            return kind == 2 ? random.bytes(random.below(300)) : random.text(random.below(200), kind == 1);
        };
        const std::string from = some();
        const std::string to = random.below(4) == 0 ? some() : random.changed(from, some(), in_utf8);
        std::string delta;
        ASSERT_TRUE(one.encode(from, to, 1 << 20, delta));
        ASSERT_EQ(apply(from, delta, to.size()), to) << i;
        ASSERT_TRUE(!in_utf8 || is_utf8(delta)) << i;
    }
}

TEST(every_delta, of_large_texts_makes_what_it_was_made_for) {
    pairs random{12};
    encoder one;
    for (int i = 0; i < 20; ++i) {
        std::string from = random.text(12'000, i % 2 == 0);
        from.resize(std::min(from.size(), input_bytes_max - 1000));
        std::string to = from;
        to.insert(random.below(to.size()), "something new");
        std::string delta;
        ASSERT_TRUE(one.encode(from, to, 1 << 20, delta));
        ASSERT_EQ(apply(from, delta, to.size()), to);
        EXPECT_LT(delta.size(), 1000u);
    }
}

} // namespace
} // namespace carillon::fossil
