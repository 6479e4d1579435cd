#include "metrics/expose.hpp"
#include "metrics/exposition_reader.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <optional>

namespace carillon::metrics {
namespace {

using namespace std::chrono_literals;

TEST(duration_histogram, the_bounds_grow) {
    const auto& bounds = duration_histogram::bounds;
    EXPECT_TRUE(std::is_sorted(bounds.begin(), bounds.end()));
    EXPECT_EQ(std::adjacent_find(bounds.begin(), bounds.end()), bounds.end());
}

struct bucket_case {
    const char* name;
    std::chrono::nanoseconds duration;
    std::size_t bucket;
};

TEST(duration_histogram, a_duration_falls_into_the_first_bucket_that_holds_it) {
    const auto last = duration_histogram::bounds.size();
    const bucket_case cases[] = {
        {"nothing", 0ns, 0},
        {"a clock set back counts as nothing", -5s, 0},
        {"a bound belongs to its own bucket", 50us, 0},
        {"just above a bound", 50us + 1ns, 1},
        {"one millisecond", 1ms, 4},
        {"the last bound", 10s, last - 1},
        {"above the last bound", 10s + 1ns, last},
        {"the longest duration", std::chrono::nanoseconds::max(), last},
    };
    for (const auto& [name, duration, bucket] : cases) {
        duration_histogram histogram;
        histogram.observe(duration);
        for (std::size_t index = 0; index <= last; ++index)
            EXPECT_EQ(histogram.counts()[index], index == bucket ? 1u : 0u) << name << ", bucket " << index;
        EXPECT_GE(histogram.sum_seconds(), 0) << name;
    }
}

TEST(duration_histogram, a_series_is_counted_as_its_durations_are_one_by_one) {
    struct series_case {
        const char* name;
        std::chrono::nanoseconds first, step;
        std::uint64_t count;
    };
    const series_case cases[] = {
        {"none", 1s, 50ms, 0},
        {"one in time", 20us, 50ms, 1},
        {"one of a clock set back", -1s, 50ms, 1},
        {"one late by just a tick, and one by nothing", 50ms, 50ms, 2},
        {"each tick of a stall of sixteen seconds", 16s, 50ms, 321},
        {"a stall on a bound", 10s, 50ms, 201},
        {"steps finer than the buckets", 300us, 1us, 301},
        {"steps coarser than the buckets", 16s, 3s, 6},
        {"fewer than there could be", 16s, 50ms, 7},
        {"some below zero", 1ms, 400us, 5},
    };
    for (const auto& [name, first, step, count] : cases) {
        duration_histogram series, one_by_one;
        series.observe_series(first, step, count);
        for (std::uint64_t i = 0; i < count; ++i) one_by_one.observe(first - i * step);
        EXPECT_EQ(series.counts(), one_by_one.counts()) << name;
        EXPECT_DOUBLE_EQ(series.sum_seconds(), one_by_one.sum_seconds()) << name;
    }
    duration_histogram hour;
    hour.observe_series(1h, 50ms, 72'001);
    EXPECT_DOUBLE_EQ(hour.sum_seconds(), 72'001 * 1800.0);
}

TEST(duration_histogram, the_exposition_cumulates_the_buckets) {
    std::optional<shard_counters> answer{std::in_place};
    shard_counters& shard = *answer;
    for (const auto late : {20us, 60us, 2000us, 2000us}) shard.shard_loop_lag.observe(late);
    shard.shard_loop_lag.observe(20s);
    const auto read = testing::read_exposition(expose({&answer, 1}, {}));
    ASSERT_EQ(read.problem, "");
    const std::string name = "carillon_shard_loop_lag_seconds";
    EXPECT_EQ(read.value(name + "_bucket", {{"shard", "0"}, {"le", "0.0001"}}), 2);
    EXPECT_EQ(read.value(name + "_bucket", {{"shard", "0"}, {"le", "0.0025"}}), 4);
    EXPECT_EQ(read.value(name + "_bucket", {{"shard", "0"}, {"le", "10"}}), 4);
    EXPECT_EQ(read.value(name + "_bucket", {{"shard", "0"}, {"le", "+Inf"}}), 5);
    EXPECT_EQ(read.value(name + "_count", {{"shard", "0"}}), 5);
    EXPECT_NEAR(read.value(name + "_sum", {{"shard", "0"}}).value_or(0), 20.00408, 1e-9);

    double before = 0;
    for (const auto& sample : read.families.at(name).samples) {
        if (sample.name != name + "_bucket") continue;
        EXPECT_GE(sample.value, before);
        before = sample.value;
    }
}

} // namespace
} // namespace carillon::metrics
