#pragma once

#include "net/system_calls.hpp"

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace carillon::net {

/// Encoded frames, immutable and shared by every receiver they still wait for.
using shared_bytes = std::shared_ptr<const std::string>;

enum class push_result : std::uint8_t { queued, full };

/// What a slow peer has not taken yet, in order. Exists only while there is something in it. Thread: its shard's.
class outbox {
public:
    /// Every piece counts this much more than its bytes, so that many tiny frames are bounded too.
    static constexpr std::size_t piece_overhead_bytes = 64;

    /// Appends `bytes` from `offset` on; `full`, and nothing changed, when more than `limit_bytes` would then wait.
    [[nodiscard]] push_result push(shared_bytes bytes, std::size_t offset, std::size_t limit_bytes);

    /// Sends until all is sent or the kernel takes no more. The value is the bytes sent; an error other than
    /// would_block means that the connection is broken.
    io_result send(const system_calls& calls, int descriptor) {
        return send([&](std::span<const iovec> pieces) { return calls.send_many(descriptor, pieces); });
    }
    /// The same through `take`, that is given pieces in their order and says, as a system call, how much it has taken.
    template <class Take>
    io_result send(Take&& take);

    /// Forgets all but the piece that has been sent in part, without which the peer would read half a frame.
    void forget_unsent();

    bool empty() const noexcept { return first_ == pieces_.size(); }
    std::size_t bytes() const noexcept { return bytes_; } ///< as counted against the limit

private:
    static constexpr std::size_t pieces_per_call = 64;

    struct piece {
        shared_bytes bytes;
        std::size_t sent;
        bool started;
        std::size_t left() const noexcept { return bytes->size() - sent; }
    };

    std::size_t offer(std::array<iovec, pieces_per_call>& pieces, std::size_t& offered) const;
    void sent(std::size_t count);

    std::vector<piece> pieces_;
    std::size_t first_ = 0;
    std::size_t bytes_ = 0;
};

template <class Take>
io_result outbox::send(Take&& take) {
    std::size_t total = 0;
    while (!empty()) {
        std::array<iovec, pieces_per_call> pieces;
        std::size_t offered = 0;
        const std::size_t count = offer(pieces, offered);
        const io_result result = take(std::span<const iovec>{pieces.data(), count});
        if (result.error != 0) return {static_cast<long>(total), result.error};
        const auto taken = static_cast<std::size_t>(result.value);
        sent(taken);
        total += taken;
        // Less than offered: the socket's buffer is full, and EPOLLOUT will tell when it is not.
        if (taken < offered) return {static_cast<long>(total), EAGAIN};
    }
    return {static_cast<long>(total), 0};
}

} // namespace carillon::net
