#pragma once

#include "metrics/labelled.hpp"
#include "metrics/labels.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace carillon::metrics {

/// What is true of the whole process. A number that is 0 is not known, and its metric is left out.
struct process_facts {
    std::uint64_t resident_memory_bytes = 0;
    std::uint64_t open_fds = 0;
    std::uint64_t fds_max = 0;     // the soft limit, RLIMIT_NOFILE
    double start_time_seconds = 0; // since 1970
    double cpu_seconds = 0;        // user and system
    std::uint64_t connections_limit = 0;
    std::uint64_t log_lines_dropped = 0; // whoever asks for the rest fills this in; 0 is known
    std::uint64_t reloads_done = 0;      // 0 is known, here as below
    std::uint64_t reloads_refused = 0;
    // Of clients that are sent away; 0 is known, and usual.
    std::uint64_t drain_clients_left = 0;
    double drain_closes_per_second = 0;
    double drain_seconds_left = 0;
    // Of the cgroup, where it is watched; and of who may come in, 0 is known.
    std::uint64_t memory_used_bytes = 0;
    std::uint64_t memory_limit_bytes = 0;
    std::uint64_t addresses = 0;
    std::uint64_t addresses_uncounted = 0;
    std::optional<by<tls_handshake>> control_tls_handshakes{}; // none: the control port speaks no TLS
    std::string version = CARILLON_VERSION;
    std::string compiler = __VERSION__;
};

/// Asks the kernel (Linux: /proc/self, getrlimit, getrusage). `connections_limit` is the gateway's own. What cannot be
/// read stays 0. Before Linux 6.2 the kernel does not say how many descriptors are open, and to walk over all of them
/// takes a second and 90 MB of the kernel's memory for 100,000: then it is `counted_fds`, what the gateway
/// itself knows.
process_facts read_process_facts(std::uint64_t connections_limit, std::uint64_t counted_fds);

/// Counts the open descriptors one by one. For a start, when there are few.
std::uint64_t count_open_fds();

} // namespace carillon::metrics
