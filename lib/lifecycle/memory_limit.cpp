#include "lifecycle/memory_limit.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>

namespace carillon::lifecycle {

namespace {

// Without a limit, v1 says a number of about this size, which depends on the size of a page.
constexpr std::uint64_t no_limit = std::uint64_t{1} << 60;

std::optional<std::uint64_t> number_in(std::string_view text) {
    std::uint64_t value = 0;
    const auto [end, why] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (why != std::errc{} || end == text.data()) return std::nullopt; // as of "max"
    return value;
}

// "inactive_file 4096\n" among other lines.
std::uint64_t given_back(std::string_view lines, std::string_view name) {
    while (!lines.empty()) {
        const std::string_view line = lines.substr(0, lines.find('\n'));
        lines.remove_prefix(std::min(lines.size(), line.size() + 1));
        if (line.starts_with(name) && line.substr(name.size()).starts_with(' '))
            return number_in(line.substr(name.size() + 1)).value_or(0);
    }
    return 0;
}

struct names {
    std::string_view root, limit, used, inactive;
};
constexpr names v2{"/sys/fs/cgroup", "/memory.max", "/memory.current", "inactive_file"};
constexpr names v1{"/sys/fs/cgroup/memory", "/memory.limit_in_bytes", "/memory.usage_in_bytes", "total_inactive_file"};

memory_use use_at(const names& of, const std::string& path, const shards::file_reader& read) {
    const std::string folder = std::string{of.root} + path;
    const auto limit = number_in(read(folder + std::string{of.limit}));
    if (!limit || *limit == 0 || *limit >= no_limit) return {};
    const auto used = number_in(read(folder + std::string{of.used}));
    if (!used) return {};
    const std::uint64_t back = given_back(read(folder + "/memory.stat"), of.inactive);
    return {*used - std::min(*used, back), *limit};
}

bool is_nearer(const memory_use& one, const memory_use& other) {
    if (one.limit_bytes == 0 || other.limit_bytes == 0) return one.limit_bytes > other.limit_bytes;
    return static_cast<double>(one.used_bytes) / static_cast<double>(one.limit_bytes) >
           static_cast<double>(other.used_bytes) / static_cast<double>(other.limit_bytes);
}

} // namespace

unsigned memory_use::percent() const noexcept {
    if (limit_bytes == 0) return 0;
    return static_cast<unsigned>(
        std::min(100.0, 100.0 * static_cast<double>(used_bytes) / static_cast<double>(limit_bytes) + 0.999));
}

memory_use memory_of_cgroups(const shards::file_reader& read) {
    memory_use nearest;
    shards::for_each_cgroup(read, "memory", [&](shards::cgroup_version version, const std::string& path) {
        const memory_use here = use_at(version == shards::cgroup_version::v2 ? v2 : v1, path, read);
        if (is_nearer(here, nearest)) nearest = here;
    });
    return nearest;
}

memory_use memory_of_cgroups() { return memory_of_cgroups(shards::text_of_file); }

} // namespace carillon::lifecycle
