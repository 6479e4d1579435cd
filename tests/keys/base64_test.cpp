#include "keys/base64.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace carillon::keys {
namespace {

struct text_case {
    const char* name;
    std::string text;
    std::optional<std::string> expected;
};

TEST(base64, only_the_one_canonical_form_of_base64url_is_read) {
    using namespace std::string_literals;
    const std::vector<text_case> table{
        {"nothing", "", ""},
        {"one byte", "AA", "\0"s},
        {"two bytes", "AAA", "\0\0"s},
        {"three bytes", "AAAA", "\0\0\0"s},
        {"the two letters of its own", "-_-_", "\xfb\xff\xbf"},
        {"the letters of base64", "+/+/", std::nullopt},
        {"one letter", "A", std::nullopt},
        {"one letter too many", "AAAAA", std::nullopt},
        {"padding", "AA==", std::nullopt},
        {"padding where none is due", "AAAA=", std::nullopt},
        {"four lost bits", "AB", std::nullopt},
        {"two lost bits", "AAB", std::nullopt},
        {"the last of four lost bits", "AI", std::nullopt},
        {"white space", "AA AA", std::nullopt},
        {"a line break at the end", "AAAA\n", std::nullopt},
        {"a zero byte", "AAA\0"s, std::nullopt},
        {"a dot", "AA.A", std::nullopt},
        {"beyond ASCII", "AA\xc3\xa9", std::nullopt},
    };
    for (const text_case& each : table) {
        SCOPED_TRACE(each.name);
        const auto bytes = from_base64url(each.text);
        EXPECT_EQ(bytes, each.expected);
        if (bytes) { EXPECT_EQ(to_base64url(*bytes), each.text); }
    }
}

TEST(base64, padding_is_due_in_base64) {
    EXPECT_EQ(from_base64("e30="), "{}");
    EXPECT_EQ(from_base64("e30"), std::nullopt);
    EXPECT_EQ(from_base64("e31="), std::nullopt);
    EXPECT_EQ(from_base64("-_-_"), std::nullopt);
    EXPECT_EQ(from_base64("+/+/"), "\xfb\xff\xbf");
}

TEST(base64, all_texts_of_three_letters_are_read_in_one_way_or_not_at_all) {
    int read = 0;
    for (int i = 0; i < 256 * 256 * 256; i += 7) {
        const std::string text{static_cast<char>(i % 256), static_cast<char>(i / 256 % 256),
                               static_cast<char>(i / 256 / 256)};
        if (const auto bytes = from_base64url(text)) {
            ++read;
            EXPECT_EQ(to_base64url(*bytes), text);
        }
    }
    EXPECT_GT(read, 1000);
}

} // namespace
} // namespace carillon::keys
