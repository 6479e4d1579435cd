#pragma once

#include "base/bytes.hpp"
#include "ws/error.hpp"

#include <cstddef>
#include <memory>
#include <span>

struct z_stream_s;

namespace carillon::ws {

/// Takes the compression from messages, each one by itself, as a peer sends them that keeps no context (RFC 7692
/// §7.2.2). Has a window of 32 KiB, the largest that there is, and a buffer; one is enough for all connections of a
/// thread.
class inflater {
public:
    /// Longer buffers are given back with the next message.
    static constexpr std::size_t buffer_bytes_kept = 256 * 1024;

    inflater();
    inflater(const inflater&) = delete;
    inflater& operator=(const inflater&) = delete;
    ~inflater();

    struct outcome {
        error why = error::none;        ///< none, not_deflated or message_too_big
        std::span<std::byte> message{}; ///< valid until the next call, and padded as padded_buffer is
    };

    /// `payload` is that of all the message's frames. Stops at the first byte beyond `bytes_max`, however much would
    /// follow: what a message takes is bounded by what it may come to, not by what it claims.
    outcome inflate(bytes_view payload, std::size_t bytes_max);

private:
    error take(bytes_view piece, std::size_t bytes_max);
    void grow(std::size_t bytes_max);
    void begin() noexcept;
    bool is_whole() const noexcept;

    std::unique_ptr<z_stream_s> stream_;
    std::unique_ptr<std::byte[]> memory_;
    std::size_t capacity_ = 0;
    std::size_t written_ = 0;
    bool ended_ = false; // by a block that says it is the last
};

} // namespace carillon::ws
