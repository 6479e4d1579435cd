#pragma once

#include "base/result.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace carillon::gateway {

/// How many cores this process may use: the smallest of its CPU affinity and the quota of its cgroup (v2 or v1),
/// rounded up. At least 1.
std::size_t allowed_cores();

/// The same from the texts of a cgroup's files, so that it can be tested: `cpu_max` is that of v2 ("200000 100000",
/// "max 100000"), `quota` and `period` those of v1. Empty: there is no such file. 0: no limit.
std::size_t cores_of_cgroup(const std::string& cpu_max, const std::string& quota, const std::string& period);

/// The numbers of the processors that the calling thread may run on, in ascending order; none if the kernel does not
/// say.
std::vector<int> allowed_processors();

/// Keeps the calling thread on that processor from now on. Error: what the kernel said, EINVAL if it may not run there.
error_code pin_this_thread(int processor) noexcept;

/// Raises the soft limit on descriptors to the hard one. Returns the limit in force.
std::size_t raise_descriptor_limit();

/// Connections that `descriptors` allow, after what the process needs for itself.
std::size_t connections_for(std::size_t descriptors, std::size_t shards, std::size_t control_connections);

} // namespace carillon::gateway
