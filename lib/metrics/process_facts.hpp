#pragma once

#include <cstdint>
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
    std::string version = CARILLON_VERSION;
    std::string compiler = __VERSION__;
};

/// Asks the kernel (Linux: /proc/self, getrlimit, getrusage). `connections_limit` is the gateway's own. What cannot be
/// read stays 0. Before Linux 6.2 the open descriptors are counted one by one, which takes about a tenth of a second
/// for a million: not to be called on a shard's thread.
process_facts read_process_facts(std::uint64_t connections_limit);

} // namespace carillon::metrics
