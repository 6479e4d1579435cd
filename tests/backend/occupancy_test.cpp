#include "backend/occupancy.hpp"

#include <gtest/gtest.h>

namespace carillon::backend {
namespace {

TEST(occupancy, the_first_shard_and_the_last_are_told) {
    occupancy all;
    const auto told = [&](const char* channel, bool by_somebody) {
        bool is_told = false;
        all.change(channel, by_somebody, [&] { is_told = true; });
        return is_told;
    };
    EXPECT_TRUE(told("a", true));
    EXPECT_FALSE(told("a", true));
    EXPECT_TRUE(told("b", true));
    EXPECT_FALSE(told("a", false));
    EXPECT_TRUE(told("a", false));
    EXPECT_TRUE(told("a", true));
    EXPECT_TRUE(told("b", false));
}

} // namespace
} // namespace carillon::backend
