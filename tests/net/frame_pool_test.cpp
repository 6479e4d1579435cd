#include "net/detached.hpp"
#include "net/frame_pool.hpp"
#include "support/allocations.hpp"

#include <gtest/gtest.h>

#include <coroutine>
#include <cstring>
#include <thread>
#include <utility>
#include <vector>

namespace carillon::net {
namespace {

using test::allocations_during;
using test::heap_use_now;

TEST(frame_pool, a_frame_that_was_given_back_is_taken_again) {
    void* first = take_frame(200);
    give_frame(first, 200);
    void* second = nullptr;
    EXPECT_EQ(allocations_during([&] { second = take_frame(200); }), 0u);
    EXPECT_EQ(second, first);
    give_frame(second, 200);
}

TEST(frame_pool, frames_of_every_size_can_be_filled_to_the_last_byte) {
    for (std::size_t bytes = 1; bytes <= pooled_bytes_max + 100; ++bytes) {
        void* frame = take_frame(bytes);
        std::memset(frame, 0x5a, bytes);
        give_frame(frame, bytes);
    }
}

TEST(frame_pool, a_frame_serves_every_size_of_its_class) {
    void* frame = take_frame(65);
    give_frame(frame, 65);
    EXPECT_EQ(allocations_during([&] {
                  void* again = take_frame(128);
                  std::memset(again, 0, 128);
                  give_frame(again, 128);
              }),
              0u);
}

TEST(frame_pool, a_frame_is_aligned_as_the_heap_would_align_it) {
    for (const std::size_t bytes : {1u, 64u, 65u, 1024u, 5000u}) {
        void* frame = take_frame(bytes);
        EXPECT_EQ(reinterpret_cast<std::uintptr_t>(frame) % __STDCPP_DEFAULT_NEW_ALIGNMENT__, 0u);
        give_frame(frame, bytes);
    }
}

TEST(frame_pool, frames_up_to_the_largest_class_are_kept_and_larger_ones_are_not) {
    const auto take_and_give = [](std::size_t bytes) {
        give_frame(take_frame(bytes), bytes);
        return allocations_during([&] { give_frame(take_frame(bytes), bytes); });
    };
    EXPECT_EQ(take_and_give(pooled_bytes_max), 0u);
    const auto before = heap_use_now().live_bytes;
    EXPECT_EQ(take_and_give(pooled_bytes_max + 1), 1u);
    EXPECT_EQ(heap_use_now().live_bytes, before);
}

TEST(frame_pool, no_more_than_the_bound_are_kept) {
    constexpr std::size_t bytes = 320;
    constexpr std::size_t too_many = 10;
    std::vector<void*> frames(kept_max + too_many);
    for (void*& frame : frames) frame = take_frame(bytes);
    const auto before = heap_use_now().live_bytes;
    for (void* frame : frames) give_frame(frame, bytes);
    EXPECT_LE(heap_use_now().live_bytes, before - static_cast<std::int64_t>(too_many * bytes));
    EXPECT_EQ(allocations_during([&] {
                  for (std::size_t i = 0; i < kept_max; ++i) frames[i] = take_frame(bytes);
              }),
              0u);
    EXPECT_EQ(allocations_during([&] { frames[kept_max] = take_frame(bytes); }), 1u);
    frames.resize(kept_max + 1);
    for (void* frame : frames) give_frame(frame, bytes);
}

TEST(frame_pool, a_thread_that_ends_gives_its_frames_back_to_the_heap) {
    const auto keep_some = [] {
        std::vector<void*> frames(100);
        for (void*& frame : frames) frame = take_frame(512);
        for (void* frame : frames) give_frame(frame, 512);
    };
    const auto before = heap_use_now().live_bytes;
    std::thread{keep_some}.join();
    EXPECT_LT(heap_use_now().live_bytes, before + 512);
}

// Suspends a coroutine until the test resumes it. References only: g++ 12 and awaiters.
struct parking {
    explicit parking(std::coroutine_handle<>& place) noexcept : where{place} {}
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> waiting) noexcept { where = waiting; }
    void await_resume() const noexcept {}
    std::coroutine_handle<>& where;
};

detached visit(gate& through, std::coroutine_handle<>& place, int& ended) {
    const auto pass = through.enter();
    co_await parking{place};
    ++ended;
}

TEST(detached, a_coroutine_starts_at_once_and_leaves_the_gate_when_it_ends) {
    gate through;
    std::coroutine_handle<> first, second;
    int ended = 0;
    visit(through, first, ended);
    visit(through, second, ended);
    EXPECT_EQ(through.inside(), 2u);
    first.resume();
    EXPECT_EQ(through.inside(), 1u);
    EXPECT_EQ(ended, 1);
    second.resume();
    EXPECT_EQ(through.inside(), 0u);
    EXPECT_EQ(ended, 2);
}

TEST(detached, a_coroutine_costs_no_allocation_once_one_of_its_kind_has_ended) {
    gate through;
    int ended = 0;
    const auto live_once = [&] {
        std::coroutine_handle<> place;
        visit(through, place, ended);
        place.resume();
    };
    live_once();
    EXPECT_EQ(allocations_during([&] {
                  for (int i = 0; i < 1000; ++i) live_once();
              }),
              0u);
    EXPECT_EQ(ended, 1001);
}

TEST(gate, a_pass_that_was_moved_counts_once) {
    gate through;
    {
        auto pass = through.enter();
        auto same = std::move(pass);
        EXPECT_EQ(through.inside(), 1u);
    }
    EXPECT_EQ(through.inside(), 0u);
}

TEST(gate_death, a_gate_with_somebody_inside_must_not_end) {
    EXPECT_DEATH(
        {
            auto through = std::make_unique<gate>();
            const auto pass = through->enter();
            through.reset();
        },
        "check failed");
}

} // namespace
} // namespace carillon::net
