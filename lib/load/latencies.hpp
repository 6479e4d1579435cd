#pragma once

#include <boost/histogram/axis/regular.hpp>
#include <boost/histogram/histogram.hpp>
#include <boost/histogram/storage_adaptor.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <tuple>
#include <vector>

namespace carillon::load {

/// How long events took: a histogram with bins that are 1 % wide, from 1 µs to 100 s, with the exact count, sum and
/// maximum beside it (a sum of more than 292 years stays there). What is shorter or longer counts in the first or the
/// last bin. Thread: one at a time.
class latencies {
public:
    latencies();

    void record(std::chrono::nanoseconds length);
    void add(const latencies& other);

    std::uint64_t count() const noexcept { return count_; }
    std::chrono::nanoseconds mean() const noexcept; ///< 0 when empty
    std::chrono::nanoseconds max() const noexcept { return max_; }
    /// The length that `share` (0 to 1) of the events did not exceed, rounded up to the end of its bin and never above
    /// max(); 0 when empty.
    std::chrono::nanoseconds percentile(double share) const;

    struct bin {
        std::chrono::nanoseconds from;
        std::chrono::nanoseconds to;
        std::uint64_t count;
    };
    /// The bins that are not empty, in order.
    std::vector<bin> bins() const;

    /// All of it as numbers, and back: for passing it from one process to another. `from_words` wants exactly
    /// `words_count` of them.
    static std::size_t words_count();
    std::vector<std::uint64_t> to_words() const;
    static latencies from_words(std::span<const std::uint64_t> words);

private:
    using axis = boost::histogram::axis::regular<double, boost::histogram::axis::transform::log>;
    using histogram = boost::histogram::histogram<std::tuple<axis>, boost::histogram::dense_storage<std::uint64_t>>;

    histogram counts_;
    std::uint64_t count_ = 0;
    std::chrono::nanoseconds sum_{};
    std::chrono::nanoseconds max_{};
};

} // namespace carillon::load
