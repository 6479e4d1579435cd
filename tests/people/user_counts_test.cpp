#include "people/user_counts.hpp"

#include <gtest/gtest.h>

namespace carillon::people {
namespace {

TEST(user_counts, nobody_gets_more_than_allowed) {
    user_counts counts{2};
    EXPECT_TRUE(counts.enter("42"));
    EXPECT_TRUE(counts.enter("42"));
    EXPECT_FALSE(counts.enter("42"));
    EXPECT_TRUE(counts.enter("43"));
    counts.leave("42");
    EXPECT_TRUE(counts.enter("42"));
    EXPECT_FALSE(counts.enter("42"));
}

} // namespace
} // namespace carillon::people
