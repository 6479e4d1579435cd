#include "load/latencies.hpp"

#include "base/check.hpp"

#include <algorithm>
#include <cmath>

namespace carillon::load {
namespace {

constexpr double shortest_ns = 1e3;
constexpr double longest_ns = 1e11;
// ln(longest / shortest) / ln(1.01), rounded up, so that a bin is not wider than 1 %.
constexpr std::size_t bins_count = 1852;
// In to_words, before the bins: count, sum and maximum.
constexpr std::size_t words_before_bins = 3;

std::chrono::nanoseconds as_length(double nanoseconds) { return std::chrono::nanoseconds{std::llround(nanoseconds)}; }

// Of lengths that are not negative. A server that repeats very old times could bring the sum to where it wraps.
std::chrono::nanoseconds saturating_sum(std::chrono::nanoseconds a, std::chrono::nanoseconds b) {
    return a > std::chrono::nanoseconds::max() - b ? std::chrono::nanoseconds::max() : a + b;
}

} // namespace

latencies::latencies() : counts_{axis{static_cast<unsigned>(bins_count), shortest_ns, longest_ns}} {}

void latencies::record(std::chrono::nanoseconds length) {
    length = std::max(length, std::chrono::nanoseconds::zero());
    const int found = counts_.axis().index(static_cast<double>(length.count()));
    ++counts_.at(std::clamp(found, 0, static_cast<int>(bins_count) - 1));
    ++count_;
    sum_ = saturating_sum(sum_, length);
    max_ = std::max(max_, length);
}

void latencies::add(const latencies& other) {
    // Not "counts_ += other.counts_": g++ 12 warns of Boost's own code there once it is instrumented.
    for (int i = 0; i < static_cast<int>(bins_count); ++i) counts_.at(i) += other.counts_.at(i);
    count_ += other.count_;
    sum_ = saturating_sum(sum_, other.sum_);
    max_ = std::max(max_, other.max_);
}

std::chrono::nanoseconds latencies::mean() const noexcept {
    return count_ == 0 ? std::chrono::nanoseconds{} : sum_ / static_cast<std::int64_t>(count_);
}

std::chrono::nanoseconds latencies::percentile(double share) const {
    if (count_ == 0) return {};
    const double wanted = std::ceil(std::clamp(share, 0.0, 1.0) * static_cast<double>(count_));
    const auto rank = std::clamp(static_cast<std::uint64_t>(wanted), std::uint64_t{1}, count_);
    std::uint64_t seen = 0;
    for (int i = 0; i < static_cast<int>(bins_count); ++i) {
        seen += counts_.at(i);
        // The last bin holds whatever was longer, so its end says nothing.
        const bool last = i + 1 == static_cast<int>(bins_count);
        if (seen >= rank) return last ? max_ : std::min(max_, as_length(counts_.axis().value(i + 1)));
    }
    CHECK(false); // the bins hold count_ events
}

std::vector<latencies::bin> latencies::bins() const {
    std::vector<bin> found;
    for (int i = 0; i < static_cast<int>(bins_count); ++i) {
        const std::uint64_t count = counts_.at(i);
        if (count == 0) continue;
        found.push_back({as_length(counts_.axis().value(i)), as_length(counts_.axis().value(i + 1)), count});
    }
    return found;
}

std::size_t latencies::words_count() { return words_before_bins + bins_count; }

std::vector<std::uint64_t> latencies::to_words() const {
    std::vector<std::uint64_t> words{count_, static_cast<std::uint64_t>(sum_.count()),
                                     static_cast<std::uint64_t>(max_.count())};
    words.reserve(words_count());
    for (int i = 0; i < static_cast<int>(bins_count); ++i) words.push_back(counts_.at(i));
    return words;
}

latencies latencies::from_words(std::span<const std::uint64_t> words) {
    CHECK(words.size() == words_count());
    latencies made;
    made.count_ = words[0];
    made.sum_ = std::chrono::nanoseconds{static_cast<std::int64_t>(words[1])};
    made.max_ = std::chrono::nanoseconds{static_cast<std::int64_t>(words[2])};
    for (std::size_t i = 0; i < bins_count; ++i) made.counts_.at(static_cast<int>(i)) = words[words_before_bins + i];
    return made;
}

} // namespace carillon::load
