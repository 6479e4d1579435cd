#pragma once

#include "metrics/histogram.hpp"
#include "metrics/labelled.hpp"

#include <boost/describe/enum.hpp>

#include <cstdint>
#include <optional>
#include <string>

namespace carillon::metrics {

/// How a request to the application ended: with an answer whose status is 200 to 299, with another one, or why there
/// was none (outward::error's own names).
BOOST_DEFINE_FIXED_ENUM_CLASS(outward_outcome, std::uint8_t, ok, refused, busy, broken, timed_out, unreachable,
                              untrusted, lost, malformed, too_big, stopped)

/// Events for the application since the start, and those that wait now.
struct event_counts {
    std::uint64_t told = 0;
    std::uint64_t dropped = 0;
    std::uint64_t waiting = 0;
};

/// What has been asked of one target since the start, and how it is now.
struct outward_facts {
    std::string target; ///< its name
    by<outward_outcome> requests{};
    duration_histogram durations{};       ///< of those that were taken, from asking to the end
    std::uint64_t connects = 0;           ///< connections made
    std::uint64_t connections = 0;        ///< open now
    std::uint64_t in_flight = 0;          ///< requests on a connection now
    std::uint64_t waiting = 0;            ///< for one
    bool broken = false;                  ///< it is left alone now, or tried by one request
    std::optional<event_counts> events{}; ///< none: it is told of none
};

} // namespace carillon::metrics
