#pragma once

#include "load/outcome.hpp"

#include <optional>
#include <string_view>
#include <vector>

namespace carillon::load {

/// One kind of event of an outcome, with its name. Valid as long as the outcome.
struct named_events {
    std::string_view name; ///< the member's: "handshakes", "round_trips", ...
    const event_figures& figures;
};

/// The kinds that the outcome has, in the order of its members.
std::vector<named_events> events_of(const outcome& of);

/// The kind that the scene was about, whose latencies are drawn: the first that has any of deliveries, round trips,
/// publishes, handshakes, holding. Empty when none has.
std::optional<named_events> main_events(const outcome& of);

/// Counted events per second; empty when the time is not known.
std::optional<double> per_second(const event_figures& of);

/// The server's CPU time for one counted event; empty when it was not measured or there was none.
std::optional<std::chrono::nanoseconds> server_cpu_each(const event_figures& of);

/// What one connection more costs, in bytes.
struct connection_bytes {
    double resident; ///< in the server's processes
    double kernel;   ///< slab and TCP buffers; of both ends when the load generator is on the same machine
};

/// The slope between the two counts of connections; empty when they are the same.
std::optional<connection_bytes> bytes_per_connection(const memory_figures& of);

} // namespace carillon::load
