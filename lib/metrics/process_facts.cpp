#include "metrics/process_facts.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string_view>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

namespace carillon::metrics {
namespace {

std::uint64_t resident_memory_bytes() {
    std::ifstream file{"/proc/self/statm"};
    std::uint64_t total_pages = 0, resident_pages = 0;
    file >> total_pages >> resident_pages;
    return file ? resident_pages * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE)) : 0;
}

/// The size of this directory is the number of its entries, since Linux 6.2.
std::uint64_t open_fds() {
    struct stat directory {};
    return stat("/proc/self/fd", &directory) == 0 ? static_cast<std::uint64_t>(directory.st_size) : 0;
}

std::uint64_t fds_max() {
    rlimit limit{};
    return getrlimit(RLIMIT_NOFILE, &limit) == 0 ? std::uint64_t{limit.rlim_cur} : 0;
}

/// The kernel's boot time, in seconds since 1970 (proc(5), /proc/stat).
std::uint64_t boot_time() {
    std::ifstream file{"/proc/stat"};
    std::string word;
    std::uint64_t seconds = 0;
    while (file >> word)
        if (word == "btime" && file >> seconds) return seconds;
    return 0;
}

/// Start of the process in clock ticks since boot: field 22 of /proc/self/stat.
std::uint64_t start_ticks() {
    std::ifstream file{"/proc/self/stat"};
    std::string line;
    std::getline(file, line);
    // Field 2 is the program's name in parentheses, which may itself hold spaces and parentheses.
    const auto name_end = line.rfind(')');
    if (name_end == std::string::npos) return 0;
    std::istringstream fields{line.substr(name_end + 1)};
    std::string skipped;
    for (int field = 3; field < 22; ++field) fields >> skipped;
    std::uint64_t ticks = 0;
    fields >> ticks;
    return fields ? ticks : 0;
}

double start_time_seconds() {
    const auto boot = boot_time();
    const auto ticks = start_ticks();
    if (boot == 0 || ticks == 0) return 0;
    return static_cast<double>(boot) + static_cast<double>(ticks) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

double seconds(const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

double cpu_seconds() {
    rusage usage{};
    return getrusage(RUSAGE_SELF, &usage) == 0 ? seconds(usage.ru_utime) + seconds(usage.ru_stime) : 0;
}

} // namespace

std::uint64_t count_open_fds() {
    std::error_code failed;
    std::uint64_t count = 0;
    for (std::filesystem::directory_iterator entry{"/proc/self/fd", failed}, end; !failed && entry != end;
         entry.increment(failed))
        ++count;
    return failed || count == 0 ? 0 : count - 1; // without the one that reads the directory
}

process_facts read_process_facts(std::uint64_t connections_limit, std::uint64_t counted_fds) {
    process_facts facts;
    facts.resident_memory_bytes = resident_memory_bytes();
    facts.open_fds = open_fds();
    if (facts.open_fds == 0) facts.open_fds = counted_fds;
    facts.fds_max = fds_max();
    facts.start_time_seconds = start_time_seconds();
    facts.cpu_seconds = cpu_seconds();
    facts.connections_limit = connections_limit;
    return facts;
}

} // namespace carillon::metrics
