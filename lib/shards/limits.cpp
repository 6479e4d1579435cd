#include "shards/limits.hpp"

#include "shards/cgroups.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
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

// Of two limits the one that counts; 0 is none.
std::size_t fewer(std::size_t one, std::size_t other) {
    return one == 0 || other == 0 ? one + other : std::min(one, other);
}

// The limit of one cgroup, by its path; "" is the root.
std::size_t cores_at(cgroup_version version, const std::string& path, const file_reader& read) {
    if (version == cgroup_version::v1) {
        const std::string folder = "/sys/fs/cgroup/cpu" + path;
        return cores_for(number_in(read(folder + "/cpu.cfs_quota_us")), number_in(read(folder + "/cpu.cfs_period_us")));
    }
    const std::string text = read("/sys/fs/cgroup" + path + "/cpu.max");
    const std::size_t space = text.find(' ');
    return space == text.npos ? 0 : cores_for(number_in(text), number_in(std::string_view{text}.substr(space)));
}

} // namespace

std::size_t cores_of_cgroups(const file_reader& read) {
    std::size_t cores = 0;
    for_each_cgroup(read, "cpu", [&](cgroup_version version, const std::string& path) {
        cores = fewer(cores, cores_at(version, path, read));
    });
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
    const std::size_t quota = cores_of_cgroups(text_of_file);
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
