#include "gateway/limits.hpp"

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

namespace carillon::gateway {

namespace {

// Log files, the libraries' own descriptors, a debugger's pipe.
constexpr std::size_t spare_descriptors = 64;
// io_context, epoll set, timer, eventfd and two listeners, with a little room.
constexpr std::size_t descriptors_per_shard = 12;

std::string file_text(const char* path) {
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

} // namespace

std::size_t cores_of_cgroup(const std::string& cpu_max, const std::string& quota, const std::string& period) {
    if (!cpu_max.empty()) {
        const std::size_t space = cpu_max.find(' ');
        if (space == std::string::npos) return 0;
        return cores_for(number_in(cpu_max), number_in(std::string_view{cpu_max}.substr(space)));
    }
    return cores_for(number_in(quota), number_in(period));
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
    const std::size_t quota =
        cores_of_cgroup(file_text("/sys/fs/cgroup/cpu.max"), file_text("/sys/fs/cgroup/cpu/cpu.cfs_quota_us"),
                        file_text("/sys/fs/cgroup/cpu/cpu.cfs_period_us"));
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

std::size_t connections_for(std::size_t descriptors, std::size_t shards, std::size_t control_connections) {
    const std::size_t own = spare_descriptors + descriptors_per_shard * shards + control_connections;
    return descriptors > own + shards ? descriptors - own : shards;
}

} // namespace carillon::gateway
