#pragma once

#include "load/latencies.hpp"
#include "load/parameter.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace carillon::load {

/// What a scene has found out about one kind of event (handshakes, deliveries, round trips).
struct event_figures {
    std::uint64_t expected = 0;        ///< how many there should have been; 0: not known beforehand
    std::uint64_t counted = 0;         ///< how many there were
    std::uint64_t failed = 0;          ///< handshakes refused or broken off; 0 for the others
    std::chrono::nanoseconds length{}; ///< from the first to the last, for the rate
    std::optional<std::chrono::nanoseconds>
        server_cpu;    ///< of the server's processes meanwhile; absent: no --server-pid
    latencies latency; ///< from the moment at which the event was due, so without coordinated omission; may be empty
};

/// Memory of the server's processes and of the kernel, at two counts of connections.
struct memory_figures {
    std::uint64_t from_connections = 0;
    std::uint64_t to_connections = 0;
    std::int64_t resident_bytes_from = 0; ///< RSS of the server's processes
    std::int64_t resident_bytes_to = 0;
    std::int64_t kernel_slab_bytes_from = 0; ///< of all processes: the load generator's ends of the sockets are in it
    std::int64_t kernel_slab_bytes_to = 0;
    std::int64_t socket_bytes_from = 0; ///< TCP buffers (/proc/net/sockstat)
    std::int64_t socket_bytes_to = 0;
    bool kernel_is_exact = true; ///< from /proc/slabinfo, which only root may read; else whole pages
};

/// All that one run of a scene has to say. What a scene does not measure is absent.
struct outcome {
    std::string scene;
    std::string target;                ///< the URL
    std::string began;                 ///< UTC, ISO 8601
    std::vector<parameter> parameters; ///< in order

    std::optional<event_figures> handshakes; ///< from connect() until subscribed
    std::optional<event_figures> publishes;  ///< counted when acknowledged by the server
    std::optional<event_figures> deliveries;
    std::optional<event_figures> round_trips;
    std::optional<event_figures> holding; ///< time with nothing but pings; `counted` pings answered
    std::optional<memory_figures> memory;

    std::string trouble;      ///< why the run failed; then the figures are what there was until then
    bool interrupted = false; ///< by the user; the same

    std::uint64_t lost = 0;       ///< deliveries that never came, those of the warm-up among them
    std::uint64_t duplicated = 0; ///< deliveries that came more than once
    std::uint64_t disordered = 0; ///< deliveries that came after a later one
    std::uint64_t dropped = 0;    ///< connections that ended and should not have
    std::string dropped_why;      ///< of one of them

    std::chrono::nanoseconds load_generator_cpu{}; ///< of all its processes, over the whole run
    std::chrono::nanoseconds length{};             ///< of the whole run
};

} // namespace carillon::load
