#pragma once

#include "shards/cgroups.hpp"

#include <cstdint>

namespace carillon::lifecycle {

/// What of its memory a cgroup uses.
struct memory_use {
    std::uint64_t used_bytes = 0;
    std::uint64_t limit_bytes = 0; ///< 0: there is no limit, or it is not known

    /// Rounded up.
    unsigned percent() const noexcept;
};

/// That of the process' cgroup, or of one that it is in, whichever is nearest to its limit (v2: memory.max, v1:
/// memory.limit_in_bytes). What the kernel would give back at once, files that nobody has read for a while, is not
/// counted. Out of what `read` finds, so that it can be tested.
memory_use memory_of_cgroups(const shards::file_reader& read);

/// The same of the machine's files.
memory_use memory_of_cgroups();

} // namespace carillon::lifecycle
