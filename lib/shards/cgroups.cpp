#include "shards/cgroups.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <iterator>

namespace carillon::shards {

namespace {

// Whether "cpu,cpuacct" has "cpu" in it.
bool has_name(std::string_view controllers, std::string_view name) {
    return fmt::format(",{},", controllers).find(fmt::format(",{},", name)) != std::string::npos;
}

} // namespace

std::string text_of_file(const std::string& path) {
    std::ifstream file{path};
    return {std::istreambuf_iterator<char>{file}, {}};
}

void for_each_cgroup(const file_reader& read, std::string_view controller,
                     const std::function<void(cgroup_version, const std::string& path)>& visit) {
    std::string lines = read("/proc/self/cgroup");
    if (lines.empty()) lines = "0::/"; // no such file, but perhaps a cgroup
    for (std::string_view rest = lines; !rest.empty();) {
        const std::string_view line = rest.substr(0, rest.find('\n'));
        rest.remove_prefix(std::min(rest.size(), line.size() + 1));
        const std::size_t first = line.find(':'), second = line.find(':', first + 1);
        if (first == line.npos || second == line.npos) continue;
        const std::string_view controllers = line.substr(first + 1, second - first - 1);
        if (!controllers.empty() && !has_name(controllers, controller)) continue;
        const cgroup_version version = controllers.empty() ? cgroup_version::v2 : cgroup_version::v1;
        // A container sees its own cgroup as the root of all, or has the path that it has outside.
        std::string path{line.substr(second + 1)};
        for (;;) {
            if (path.ends_with('/')) path.pop_back();
            visit(version, path);
            if (path.empty()) break;
            path.resize(path.find_last_of('/') == path.npos ? 0 : path.find_last_of('/'));
        }
    }
}

} // namespace carillon::shards
