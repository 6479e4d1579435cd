#include "outward/breaker.hpp"

#include <gtest/gtest.h>

#include <random>

namespace carillon::outward {
namespace {

using namespace std::chrono_literals;
using state = breaker::state;

constexpr breaker::time_point start{};

TEST(breaker, opens_after_so_many_failures_in_a_row) {
    breaker b{3, 1s};
    b.failed(start);
    b.failed(start);
    b.succeeded();
    b.failed(start);
    b.failed(start);
    EXPECT_TRUE(b.may_ask(start));
    b.failed(start);
    EXPECT_EQ(b.is(), state::open);
    EXPECT_FALSE(b.may_ask(start));
    EXPECT_FALSE(b.may_ask(start + 999ms));
}

TEST(breaker, lets_one_try_when_its_time_is_over) {
    breaker b{1, 1s};
    b.failed(start);
    EXPECT_TRUE(b.may_ask(start + 1s));
    EXPECT_EQ(b.is(), state::trying);
    EXPECT_FALSE(b.may_ask(start + 1s)) << "one is enough";
    EXPECT_FALSE(b.may_ask(start + 100s)) << "until it has fared one way or the other";
}

TEST(breaker, closes_when_the_one_succeeds) {
    breaker b{2, 1s};
    b.failed(start);
    b.failed(start);
    ASSERT_TRUE(b.may_ask(start + 1s));
    b.succeeded();
    EXPECT_EQ(b.is(), state::closed);
    b.failed(start + 1s);
    EXPECT_EQ(b.is(), state::closed) << "it counts from nought";
}

TEST(breaker, opens_again_when_the_one_fails) {
    breaker b{2, 1s};
    b.failed(start);
    b.failed(start);
    ASSERT_TRUE(b.may_ask(start + 1s));
    b.failed(start + 2s);
    EXPECT_FALSE(b.may_ask(start + 2999ms));
    EXPECT_TRUE(b.may_ask(start + 3s));
}

TEST(breaker, late_failures_do_not_keep_it_open_for_ever) {
    breaker b{1, 1s};
    b.failed(start);
    b.failed(start + 900ms);
    EXPECT_TRUE(b.may_ask(start + 1s));
}

TEST(breaker, whatever_happens_it_asks_again_in_time) {
    std::mt19937 random{7};
    for (int history = 0; history < 200; ++history) {
        breaker b{1 + random() % 3, 1s};
        auto now = start;
        for (int step = 0; step < 50; ++step) {
            now += std::chrono::milliseconds{random() % 600};
            if (!b.may_ask(now)) continue;
            if (random() % 2 == 0) {
                b.failed(now);
            } else {
                b.succeeded();
            }
        }
        EXPECT_TRUE(b.may_ask(now + 1s)) << "history " << history;
    }
}

} // namespace
} // namespace carillon::outward
