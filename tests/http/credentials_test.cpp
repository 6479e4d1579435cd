#include "http/credentials.hpp"
#include "http/heads.hpp"

#include <gtest/gtest.h>

#include <string>

namespace carillon::http::test {
namespace {

struct row {
    const char* name;
    std::string fields;
    std::string_view expected;
};

void read_head(const std::string& bytes, request_head& into) {
    std::size_t scanned = 0;
    EXPECT_EQ(parse_head(bytes, scanned, into).outcome, parse_outcome::complete);
}

std::string with(const std::string& fields) { return "GET / HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n"; }

TEST(credentials, a_bearer_token_is_what_follows_its_scheme) {
    const row rows[] = {
        {"none", "", ""},
        {"one", "Authorization: Bearer abc.def\r\n", "abc.def"},
        {"in other letters", "AUTHORIZATION: bEaReR abc\r\n", "abc"},
        {"more space", "Authorization: Bearer   abc \r\n", "abc"},
        {"of another scheme", "Authorization: Basic abc\r\n", ""},
        {"the scheme alone", "Authorization: Bearer\r\n", ""},
        {"two fields", "Authorization: Bearer a\r\nAuthorization: Bearer b\r\n", ""},
    };
    for (const row& each : rows) {
        const std::string bytes = with(each.fields);
        request_head head;
        read_head(bytes, head);
        EXPECT_EQ(bearer_token(head), each.expected) << each.name;
    }
}

TEST(credentials, a_cookie_is_found_by_its_exact_name) {
    const row rows[] = {
        {"none", "", ""},
        {"alone", "Cookie: token=abc\r\n", "abc"},
        {"among others", "Cookie: a=b; token=abc; c=d\r\n", "abc"},
        {"in quotes", "Cookie: token=\"abc\"\r\n", "abc"},
        {"in a second field", "Cookie: a=b\r\nCookie: token=abc\r\n", "abc"},
        {"the first of two", "Cookie: token=abc; token=def\r\n", "abc"},
        {"with = in it", "Cookie: token=abc==\r\n", "abc=="},
        {"a longer name", "Cookie: xtoken=abc\r\n", ""},
        {"other letters", "Cookie: Token=abc\r\n", ""},
        {"no value", "Cookie: token\r\n", ""},
        {"a value that has its name", "Cookie: a=token=abc\r\n", ""},
    };
    for (const row& each : rows) {
        const std::string bytes = with(each.fields);
        request_head head;
        read_head(bytes, head);
        EXPECT_EQ(cookie_value(head, "token"), each.expected) << each.name;
    }
}

TEST(credentials, a_parameter_is_found_by_its_exact_name) {
    EXPECT_EQ(query_value("", "token"), "");
    EXPECT_EQ(query_value("token=abc", "token"), "abc");
    EXPECT_EQ(query_value("a=b&token=abc&c=d", "token"), "abc");
    EXPECT_EQ(query_value("xtoken=abc", "token"), "");
    EXPECT_EQ(query_value("token", "token"), "");
    EXPECT_EQ(query_value("token=a=b", "token"), "a=b");
}

} // namespace
} // namespace carillon::http::test
