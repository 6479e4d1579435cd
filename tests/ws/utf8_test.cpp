#include "ws/utf8.hpp"
#include "ws/wire.hpp"

#include <gtest/gtest.h>

#include <random>

namespace carillon::ws {
namespace {

using test::from_hex;

// The definition, slowly: take the code point out of its bytes, then judge the number.
bool slow_is_utf8(std::string_view text) {
    while (!text.empty()) {
        const auto octet = [&](std::size_t i) {
            return static_cast<std::uint32_t>(static_cast<unsigned char>(text[i]));
        };
        std::size_t size = 0;
        std::uint32_t point = 0;
        if (octet(0) < 0x80)
            size = 1, point = octet(0);
        else if (octet(0) >> 5 == 0x06)
            size = 2, point = octet(0) & 0x1f;
        else if (octet(0) >> 4 == 0x0e)
            size = 3, point = octet(0) & 0x0f;
        else if (octet(0) >> 3 == 0x1e)
            size = 4, point = octet(0) & 0x07;
        if (size == 0 || text.size() < size) return false;
        for (std::size_t i = 1; i < size; ++i) {
            if (octet(i) >> 6 != 2) return false;
            point = point << 6 | (octet(i) & 0x3f);
        }
        const std::uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
        if (point < least[size] || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) return false;
        text.remove_prefix(size);
    }
    return true;
}

// Whether something can follow that makes it UTF-8, by trying: three bytes from the ends of every range are enough.
bool slow_can_become_utf8(const std::string& text, int more = 3) {
    if (slow_is_utf8(text)) return true;
    if (more == 0) return false;
    for (const char next : {'\x80', '\x8f', '\x90', '\x9f', '\xa0', '\xbf'})
        if (slow_can_become_utf8(text + next, more - 1)) return true;
    return false;
}

struct utf8_case {
    const char* name;
    const char* wire;
    bool valid;
};

const utf8_case cases[] = {
    {"nothing at all", "", true},
    {"the null character in one byte", "00", true},
    {"the last one of one byte", "7f", true},
    {"the first one of two bytes", "c280", true},
    {"the last one of two bytes", "dfbf", true},
    {"the first one of three bytes", "e0a080", true},
    {"the last one before the surrogates", "ed9fbf", true},
    {"the first one after the surrogates", "ee8080", true},
    {"the replacement character", "efbfbd", true},
    {"a noncharacter is still a code point", "efbfbf", true},
    {"a byte order mark", "efbbbf", true},
    {"the first one of four bytes", "f0908080", true},
    {"the last one there is, U+10FFFF", "f48fbfbf", true},
    {"a Greek word", "cebae1bdb9cf83cebcceb5", true},
    {"one above the last, U+110000", "f4908080", false},
    {"far above the last, U+13FFFF", "f4bfbfbf", false},
    {"a lead byte of code points that do not exist", "f5808080", false},
    {"an old form of five bytes", "f888808080", false},
    {"an old form of six bytes", "fc8480808080", false},
    {"a continuation byte alone", "80", false},
    {"the last continuation byte alone", "bf", false},
    {"six continuation bytes", "80bf80bf80bf", false},
    {"a continuation byte after a whole code point", "c3a9a9", false},
    {"a lead byte of two, then a space", "c320", false},
    {"a lead byte of three, then a space", "e220", false},
    {"a lead byte of four, then a space", "f020", false},
    {"two bytes of three, then a space", "e28220", false},
    {"three bytes of four, then a space", "f09f9420", false},
    {"two bytes of three, then another lead byte", "e282e282ac", false},
    {"ends after a lead byte of two", "c3", false},
    {"ends after a lead byte of three", "e2", false},
    {"ends after two bytes of three", "e282", false},
    {"ends after three bytes of four", "f09f94", false},
    {"bytes that never occur: FE", "fe", false},
    {"bytes that never occur: FF", "ff", false},
    {"bytes that never occur, together", "fefeffff", false},
    {"a slash in two bytes", "c0af", false},
    {"a slash in three bytes", "e080af", false},
    {"a slash in four bytes", "f08080af", false},
    {"a slash in five bytes", "f8808080af", false},
    {"the null character in two bytes", "c080", false},
    {"the null character in three bytes", "e08080", false},
    {"the longest overlong form of two bytes", "c1bf", false},
    {"the longest overlong form of three bytes", "e09fbf", false},
    {"the longest overlong form of four bytes", "f08fbfbf", false},
    {"the first high surrogate", "eda080", false},
    {"the last high surrogate", "edafbf", false},
    {"the first low surrogate", "edb080", false},
    {"the last low surrogate", "edbfbf", false},
    {"a pair of surrogates", "eda080edb080", false},
};

// Feeds `text` in pieces and compares every verdict with the slow one.
void compare(const std::string& text, const std::vector<std::size_t>& cuts) {
    utf8_validator validator;
    std::size_t begin = 0;
    bool good = true;
    for (std::size_t i = 0; i <= cuts.size(); ++i) {
        const std::size_t end = i < cuts.size() ? cuts[i] : text.size();
        const std::string so_far = text.substr(0, end);
        good = validator.feed(as_bytes(std::string_view{text}.substr(begin, end - begin)));
        ASSERT_EQ(good, slow_can_become_utf8(so_far)) << "after byte " << end;
        ASSERT_EQ(validator.complete(), slow_is_utf8(so_far)) << "after byte " << end;
        begin = end;
    }
}

TEST(utf8, the_cases_are_what_the_reference_says) {
    for (const auto& c : cases) {
        EXPECT_EQ(slow_is_utf8(from_hex(c.wire)), c.valid) << c.name;
        EXPECT_EQ(is_utf8(as_bytes(from_hex(c.wire))), c.valid) << c.name;
    }
}

TEST(utf8, gives_the_same_verdict_wherever_the_text_is_cut) {
    // Alone, between letters, and behind so many of them that the vector code takes part.
    for (const auto& c : cases)
        for (const std::size_t letters : {0U, 1U, 7U, 8U, 40U, 70U}) {
            SCOPED_TRACE(testing::Message() << c.name << " between " << letters << " letters");
            const std::string around(letters, 'x');
            const std::string text = around + from_hex(c.wire) + around;
            for (std::size_t cut = 0; cut <= text.size(); ++cut) {
                compare(text, {cut});
                if (cut + 1 <= text.size()) compare(text, {cut, cut + 1});
            }
            std::vector<std::size_t> everywhere;
            for (std::size_t cut = 1; cut < text.size(); ++cut) everywhere.push_back(cut);
            compare(text, everywhere);
            if (HasFatalFailure()) return;
        }
}

TEST(utf8, a_failed_validator_stays_failed) {
    utf8_validator validator;
    EXPECT_FALSE(validator.feed(as_bytes(std::string_view{"\xff"})));
    EXPECT_FALSE(validator.feed(as_bytes(std::string_view{"good"})));
    EXPECT_FALSE(validator.feed({}));
    EXPECT_FALSE(validator.complete());
}

TEST(utf8, agrees_with_the_reference_on_random_texts_with_a_random_fault) {
    std::mt19937 random{11};
    const char* characters[] = {"a", "\u00e9", "\u20ac", "\U0001f514", "\ud7ff", "\U0010ffff"};
    int valid = 0;
    for (int round = 0; round < 20000; ++round) {
        std::string text;
        const std::size_t size = random() % 90;
        while (text.size() < size) text += characters[random() % std::size(characters)];
        if (round % 2 == 1 && !text.empty()) text[random() % text.size()] = static_cast<char>(random());
        std::vector<std::size_t> cuts;
        for (std::size_t cut = random() % 40; cut < text.size(); cut += random() % 40) cuts.push_back(cut);
        compare(text, cuts);
        ASSERT_FALSE(HasFatalFailure());
        ASSERT_EQ(is_utf8(as_bytes(text)), slow_is_utf8(text));
        valid += slow_is_utf8(text) ? 1 : 0;
    }
    EXPECT_GE(valid, 10000);
    EXPECT_LT(valid, 20000);
}

} // namespace
} // namespace carillon::ws
