#include "presence/departures.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>
#include <vector>

namespace carillon::presence {
namespace {

using namespace std::chrono_literals;

departures::clock::time_point at(int second) { return departures::clock::time_point{} + std::chrono::seconds{second}; }

std::vector<std::string> due_of(departures& all, int second, std::size_t most = 1000) {
    std::vector<std::string> told;
    all.take_due(at(second), most, [&](std::string_view channel, const std::string& info) {
        told.push_back(std::string{channel} + "=" + info);
    });
    return told;
}

using texts = std::vector<std::string>;

TEST(departures, are_told_when_their_time_is_over_in_its_order) {
    departures all{10};
    EXPECT_TRUE(all.add("b", "42", "late", at(7)));
    EXPECT_TRUE(all.add("a", "42", "early", at(5)));
    EXPECT_EQ(due_of(all, 4), texts{});
    EXPECT_EQ(due_of(all, 5), texts{"a=early"});
    EXPECT_EQ(due_of(all, 8), texts{"b=late"});
    EXPECT_EQ(all.size(), 0u);
}

TEST(departures, who_comes_back_in_time_has_not_been_away) {
    departures all{10};
    all.add("a", "42", "info", at(5));
    EXPECT_FALSE(all.strike("a", "43"));
    EXPECT_FALSE(all.strike("b", "42"));
    EXPECT_TRUE(all.strike("a", "42"));
    EXPECT_FALSE(all.strike("a", "42"));
    EXPECT_EQ(due_of(all, 9), texts{});
}

TEST(departures, a_channel_and_a_user_are_not_taken_for_others_that_look_alike) {
    departures all{10};
    all.add("a1:", "1:b", "info", at(5));
    EXPECT_FALSE(all.strike("a1", "3:1:b"));
    EXPECT_FALSE(all.strike("a", "1:1:b"));
    EXPECT_TRUE(all.strike("a1:", "1:b"));
}

TEST(departures, no_more_wait_than_may) {
    departures all{2};
    EXPECT_TRUE(all.add("a", "1", "", at(1)));
    EXPECT_TRUE(all.add("a", "2", "", at(1)));
    EXPECT_FALSE(all.add("a", "3", "", at(1)));
    EXPECT_TRUE(all.strike("a", "1"));
    EXPECT_TRUE(all.add("a", "3", "", at(1)));
}

TEST(departures, of_many_that_are_due_only_some_are_told_at_once) {
    departures all{10};
    for (const char* user : {"1", "2", "3"}) all.add("a", user, user, at(1));
    EXPECT_EQ(due_of(all, 2, 2), (texts{"a=1", "a=2"}));
    EXPECT_EQ(due_of(all, 2, 2), texts{"a=3"});
}

TEST(departures, every_one_is_told_or_struck_once) {
    std::mt19937 random{7};
    departures all{1'000'000};
    std::size_t added = 0, struck = 0, told = 0;
    for (int second = 0; second < 2000; ++second) {
        const std::string user = std::to_string(random() % 5), channel = std::to_string(random() % 3);
        if (random() % 3 != 0) {
            added += all.add(channel, user, "", at(second + static_cast<int>(random() % 20))) ? 1u : 0u;
        } else {
            struck += all.strike(channel, user) ? 1u : 0u;
        }
        told += due_of(all, second).size();
        ASSERT_EQ(added, struck + told + all.size());
    }
    told += due_of(all, 3000).size();
    EXPECT_EQ(added, struck + told);
    EXPECT_GT(struck, 0u);
}

} // namespace
} // namespace carillon::presence
