#include "work/actors.hpp"
#include "work/work_pool.hpp"

#include <boost/asio/post.hpp>
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <set>
#include <utility>
#include <vector>

namespace carillon::work {
namespace {

using namespace std::chrono_literals;
using names = std::vector<int>;

class work_pool_test : public testing::Test {
protected:
    ~work_pool_test() override {
        pool.close();
        settle(); // who has been promised a lease takes it
        all.finish_all();
        EXPECT_EQ(pool.used(), 0u);
    }

    void settle() {
        context.restart();
        for (int i = 0; i < 20; ++i) context.poll();
    }
    template <class Condition>
    void run_until(Condition condition) {
        while (!condition()) ASSERT_EQ(context.run_one_for(30s), 1u) << "waited in vain";
    }

    boost::asio::io_context context{1};
    work_pool pool{context, 2, 1000};
    test::actors all{pool};
};

TEST_F(work_pool_test, a_free_lease_is_granted_on_the_spot) {
    all.start(1);
    EXPECT_EQ(all.granted, names{1});
    EXPECT_EQ(pool.used(), 1u);
    EXPECT_EQ(pool.capacity(), 2u);
    EXPECT_EQ(pool.counts().waits, 0u);
    all.finish(1);
    EXPECT_EQ(pool.used(), 0u);
}

TEST_F(work_pool_test, with_no_free_lease_one_waits_in_line) {
    for (int name = 1; name <= 5; ++name) all.start(name);
    EXPECT_EQ(all.granted, (names{1, 2}));
    EXPECT_EQ(pool.used(), 2u);
    EXPECT_EQ(pool.waiting(), 3u);
    EXPECT_EQ(pool.counts().waits, 3u);
    settle();
    EXPECT_EQ(all.granted, (names{1, 2})) << "nobody has given one back";
}

TEST_F(work_pool_test, the_line_is_served_first_come_first_served) {
    for (int name = 1; name <= 6; ++name) all.start(name);
    all.finish(2);
    settle();
    all.finish(1);
    settle();
    all.finish(3);
    all.finish(4);
    settle();
    EXPECT_EQ(all.granted, (names{1, 2, 3, 4, 5, 6}));
    EXPECT_EQ(pool.waiting(), 0u);
}

TEST_F(work_pool_test, one_who_waited_goes_on_between_the_other_events_not_within_the_giving_back) {
    for (int name = 1; name <= 3; ++name) all.start(name);
    all.finish(1);
    EXPECT_EQ(all.granted, (names{1, 2}));
    EXPECT_EQ(pool.used(), 2u) << "the lease is promised";
    EXPECT_EQ(pool.waiting(), 0u);
    settle();
    EXPECT_EQ(all.granted, (names{1, 2, 3}));
}

TEST_F(work_pool_test, a_promised_lease_cannot_be_taken_by_one_who_comes_later) {
    for (int name = 1; name <= 3; ++name) all.start(name);
    all.finish(1);
    EXPECT_FALSE(static_cast<bool>(pool.try_acquire()));
    all.start(4);
    settle();
    EXPECT_EQ(all.granted, (names{1, 2, 3}));
    EXPECT_EQ(pool.waiting(), 1u);
}

TEST_F(work_pool_test, trying_gives_what_is_free_and_nothing_else) {
    lease first = pool.try_acquire();
    lease second = pool.try_acquire();
    const lease third = pool.try_acquire();
    EXPECT_TRUE(static_cast<bool>(first));
    EXPECT_TRUE(static_cast<bool>(second));
    EXPECT_FALSE(static_cast<bool>(third));
    EXPECT_NE(first.buffer().data(), second.buffer().data());
    EXPECT_EQ(pool.used(), 2u);
    EXPECT_EQ(pool.counts().waits, 0u);
}

TEST_F(work_pool_test, the_buffer_given_back_last_is_used_first) {
    lease first = pool.try_acquire();
    lease second = pool.try_acquire();
    const std::byte* warm = first.buffer().data();
    const std::byte* cold = second.buffer().data();
    second = {};
    first = {};
    first = pool.try_acquire();
    second = pool.try_acquire();
    EXPECT_EQ(first.buffer().data(), warm);
    EXPECT_EQ(second.buffer().data(), cold);
}

TEST_F(work_pool_test, a_buffer_has_its_size_and_may_be_read_a_little_beyond) {
    const lease held = pool.try_acquire();
    const auto buffer = held.buffer();
    ASSERT_EQ(buffer.size(), 1000u);
    for (std::byte& each : buffer) each = std::byte{1};
    unsigned sum = 0;
    for (std::size_t i = 0; i < buffer.size() + work_pool::readable_padding; ++i)
        sum += static_cast<unsigned>(buffer.data()[i]);
    EXPECT_EQ(sum, 1000u);
    EXPECT_EQ(held.buffer().data(), buffer.data()) << "the same as long as the lease";
}

TEST_F(work_pool_test, a_lease_that_was_moved_is_given_back_once) {
    lease first = pool.try_acquire();
    lease second = std::move(first);
    EXPECT_FALSE(static_cast<bool>(first));
    EXPECT_TRUE(static_cast<bool>(second));
    EXPECT_EQ(pool.used(), 1u);
    lease third = pool.try_acquire();
    third = std::move(second); // its own goes back
    EXPECT_EQ(pool.used(), 1u);
    third = {};
    EXPECT_EQ(pool.used(), 0u);
}

TEST_F(work_pool_test, a_lease_that_is_overwritten_goes_to_the_next_in_line) {
    lease mine = pool.try_acquire();
    lease other = pool.try_acquire();
    all.start(1);
    mine = std::move(other);
    settle();
    EXPECT_EQ(all.granted, names{1});
}

TEST_F(work_pool_test, patience_ends) {
    all.start(1);
    all.start(2);
    all.start(3, 1ms);
    EXPECT_EQ(pool.waiting(), 1u);
    run_until([&] { return !all.refused.empty(); });
    EXPECT_EQ(all.refused, names{3});
    EXPECT_EQ(pool.waiting(), 0u);
    EXPECT_EQ(pool.counts().waits, 1u);
    EXPECT_EQ(pool.counts().timeouts, 1u);
    all.finish(1);
    EXPECT_EQ(pool.used(), 1u) << "the lease did not go to one who had left";
}

TEST_F(work_pool_test, one_whose_patience_ends_leaves_the_line_as_it_was) {
    all.start(1);
    all.start(2);
    all.start(3);
    all.start(4, 1ms);
    all.start(5);
    run_until([&] { return !all.refused.empty(); });
    EXPECT_EQ(pool.waiting(), 2u);
    all.finish(1);
    settle();
    all.finish(2);
    settle();
    EXPECT_EQ(all.granted, (names{1, 2, 3, 5}));
}

TEST_F(work_pool_test, the_first_and_the_last_of_a_line_may_lose_patience_too) {
    all.start(1);
    all.start(2);
    all.start(3, 1ms);
    all.start(4);
    all.start(5, 1ms);
    run_until([&] { return all.refused.size() == 2; });
    all.finish(1);
    settle();
    EXPECT_EQ(all.granted, (names{1, 2, 4}));
}

TEST_F(work_pool_test, a_short_patience_ends_though_a_long_one_came_first) {
    all.start(1);
    all.start(2);
    all.start(3, 1h);
    all.start(4, 1ms);
    run_until([&] { return !all.refused.empty(); });
    EXPECT_EQ(all.refused, names{4});
    EXPECT_EQ(pool.waiting(), 1u);
    all.start(5, 1ms);
    all.start(6, 2ms);
    run_until([&] { return all.refused.size() == 3; });
    EXPECT_EQ(all.refused, (names{4, 5, 6}));
}

TEST_F(work_pool_test, a_lease_in_time_is_given_and_not_taken_back) {
    all.start(1);
    all.start(2);
    all.start(3, 1h);
    all.finish(1);
    settle();
    EXPECT_EQ(all.granted, (names{1, 2, 3}));
    EXPECT_EQ(pool.counts().timeouts, 0u);
}

TEST_F(work_pool_test, one_who_comes_after_a_timeout_is_served) {
    all.start(1);
    all.start(2);
    all.start(3, 1ms);
    run_until([&] { return !all.refused.empty(); });
    all.start(4);
    all.finish(2);
    settle();
    EXPECT_EQ(all.granted, (names{1, 2, 4}));
}

TEST_F(work_pool_test, closing_wakes_everybody_with_nothing) {
    for (int name = 1; name <= 4; ++name) all.start(name);
    all.start(5, 1h);
    pool.close();
    context.run(); // ends: no timer is left
    EXPECT_EQ(all.refused, (names{3, 4, 5}));
    EXPECT_EQ(pool.waiting(), 0u);
    EXPECT_EQ(pool.counts().timeouts, 0u);
    EXPECT_EQ(pool.used(), 2u) << "who has a lease keeps it";
}

TEST_F(work_pool_test, a_closed_pool_gives_nothing_though_leases_are_free) {
    pool.close();
    EXPECT_FALSE(static_cast<bool>(pool.try_acquire()));
    all.start(1);
    all.start(2, 1h);
    EXPECT_EQ(all.refused, (names{1, 2}));
    EXPECT_EQ(pool.counts().waits, 0u);
    pool.close(); // once more is nothing
}

TEST_F(work_pool_test, a_lease_may_end_after_its_pool_has_closed) {
    all.start(1);
    pool.close();
    all.finish(1);
    EXPECT_EQ(pool.used(), 0u);
}

TEST(work_pool, a_pool_may_end_before_a_patience_that_was_met) {
    boost::asio::io_context context{1};
    {
        work_pool pool{context, 1, 10};
        test::actors all{pool};
        all.start(1);
        all.start(2, 1h);
        all.finish(1);
        context.poll();
        EXPECT_EQ(all.granted, (names{1, 2}));
        all.finish(2);
    }
    context.restart();
    context.run(); // its timer tells nobody
}

net::detached yielding(work_pool& pool, std::vector<int>& log) {
    lease held = co_await pool.acquire();
    const std::byte* before = held.buffer().data();
    log.push_back(1);
    co_await pool.yield(held);
    log.push_back(3);
    EXPECT_EQ(held.buffer().data(), before);
    EXPECT_EQ(pool.used(), 1u);
}

TEST_F(work_pool_test, yielding_lets_others_go_first_and_keeps_the_lease) {
    std::vector<int> log;
    boost::asio::post(context, [&] { yielding(pool, log); });
    boost::asio::post(context, [&] {
        EXPECT_EQ(pool.used(), 1u);
        log.push_back(2);
    });
    settle();
    EXPECT_EQ(log, (names{1, 2, 3}));
    EXPECT_EQ(pool.used(), 0u);
}

TEST(work_pool_death, a_pool_without_leases_is_a_bug) {
    EXPECT_DEATH(
        {
            boost::asio::io_context context{1};
            work_pool pool(context, 0, 10);
        },
        "check failed");
}

TEST(work_pool_death, an_empty_lease_has_no_buffer) {
    EXPECT_DEATH(static_cast<void>(lease{}.buffer()), "check failed");
}

} // namespace
} // namespace carillon::work
