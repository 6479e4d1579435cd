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

TEST(user_counts, who_was_let_in_elsewhere_counts_beyond_the_limit) {
    user_counts counts{1};
    counts.adopt("ann");
    counts.adopt("ann");
    EXPECT_FALSE(counts.enter("ann"));
    counts.leave("ann");
    EXPECT_FALSE(counts.enter("ann"));
    counts.leave("ann");
    EXPECT_TRUE(counts.enter("ann"));
}

} // namespace
} // namespace carillon::people
