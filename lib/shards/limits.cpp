#include "shards/limits.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <fstream>
#include <iterator>
#include <pthread.h>
#include <sched.h>
#include <string_view>
#include <sys/resource.h>
#include <thread>

namespace carillon::shards {

namespace {

// Log files, the libraries' own descriptors, a debugger's pipe.
constexpr std::size_t spare_descriptors = 64;
// io_context, epoll set, timer, eventfd and two listeners, with a little room.
constexpr std::size_t descriptors_per_shard = 12;

std::string file_text(const std::string& path) {
    std::ifstream file{path};
    return {std::istreambuf_iterator<char>{file}, {}};
}

long long number_in(std::string_view text) {
    const std::size_t start = text.find_first_not_of(" \n");
    if (start == std::string_view::npos) return -1;
    text.remove_prefix(start);
    long long value = -1;
    const auto [end, why] = std::from_chars(text.data(), text.data() + text.size(), value);
    return why == std::errc{} && end != text.data() ? value : -1;
}

std::size_t cores_for(long long quota, long long period) {
    if (quota <= 0 || period <= 0) return 0;
    return static_cast<std::size_t>((quota + period - 1) / period);
}

enum class hierarchy : std::uint8_t { v1, v2 };

// Whether "cpu,cpuacct" has "cpu" in it.
bool names_cpu(std::string_view controllers) {
    while (!controllers.empty()) {
        const std::string_view name = controllers.substr(0, controllers.find(','));
        if (name == "cpu") return true;
        controllers.remove_prefix(std::min(controllers.size(), name.size() + 1));
    }
    return false;
}

// Of two limits the one that counts; 0 is none.
std::size_t fewer(std::size_t one, std::size_t other) {
    return one == 0 || other == 0 ? one + other : std::min(one, other);
}

// The limit of one cgroup, by its path; "" is the root.
template <class Read>
std::size_t cores_at(hierarchy kind, const std::string& path, const Read& read) {
    if (kind == hierarchy::v1) {
        const std::string folder = "/sys/fs/cgroup/cpu" + path;
        return cores_for(number_in(read(folder + "/cpu.cfs_quota_us")), number_in(read(folder + "/cpu.cfs_period_us")));
    }
    const std::string text = read("/sys/fs/cgroup" + path + "/cpu.max");
    const std::size_t space = text.find(' ');
    return space == text.npos ? 0 : cores_for(number_in(text), number_in(std::string_view{text}.substr(space)));
}

} // namespace

std::size_t cores_of_cgroups(const std::function<std::string(const std::string& path)>& read) {
    std::size_t cores = 0;
    std::string lines = read("/proc/self/cgroup");
    if (lines.empty()) lines = "0::/"; // no such file, but perhaps a cgroup
    for (std::string_view rest = lines; !rest.empty();) {
        const std::string_view line = rest.substr(0, rest.find('\n'));
        rest.remove_prefix(std::min(rest.size(), line.size() + 1));
        const std::size_t first = line.find(':'), second = line.find(':', first + 1);
        if (first == line.npos || second == line.npos) continue;
        const std::string_view controllers = line.substr(first + 1, second - first - 1);
        if (!controllers.empty() && !names_cpu(controllers)) continue;
        const hierarchy kind = controllers.empty() ? hierarchy::v2 : hierarchy::v1;
        // A container sees its own cgroup as the root of all, or has the path that it has outside.
        std::string path{line.substr(second + 1)};
        for (;;) {
            cores = fewer(cores, cores_at(kind, path, read));
            if (path.empty()) break;
            path.resize(path.find_last_of('/') == path.npos ? 0 : path.find_last_of('/'));
        }
    }
    return cores;
}

std::vector<int> allowed_processors() {
    cpu_set_t allowed;
    CPU_ZERO(&allowed);
    std::vector<int> numbers;
    if (::sched_getaffinity(0, sizeof allowed, &allowed) != 0) return numbers; // more than CPU_SETSIZE of them
    for (std::size_t i = 0; i < CPU_SETSIZE; ++i) {
        if (CPU_ISSET(i, &allowed)) numbers.push_back(static_cast<int>(i));
    }
    return numbers;
}

error_code pin_this_thread(int processor) noexcept {
    cpu_set_t only;
    CPU_ZERO(&only);
    if (processor < 0 || processor >= CPU_SETSIZE) return {EINVAL, boost::system::system_category()};
    CPU_SET(static_cast<std::size_t>(processor), &only);
    return {::pthread_setaffinity_np(::pthread_self(), sizeof only, &only), boost::system::system_category()};
}

std::size_t allowed_cores() {
    std::size_t cores = allowed_processors().size();
    if (cores == 0) cores = std::thread::hardware_concurrency();
    const std::size_t quota = cores_of_cgroups(file_text);
    if (quota > 0) cores = std::min(cores, quota);
    return std::max<std::size_t>(cores, 1);
}

std::size_t raise_descriptor_limit() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1024;
    if (limit.rlim_cur < limit.rlim_max) {
        const rlimit raised{limit.rlim_max, limit.rlim_max};
        if (::setrlimit(RLIMIT_NOFILE, &raised) == 0) limit = raised;
    }
    return static_cast<std::size_t>(limit.rlim_cur);
}

std::size_t control_connections_for(std::size_t descriptors, std::size_t wanted) {
    return std::min(wanted, std::max<std::size_t>(1, descriptors / 16));
}

std::size_t farewells_for(std::size_t descriptors, std::size_t shards, std::size_t wanted) {
    return std::min(wanted, std::max<std::size_t>(1, descriptors / 32 / (doors_of_shard * shards)));
}

std::size_t connections_for(std::size_t descriptors, std::size_t shards, std::size_t others) {
    const std::size_t own = spare_descriptors + descriptors_per_shard * shards + others;
    return descriptors > own + shards ? descriptors - own : shards;
}

} // namespace carillon::shards
