#include "lifecycle/shutdown_signals.hpp"
#include "lifecycle/stall_watch.hpp"

#include <gtest/gtest.h>

#include <array>

namespace carillon::lifecycle {
namespace {

using namespace std::chrono_literals;
using meaning = signal_meaning;

TEST(shutdown_signals, a_second_one_means_something_only_if_there_was_time_for_impatience) {
    struct signal_case {
        const char* name;
        std::vector<std::chrono::milliseconds> when;
        std::vector<meaning> means;
    };
    const signal_case cases[] = {
        {"one", {0ms}, {meaning::begin}},
        {"two that come together", {0ms, 1ms}, {meaning::begin, meaning::again}},
        {"two at the very same time", {0ms, 0ms}, {meaning::begin, meaning::again}},
        {"three that come together", {0ms, 1ms, 999ms}, {meaning::begin, meaning::again, meaning::again}},
        {"a second later", {0ms, 1000ms}, {meaning::begin, meaning::hurry}},
        {"pairs", {0ms, 1ms, 5000ms, 5001ms}, {meaning::begin, meaning::again, meaning::hurry, meaning::again}},
        {"three", {0ms, 2000ms, 4000ms}, {meaning::begin, meaning::hurry, meaning::end}},
        {"what is the same as another does not put off the next",
         {0ms, 900ms, 1800ms},
         {meaning::begin, meaning::again, meaning::hurry}},
    };
    for (const auto& [name, when, means] : cases) {
        shutdown_signals signals;
        std::vector<meaning> heard;
        for (const auto each : when) heard.push_back(signals.next(shutdown_signals::clock::time_point{1h + each}));
        EXPECT_EQ(heard, means) << name;
    }
}

struct watched {
    std::array<std::uint64_t, 3> steps{};
    stall_watch::clock::time_point now{1h};
    stall_watch watch{3, 100ms, now};

    void look_after(std::chrono::milliseconds passed) {
        now += passed;
        watch.look(now, [this](std::size_t i) { return steps[i]; });
    }
};

TEST(stall_watch, finds_the_first_thread_that_has_got_nothing_done) {
    watched w;
    for (int i = 0; i < 9; ++i) {
        ++w.steps[0];
        ++w.steps[2];
        w.look_after(100ms);
    }
    EXPECT_EQ(w.watch.first_stalled(1s), 3u);
    w.look_after(100ms);
    EXPECT_EQ(w.watch.first_stalled(1s), 1u);
    EXPECT_EQ(w.watch.first_stalled(100ms), 0u);
    ++w.steps[1];
    w.look_after(100ms);
    EXPECT_EQ(w.watch.first_stalled(1s), 3u) << "it goes on";
}

TEST(stall_watch, a_slow_thread_has_not_stalled) {
    watched w;
    for (int i = 0; i < 100; ++i) {
        if (i % 9 == 0) ++w.steps[0], ++w.steps[1], ++w.steps[2];
        w.look_after(100ms);
        EXPECT_EQ(w.watch.first_stalled(1s), 3u) << i;
    }
}

TEST(stall_watch, a_machine_that_slept_has_not_stalled) {
    watched w;
    w.look_after(10h);
    EXPECT_EQ(w.watch.first_stalled(1s), 3u);
    w.look_after(800ms);
    EXPECT_EQ(w.watch.first_stalled(400ms), 0u) << "two periods for each look";
}

} // namespace
} // namespace carillon::lifecycle
