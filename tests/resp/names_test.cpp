#include "resp/names.hpp"

#include <gtest/gtest.h>

namespace carillon::resp::test {
namespace {

TEST(names, differ_in_more_than_the_case_of_ascii_letters) {
    EXPECT_TRUE(equals_ignoring_case("PUBLISH", "publish"));
    EXPECT_TRUE(equals_ignoring_case("pUbLiSh", "PuBlIsH"));
    EXPECT_TRUE(equals_ignoring_case("", ""));
    EXPECT_FALSE(equals_ignoring_case("PUBLISH", "PUBLIS"));
    EXPECT_FALSE(equals_ignoring_case("a[", "a{")) << "only letters have a case";
    EXPECT_FALSE(equals_ignoring_case("\xc4", "\xe4")) << "only ASCII has a case";
}

TEST(names, are_ordered_without_case) {
    EXPECT_TRUE(less_ignoring_case("AUTH", "hello"));
    EXPECT_TRUE(less_ignoring_case("auth", "HELLO"));
    EXPECT_FALSE(less_ignoring_case("HELLO", "hello"));
    EXPECT_FALSE(less_ignoring_case("hello", "HELLO"));
    EXPECT_TRUE(less_ignoring_case("SUB", "subscribe"));
}

} // namespace
} // namespace carillon::resp::test
