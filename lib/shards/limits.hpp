#pragma once

#include "base/result.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace carillon::shards {

/// How many cores this process may use: the smallest of its CPU affinity and the quotas of its cgroup (v2 or v1) and of
/// the cgroups that this one is in, rounded up. At least 1.
std::size_t allowed_cores();

/// The quotas alone, out of what `read` finds, so that it can be tested: the text of the file at a path, empty if there
/// is none. The files are /proc/self/cgroup and those below /sys/fs/cgroup (cgroups(7)). 0: no limit.
std::size_t cores_of_cgroups(const std::function<std::string(const std::string& path)>& read);

/// The numbers of the processors that the calling thread may run on, in ascending order; none if the kernel does not
/// say.
std::vector<int> allowed_processors();

/// Keeps the calling thread on that processor from now on. Error: what the kernel said, EINVAL if it may not run there.
error_code pin_this_thread(int processor) noexcept;

/// Raises the soft limit on descriptors to the hard one. Returns the limit in force.
std::size_t raise_descriptor_limit();

/// How many connections the control port may have, and as many again its pages: `wanted`, but of few descriptors no
/// more than a sixteenth for each of them. At least 1.
std::size_t control_connections_for(std::size_t descriptors, std::size_t wanted);

/// The client port and the bus door.
inline constexpr std::size_t doors_of_shard = 2;

/// How many refused connections each door of each shard may wait for: `wanted`, but of few descriptors no more than a
/// thirty-second for all of them together. At least 1.
std::size_t farewells_for(std::size_t descriptors, std::size_t shards, std::size_t wanted);

/// Connections that `descriptors` allow, after what the process needs for itself, and `others`: those of the control
/// port, and refused ones.
std::size_t connections_for(std::size_t descriptors, std::size_t shards, std::size_t others);

} // namespace carillon::shards
