#include "load/program.hpp"

#include "base/standard_streams.hpp"
#include "load/interrupt.hpp"
#include "load/json.hpp"
#include "load/options.hpp"
#include "load/process_probe.hpp"
#include "load/stage.hpp"
#include "load/svg.hpp"
#include "load/table.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <memory>
#include <random>
#include <sched.h>
#include <string>
#include <string_view>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <system_error>
#include <unistd.h>

namespace carillon::load {
namespace {

enum exit_code : int { well = 0, failed = 1, misused = 2, imperfect = 3, interrupted_early = 130 };

constexpr unsigned long timer_slack_ns = 1000; // the default of 50 µs would make publications late

int complain(int code, std::string_view why) {
    // A part of it may be a server's words, and a terminal obeys control characters.
    std::string line{why};
    std::ranges::replace_if(line, [](unsigned char c) { return c < ' ' || c >= 0x7f; }, '?');
    fmt::print(stderr, "carillon-bench: {}\n", line);
    return code;
}

// As many open files as allowed; it says how many.
std::uint64_t raise_descriptor_limit() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1024;
    limit.rlim_cur = limit.rlim_max;
    if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) ::getrlimit(RLIMIT_NOFILE, &limit);
    return limit.rlim_cur;
}

bool keep_to(const std::vector<int>& cpus) {
    if (cpus.empty()) return true;
    cpu_set_t set;
    CPU_ZERO(&set);
    for (const int cpu : cpus) CPU_SET(static_cast<std::size_t>(cpu), &set);
    return ::sched_setaffinity(0, sizeof set, &set) == 0;
}

struct close_file {
    void operator()(std::FILE* file) const noexcept { std::fclose(file); }
};
using file = std::unique_ptr<std::FILE, close_file>;

// Opened before the run, so that its result has somewhere to go; what is there stays until there is a result. Null with
// errno set when it cannot be.
file open_for(const std::string& path) {
    if (path.empty()) return nullptr;
    return file{path == "-" ? ::fdopen(::dup(STDOUT_FILENO), "w") : std::fopen(path.c_str(), "a")};
}

bool write(std::FILE* to, const std::string& text) {
    return std::fwrite(text.data(), 1, text.size(), to) == text.size() && std::fflush(to) == 0;
}

bool replace(std::FILE* to, const std::string& text) {
    // What is no file, such as a pipe, has nothing to be replaced.
    if (to != nullptr && ::ftruncate(::fileno(to), 0) != 0 && errno != EINVAL) return false;
    return to == nullptr || write(to, text);
}

std::chrono::nanoseconds cpu_of(int who) {
    rusage spent{};
    ::getrusage(who, &spent);
    const auto length = [](const timeval& time) {
        return std::chrono::seconds{time.tv_sec} + std::chrono::microseconds{time.tv_usec};
    };
    return length(spent.ru_utime) + length(spent.ru_stime);
}

run_result run(const options& what, const endpoint& where) {
    progress shown{stderr, !what.quiet && ::isatty(STDERR_FILENO) == 1};
    const auto began = std::chrono::system_clock::now();
    std::random_device random;
    run_result result = stage{what, where, random() & ~1u, shown}.play();
    outcome& told = result.outcome;
    told.trouble = result.trouble;
    told.interrupted = result.interrupted;
    told.target = what.target.scheme + "://" + what.target.authority() + what.target.target;
    told.began = fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", std::chrono::floor<std::chrono::seconds>(began));
    told.load_generator_cpu = cpu_of(RUSAGE_SELF) + cpu_of(RUSAGE_CHILDREN);
    return result;
}

bool is_perfect(const outcome& told) {
    return told.lost == 0 && told.duplicated == 0 && told.disordered == 0 && told.dropped == 0;
}

} // namespace

int run_program(int argc, const char* const* argv) {
    keep_standard_streams();
    const parsed_options parsed = parse_options(argc, argv, raise_descriptor_limit());
    if (!parsed.value) {
        std::FILE* const to = parsed.exit_code == well ? stdout : stderr;
        return write(to, parsed.text + "\n") ? parsed.exit_code : failed;
    }
    const options& what = *parsed.value;
    if (const auto wrong = process_probe{what.server_pids}.complaint()) return complain(misused, *wrong);
    if (!keep_to(what.cpus)) return complain(misused, "--cpus: " + last_error().message());
    const file json = open_for(what.json);
    if (!json && !what.json.empty()) return complain(misused, what.json + ": " + last_error().message());
    const file svg = open_for(what.svg);
    if (!svg && !what.svg.empty()) return complain(misused, what.svg + ": " + last_error().message());
    const resolved where = resolve(what.target);
    if (!where.trouble.empty()) return complain(failed, where.trouble);

    catch_interrupts();
    ::prctl(PR_SET_TIMERSLACK, timer_slack_ns);
    run_result result;
    try {
        result = run(what, where.where);
    } catch (const std::system_error& problem) { return complain(failed, problem.what()); }
    bool written = true;
    if (result.has_figures) {
        written &= replace(json.get(), as_json(result.outcome) + "\n");
        written &= replace(svg.get(), as_svg(result.outcome));
        if (!what.quiet && what.json != "-" && what.svg != "-") written &= write(stdout, as_table(result.outcome));
    }
    if (!result.trouble.empty()) return complain(failed, result.trouble);
    if (!written) return complain(failed, "the result could not be written: " + last_error().message());
    if (result.interrupted) return interrupted_early;
    return is_perfect(result.outcome) ? well : imperfect;
}

} // namespace carillon::load
