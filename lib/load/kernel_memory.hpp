#pragma once

#include "base/result.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace carillon::load {

/// What the kernel spends, on behalf of all processes of the machine (or of the network namespace).
struct kernel_memory {
    std::int64_t slab_bytes = 0;   ///< records of all kinds: sockets, files, epoll entries, directory entries
    std::int64_t socket_bytes = 0; ///< TCP buffers that hold data, in whole pages
    bool exact = true;             ///< the records were counted one by one, not their pages
};

/// Asks the kernel: /proc/slabinfo where it may be read (by root), which counts objects in use; otherwise the Slab of
/// /proc/meminfo, which counts whole pages with free objects in them and so is coarser. TCP buffers: the "mem" of
/// /proc/net/sockstat. Error: the kernel's own, or EBADMSG where a file is not what this program knows.
result<kernel_memory> read_kernel_memory();

/// Active objects x their size, summed over all caches of a slabinfo file, version 2; empty when it is not one. Pure.
std::optional<std::int64_t> slabinfo_active_bytes(std::string_view text);

/// The slab of a meminfo file; empty when there is none. Pure.
std::optional<std::int64_t> meminfo_slab_bytes(std::string_view text);

/// The pages of TCP buffers that a sockstat file tells; empty when it does not. Pure.
std::optional<std::int64_t> sockstat_tcp_pages(std::string_view text);

} // namespace carillon::load
