#include "load/latencies.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

namespace carillon::load {
namespace {

using namespace std::chrono_literals;

TEST(report_latencies, empty_ones_are_zero_everywhere) {
    const latencies none;
    EXPECT_EQ(none.count(), 0u);
    EXPECT_EQ(none.mean(), 0ns);
    EXPECT_EQ(none.max(), 0ns);
    EXPECT_EQ(none.percentile(0.99), 0ns);
    EXPECT_TRUE(none.bins().empty());
}

TEST(report_latencies, percentiles_are_those_of_the_sorted_lengths_within_one_bin) {
    std::mt19937_64 random{1};
    std::lognormal_distribution<double> lengths{11, 2}; // around 60 us, with a long tail
    latencies kept;
    std::vector<std::int64_t> sorted;
    for (int i = 0; i < 20'000; ++i) {
        const auto length = std::clamp<std::int64_t>(std::llround(lengths(random)), 1'000, 100'000'000'000);
        kept.record(std::chrono::nanoseconds{length});
        sorted.push_back(length);
    }
    std::sort(sorted.begin(), sorted.end());
    for (const double share : {0.001, 0.1, 0.5, 0.9, 0.99, 0.999, 1.0}) {
        const auto rank = static_cast<std::size_t>(std::ceil(share * 20'000));
        const auto exact = static_cast<double>(sorted[rank - 1]);
        const auto told = static_cast<double>(kept.percentile(share).count());
        EXPECT_GE(told, exact - 1) << share; // the edge of a bin is rounded to a whole nanosecond
        EXPECT_LE(told, exact * 1.01 + 1) << share;
    }
    EXPECT_EQ(kept.max().count(), sorted.back());
    EXPECT_EQ(kept.percentile(1), kept.max());
}

TEST(report_latencies, one_event_is_every_percentile) {
    latencies kept;
    kept.record(123'456ns);
    EXPECT_EQ(kept.percentile(0), 123'456ns); // the end of the bin is longer, the maximum is known better
    EXPECT_EQ(kept.percentile(0.5), 123'456ns);
    EXPECT_EQ(kept.mean(), 123'456ns);
}

TEST(report_latencies, what_is_shorter_or_longer_counts_in_the_first_or_the_last_bin) {
    latencies kept;
    for (const auto length : {-5ns, 0ns, 999ns, 1'000ns}) kept.record(length);
    for (const std::chrono::nanoseconds length : {std::chrono::nanoseconds{100s}, std::chrono::nanoseconds{1h}})
        kept.record(length);
    const auto bins = kept.bins();
    ASSERT_EQ(bins.size(), 2u);
    EXPECT_EQ(bins[0].from, 1us);
    EXPECT_EQ(bins[0].count, 4u);
    EXPECT_EQ(bins[1].to, 100s);
    EXPECT_EQ(bins[1].count, 2u);
    EXPECT_EQ(kept.max(), 1h);
    EXPECT_EQ(kept.percentile(0.99), 1h);
    EXPECT_EQ(kept.mean(), (1'999ns + 100s + 1h) / 6);
}

TEST(report_latencies, a_sum_that_no_number_holds_stays_the_longest_there_is) {
    latencies kept;
    for (int i = 0; i < 3; ++i) kept.record(std::chrono::nanoseconds::max());
    EXPECT_EQ(kept.mean(), std::chrono::nanoseconds::max() / 3);
    latencies both = kept;
    both.add(kept);
    EXPECT_EQ(both.mean(), std::chrono::nanoseconds::max() / 6);
    EXPECT_EQ(both.count(), 6u);
}

TEST(report_latencies, bins_are_at_most_one_percent_wide) {
    latencies kept;
    for (double length = 1e3; length < 1e11; length *= 1.005)
        kept.record(std::chrono::nanoseconds{std::llround(length)});
    const auto bins = kept.bins();
    EXPECT_EQ(bins.size(), 1852u);
    for (const auto& bin : bins) {
        const double width = static_cast<double>((bin.to - bin.from).count());
        EXPECT_LE(width, 0.01 * static_cast<double>(bin.from.count()) + 1);
    }
    for (std::size_t i = 1; i < bins.size(); ++i) EXPECT_EQ(bins[i].from, bins[i - 1].to);
}

TEST(report_latencies, added_ones_are_as_if_recorded_together) {
    latencies all, even, odd;
    for (int i = 1; i <= 1'000; ++i) {
        const std::chrono::nanoseconds length = 7us * i;
        all.record(length);
        (i % 2 == 0 ? even : odd).record(length);
    }
    even.add(odd);
    EXPECT_EQ(even.to_words(), all.to_words());
    EXPECT_EQ(even.max(), 7ms);
}

TEST(report_latencies, words_carry_all_of_it) {
    latencies kept;
    for (int i = 0; i < 100; ++i) kept.record(std::chrono::microseconds{i * i});
    const auto words = kept.to_words();
    ASSERT_EQ(words.size(), latencies::words_count());
    const auto back = latencies::from_words(words);
    EXPECT_EQ(back.to_words(), words);
    EXPECT_EQ(back.count(), 100u);
    EXPECT_EQ(back.mean(), kept.mean());
    EXPECT_EQ(back.max(), kept.max());
    EXPECT_EQ(back.percentile(0.9), kept.percentile(0.9));
}

TEST(report_latencies, too_few_words_are_a_bug) {
    auto words = latencies{}.to_words();
    words.pop_back();
    EXPECT_DEATH(latencies::from_words(words), "words_count");
}

} // namespace
} // namespace carillon::load
