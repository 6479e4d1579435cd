#include "support/allocations.hpp"
#include "work/actors.hpp"
#include "work/work_pool.hpp"

#include <boost/asio/post.hpp>
#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <span>

namespace carillon::work {
namespace {

using namespace std::chrono_literals;
using carillon::test::heap_use_now;

constexpr int warm_rounds = 100;
constexpr int rounds = 1000;

// What the rounds after the first hundred have taken from the heap.
struct measure {
    std::uint64_t before = 0;
    std::uint64_t allocations = ~std::uint64_t{0};
    void round(int i) {
        if (i == warm_rounds) before = heap_use_now().allocations;
        if (i == rounds) allocations = heap_use_now().allocations - before;
    }
};

net::detached acquire_what_is_free(work_pool& pool, measure& cost) {
    for (int i = 0; i <= rounds; ++i) {
        cost.round(i);
        lease held = co_await pool.acquire();
        held.buffer()[0] = std::byte{1};
    }
}

net::detached acquire_in_turns(work_pool& pool, measure& cost) {
    for (int i = 0; i <= rounds; ++i) {
        cost.round(i);
        lease held = co_await pool.acquire();
        if (!held) break;
        co_await pool.yield(held); // so that the others stand in line
    }
}

net::detached acquire_in_turns_patiently(work_pool& pool, measure& cost) {
    for (int i = 0; i <= rounds; ++i) {
        cost.round(i);
        lease held = co_await pool.acquire_within(1h);
        if (!held) break;
        co_await pool.yield(held);
    }
}

TEST(work_pool_cost, a_free_lease_costs_no_allocation) {
    boost::asio::io_context context{1};
    work_pool pool{context, 2, 1000};
    measure cost;
    boost::asio::post(context, [&] { acquire_what_is_free(pool, cost); });
    context.run();
    EXPECT_EQ(cost.allocations, 0u);
    EXPECT_EQ(pool.counts().waits, 0u);
}

TEST(work_pool_cost, waiting_and_yielding_cost_no_allocation) {
    boost::asio::io_context context{1};
    work_pool pool{context, 1, 1000};
    measure first, second;
    boost::asio::post(context, [&] {
        acquire_in_turns(pool, first);
        acquire_in_turns(pool, second);
    });
    context.run();
    EXPECT_EQ(first.allocations, 0u);
    EXPECT_EQ(second.allocations, 0u);
    EXPECT_GT(pool.counts().waits, 1000u);
}

TEST(work_pool_cost, waiting_with_a_limit_costs_no_allocation) {
    boost::asio::io_context context{1};
    work_pool pool{context, 1, 1000};
    measure first, second;
    boost::asio::post(context, [&] {
        acquire_in_turns_patiently(pool, first);
        acquire_in_turns_patiently(pool, second);
    });
    while (second.allocations == ~std::uint64_t{0} || first.allocations == ~std::uint64_t{0}) context.run_one();
    pool.close();
    context.run();
    EXPECT_EQ(first.allocations, 0u);
    EXPECT_EQ(second.allocations, 0u);
    EXPECT_GT(pool.counts().waits, 1000u);
}

TEST(work_pool_cost, buffers_are_made_when_they_are_first_used_and_kept) {
    boost::asio::io_context context{1};
    const auto before = heap_use_now().live_bytes;
    work_pool pool{context, 1000, 65536};
    EXPECT_LT(heap_use_now().live_bytes - before, 1000 * 1024);
    const auto use_one = [&] {
        const lease held = pool.try_acquire();
        return held.buffer().data();
    };
    const std::byte* made = use_one();
    EXPECT_EQ(carillon::test::allocations_during([&] { EXPECT_EQ(use_one(), made); }), 0u);
}

} // namespace
} // namespace carillon::work
