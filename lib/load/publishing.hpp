#pragma once

#include "load/options.hpp"
#include "load/publisher.hpp"

#include <cstdint>
#include <functional>
#include <string>

namespace carillon::load {

/// A stretch of publishing: an open loop at `what.rate`, or, where that is 0, one that publishes as soon as it may.
struct publishing_plan {
    const options& what;
    std::uint32_t run = 0; ///< what the messages say they belong to
    std::chrono::nanoseconds length{};
    std::function<std::uint32_t()> pick; ///< the number of the next channel
    std::function<std::uint64_t(std::uint32_t channel)> next_sequence;
    std::function<bool(double share)> go_on; ///< called every now and then; false ends it
};

/// How it went.
struct publishing_result {
    std::uint64_t published = 0;
    std::string trouble; ///< why it ended early, unless `go_on` wanted it
};

/// Publishes, and waits for the answers to all of it.
publishing_result publish(publisher& to, const publishing_plan& plan);

} // namespace carillon::load
