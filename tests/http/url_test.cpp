#include "http/url.hpp"

#include <gtest/gtest.h>

#include <string>
#include <tuple>

namespace carillon::http {
namespace {

TEST(url, good_ones_are_taken_apart) {
    struct row {
        std::string text;
        bool encrypted;
        std::string host;
        std::uint16_t port;
        std::string target;
        std::string authority;
        std::string origin;
    };
    const row rows[] = {
        {"http://app", false, "app", 80, "/", "app", "http://app"},
        {"http://app/", false, "app", 80, "/", "app", "http://app"},
        {"http://app:80/a", false, "app", 80, "/a", "app", "http://app"},
        {"http://app:8080/carillon?k=1", false, "app", 8080, "/carillon?k=1", "app:8080", "http://app:8080"},
        {"https://id.example.com/jwks.json", true, "id.example.com", 443, "/jwks.json", "id.example.com",
         "https://id.example.com"},
        {"https://app:80", true, "app", 80, "/", "app:80", "https://app:80"},
        {"http://app?x", false, "app", 80, "/?x", "app", "http://app"},
        {"http://[::1]:81/x", false, "::1", 81, "/x", "[::1]:81", "http://[::1]:81"},
        {"http://[::1]", false, "::1", 80, "/", "[::1]", "http://[::1]"},
        {"http://127.0.0.1:65535", false, "127.0.0.1", 65535, "/", "127.0.0.1:65535", "http://127.0.0.1:65535"},
    };
    for (const row& each : rows) {
        url read;
        EXPECT_EQ(read_url(each.text, read), "") << each.text;
        EXPECT_EQ(std::tie(read.encrypted, read.host, read.port, read.target),
                  std::tie(each.encrypted, each.host, each.port, each.target))
            << each.text;
        EXPECT_EQ(read.authority(), each.authority);
        EXPECT_EQ(read.origin(), each.origin);
    }
}

TEST(url, bad_ones_are_refused_and_nothing_is_changed) {
    const std::pair<std::string, std::string> rows[] = {
        {"", "must begin with http:// or https://"},
        {"app:8080", "must begin with http:// or https://"},
        {"ftp://app", "must begin with http:// or https://"},
        {"HTTP://app", "must begin with http:// or https://"},
        {"http://", "has no host"},
        {"http:///x", "has no host"},
        {"http://:80", "has no host"},
        {"http://user:secret@app/", "must not hold a user or a password"},
        {"http://app:", "has no port between 1 and 65535"},
        {"http://app:0", "has no port between 1 and 65535"},
        {"http://app:65536", "has no port between 1 and 65535"},
        {"http://app/#x", "must not have a fragment (#)"},
        {"http://app/a b", "holds a blank, or what is no printable ASCII"},
        {"http://app/a\r\nX: y", "holds a blank, or what is no printable ASCII"},
        {"http://app/\xc3\xa4", "holds a blank, or what is no printable ASCII"},
        {"http://app/" + std::string(url_bytes_max, 'a'), "is too long"},
    };
    for (const auto& [text, why] : rows) {
        url read{.port = 7};
        EXPECT_EQ(read_url(text, read), why) << text;
        EXPECT_EQ(read.port, 7) << text;
    }
}

TEST(url, names_and_values_of_fields_cannot_end_a_line) {
    for (const char* good : {"Cookie", "x-real-ip", "X_1", "!#$%&'*+-.^_`|~"}) EXPECT_TRUE(is_field_name(good));
    for (const char* bad : {"", "a b", "a:", "a\r", "\xc3\xa4", "(a)"}) EXPECT_FALSE(is_field_name(bad));
    for (const char* good : {"", "a b", "\xc3\xa4", "a\tb"}) EXPECT_TRUE(is_field_value(good));
    for (const char* bad : {"a\r\nb", "\n", "\x01", "\x7f"}) EXPECT_FALSE(is_field_value(bad));
}

} // namespace
} // namespace carillon::http
