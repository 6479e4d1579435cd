#pragma once

#include <cstddef>
#include <span>
#include <sys/uio.h>

namespace carillon::net {

/// What a socket call gave: a count of bytes (or a descriptor, from accept), or the errno that says why not.
struct io_result {
    long value = 0;
    int error = 0;

    bool would_block() const noexcept;
};

/// The socket calls of the data path, as replaceable functions so that a test can script a failure at any step.
/// All are non-blocking and never raise SIGPIPE. Thread: that of the shard that owns the descriptor.
struct system_calls {
    /// One accepted, non-blocking, close-on-exec descriptor; the peer's address is not asked for.
    io_result (*accept)(int listening);
    io_result (*receive)(int descriptor, std::span<std::byte> into);
    /// As receive, and the bytes stay where they are.
    io_result (*peek)(int descriptor, std::span<std::byte> into);
    io_result (*send)(int descriptor, std::span<const std::byte> bytes);
    io_result (*send_many)(int descriptor, std::span<const iovec> pieces);
    /// Ends our direction of the stream (FIN); the peer may go on sending.
    int (*shutdown_sending)(int descriptor);
    int (*close)(int descriptor);
};

/// The kernel's own.
const system_calls& kernel() noexcept;

} // namespace carillon::net
