#include "load/process_probe.hpp"

#include "load/proc_text.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <ctime>
#include <utility>

namespace carillon::load {
namespace {

error_code kernel_error(int number) { return {number, boost::system::system_category()}; }

result<std::chrono::nanoseconds> cpu_of(pid_t process) {
    clockid_t clock{};
    if (const int failed = clock_getcpuclockid(process, &clock); failed != 0) return kernel_error(failed);
    timespec spent{};
    // A process that has just ended is no longer a clock.
    if (clock_gettime(clock, &spent) != 0) return kernel_error(errno == EINVAL ? ESRCH : errno);
    return std::chrono::seconds{spent.tv_sec} + std::chrono::nanoseconds{spent.tv_nsec};
}

result<std::int64_t> resident_bytes_of(pid_t process) {
    const result<std::string> text = read_proc_file(fmt::format("/proc/{}/smaps_rollup", process));
    if (!text) return text.error() == kernel_error(ENOENT) ? kernel_error(ESRCH) : text.error();
    const auto bytes = rollup_resident_bytes(*text);
    if (!bytes) return kernel_error(ESRCH); // a process that is ending has no memory to list
    return *bytes;
}

} // namespace

process_probe::process_probe(std::vector<pid_t> processes) : processes_{std::move(processes)} {}

result<std::chrono::nanoseconds> process_probe::cpu() const {
    std::chrono::nanoseconds sum{};
    for (const pid_t process : processes_) {
        const auto spent = cpu_of(process);
        if (!spent) return spent.error();
        sum += *spent;
    }
    return sum;
}

result<std::int64_t> process_probe::resident_bytes() const {
    std::int64_t sum = 0;
    for (const pid_t process : processes_) {
        const auto bytes = resident_bytes_of(process);
        if (!bytes) return bytes.error();
        sum += *bytes;
    }
    return sum;
}

std::optional<std::string> process_probe::complaint() const {
    for (const pid_t process : processes_) {
        const auto spent = cpu_of(process);
        const auto bytes = resident_bytes_of(process);
        if (spent && bytes) continue;
        const error_code why = spent ? bytes.error() : spent.error();
        return fmt::format("process {} cannot be watched: {}", process, why.message());
    }
    return std::nullopt;
}

std::optional<std::int64_t> rollup_resident_bytes(std::string_view text) { return kibibytes_after(text, "Rss:"); }

} // namespace carillon::load
