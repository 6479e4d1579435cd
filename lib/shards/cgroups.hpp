#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace carillon::shards {

/// The text of the file at a path, empty if there is none.
using file_reader = std::function<std::string(const std::string& path)>;

/// `file_reader` of the machine.
std::string text_of_file(const std::string& path);

enum class cgroup_version : std::uint8_t { v1, v2 };

/// Calls `visit` with each cgroup that limits what `controller` ("cpu", "memory") gives this process: its own and all
/// that it is in, of both versions (cgroups(7), /proc/[pid]/cgroup). A path has no slash at its end, so that the root
/// is empty; it is below /sys/fs/cgroup, in version 1 below the folder of the controller there.
void for_each_cgroup(const file_reader& read, std::string_view controller,
                     const std::function<void(cgroup_version, const std::string& path)>& visit);

} // namespace carillon::shards
