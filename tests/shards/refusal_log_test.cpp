#include "logs/bounded_log.hpp"
#include "shards/refusal_log.hpp"

#include <gtest/gtest.h>

#include <string>

namespace carillon::shards {
namespace {

using namespace std::chrono_literals;

TEST(bounded_log, so_many_lines_in_a_second_and_the_others_are_counted) {
    logs::bounded_log budget{2};
    const logs::bounded_log::clock::time_point start{1h};
    EXPECT_TRUE(budget.admit(start));
    EXPECT_TRUE(budget.admit(start + 999ms));
    EXPECT_FALSE(budget.admit(start + 999ms));
    EXPECT_FALSE(budget.admit(start + 999ms));
    EXPECT_TRUE(budget.admit(start + 1s));
    EXPECT_EQ(budget.take_suppressed(), 2u);
    EXPECT_EQ(budget.take_suppressed(), 0u);
    EXPECT_TRUE(budget.admit(start + 1s));
    EXPECT_FALSE(budget.admit(start + 1999ms));
    EXPECT_TRUE(budget.admit(start + 1h));
}

TEST(bounded_log, none_admits_none) {
    logs::bounded_log budget{0};
    EXPECT_FALSE(budget.admit(logs::bounded_log::clock::time_point{1h}));
    EXPECT_EQ(budget.take_suppressed(), 1u);
}

TEST(refusal_line, says_code_address_and_reason_and_what_was_sent_in_one_line) {
    EXPECT_EQ(refusal_line({.code = 403, .reason = "No.", .detail = "https://evil.test"}, "192.0.2.7:1"),
              "refused with 403 for 192.0.2.7:1: No. ('https://evil.test')");
    EXPECT_EQ(refusal_line({.code = 3501, .reason = "bad request"}, "[::1]:1"),
              "closed with 3501 for [::1]:1: bad request");
    EXPECT_EQ(refusal_line({.code = 503, .reason = "No.", .whose = *peer::read_address("192.0.2.7")}, "10.0.0.1:1"),
              "refused with 503 for 192.0.2.7 by 10.0.0.1:1: No.");
    EXPECT_EQ(refusal_line({.code = 503, .whose = *peer::read_address("10.0.0.1")}, "10.0.0.1:1"),
              "refused with 503 for 10.0.0.1:1");
    EXPECT_EQ(refusal_line({.reason = "No."}, "10.0.0.1:1"), "not let in for 10.0.0.1:1: No.");
    EXPECT_EQ(refusal_line({.code = 1002}, "unix"), "closed with 1002 for unix");
    EXPECT_EQ(refusal_line({.code = 404, .detail = "/a\tb\x7f"}, "a"), "refused with 404 for a ('/a?b?')");
    EXPECT_EQ(refusal_line({.code = 404, .detail = std::string(121, 'x')}, "a"),
              "refused with 404 for a ('" + std::string(120, 'x') + "' and more)");
}

} // namespace
} // namespace carillon::shards
