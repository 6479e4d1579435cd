#pragma once

#include "base/result.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

namespace carillon::load {

/// Watches other processes of this machine: what they have spent of the CPU and how much memory they hold. Errors are
/// the kernel's: ESRCH where a process has ended, EACCES or EPERM where it is not ours to look at.
class process_probe {
public:
    explicit process_probe(std::vector<pid_t> processes);

    const std::vector<pid_t>& processes() const noexcept { return processes_; }

    /// CPU time of all of them together since they began, user and system, with all their threads
    /// (clock_getcpuclockid); children that are not in the list do not count.
    result<std::chrono::nanoseconds> cpu() const;

    /// Resident memory of all of them together (/proc/PID/smaps_rollup, which is exact, unlike statm). Pages that two
    /// of them share count twice. Takes milliseconds for a process with much memory.
    result<std::int64_t> resident_bytes() const;

    /// The first process that cannot be watched, and why, as one sentence; empty when all can be.
    std::optional<std::string> complaint() const;

private:
    std::vector<pid_t> processes_;
};

/// The resident bytes that the text of a smaps_rollup file tells (its "Rss:"); empty when it does not. Pure.
std::optional<std::int64_t> rollup_resident_bytes(std::string_view text);

} // namespace carillon::load
