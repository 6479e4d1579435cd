#pragma once

#include "net/system_calls.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace carillon::net {

/// Encoded frames, immutable and shared by every receiver they still wait for.
using shared_bytes = std::shared_ptr<const std::string>;

enum class push_result : std::uint8_t { queued, full };

/// What a piece is to its owner, who may want to drop it while it waits.
struct label {
    std::uint64_t source = 0; ///< what it came from; the owner's own meaning, as of all that follows
    std::uint32_t kind = 0;   ///< 0: it is never dropped
    std::uint8_t counted = 0;
    std::uint8_t flags = 0;
};

/// What a slow peer has not taken yet, in order. Exists only while there is something in it. Thread: its shard's.
class outbox {
public:
    /// Every piece counts this much more than its bytes, so that many tiny frames are bounded too.
    static constexpr std::size_t piece_overhead_bytes = 64;

    /// Appends `bytes` from `offset` on; `full`, and nothing changed, when more than `limit_bytes` would then wait.
    [[nodiscard]] push_result push(shared_bytes bytes, std::size_t offset, std::size_t limit_bytes);
    /// Appends a part of `bytes`, whatever waits already; `started`: something that belongs to it has been sent.
    void push(shared_bytes bytes, std::size_t begin, std::size_t end, bool started, const label& what);
    bool fits(std::size_t bytes, std::size_t limit_bytes) const noexcept {
        return bytes_ + bytes + piece_overhead_bytes <= limit_bytes;
    }

    /// Sends until all is sent or the kernel takes no more. The value is the bytes sent; an error other than
    /// would_block means that the connection is broken.
    io_result send(const system_calls& calls, int descriptor) {
        return send([&](std::span<const iovec> pieces) { return calls.send_many(descriptor, pieces); });
    }
    /// The same through `take`, that is given pieces in their order and says, as a system call, how much it has taken.
    template <class Take>
    io_result send(Take&& take);

    /// Drops the oldest piece of which nothing has been sent, of those that `may_go`; nothing: there is none. Walks
    /// over what is older than it.
    template <class MayGo>
    std::optional<label> drop_oldest(MayGo&& may_go);
    /// Drops all of these. Returns how many they were, and calls `dropped` for each.
    template <class MayGo, class Dropped>
    std::size_t drop_all(MayGo&& may_go, Dropped&& dropped);

    /// Forgets all but the piece that has been sent in part, without which the peer would read half a frame.
    void forget_unsent();

    bool empty() const noexcept { return first_ == pieces_.size(); }
    std::size_t bytes() const noexcept { return bytes_; } ///< as counted against the limit

private:
    static constexpr std::size_t pieces_per_call = 64;

    struct piece {
        shared_bytes bytes;
        std::size_t sent;
        std::size_t end;
        label what;
        bool started;
        std::size_t left() const noexcept { return end - sent; }
        const char* begin() const noexcept { return bytes->data() + sent; }
    };

    std::size_t offer(std::array<iovec, pieces_per_call>& pieces, std::size_t& offered) const;
    void sent(std::size_t count);
    void trim();

    std::vector<piece> pieces_;
    std::size_t labelled_ = 0; // of them, that may be dropped
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

template <class MayGo>
std::optional<label> outbox::drop_oldest(MayGo&& may_go) {
    for (std::size_t i = first_; labelled_ > 0 && i < pieces_.size(); ++i) {
        const piece& each = pieces_[i];
        if (each.what.kind == 0 || each.started || !may_go(each.what)) continue;
        const label dropped = each.what;
        bytes_ -= each.left() + piece_overhead_bytes;
        --labelled_;
        const auto begin = pieces_.begin();
        const auto at = begin + static_cast<std::ptrdiff_t>(i);
        std::move_backward(begin + static_cast<std::ptrdiff_t>(first_), at, at + 1); // nearly always few
        pieces_[first_++].bytes.reset();
        trim();
        return dropped;
    }
    return std::nullopt;
}

template <class MayGo, class Dropped>
std::size_t outbox::drop_all(MayGo&& may_go, Dropped&& dropped) {
    if (labelled_ == 0) return 0;
    const std::size_t before = pieces_.size();
    const auto kept =
        std::remove_if(pieces_.begin() + static_cast<std::ptrdiff_t>(first_), pieces_.end(), [&](const piece& each) {
            if (each.what.kind == 0 || each.started || !may_go(each.what)) return false;
            bytes_ -= each.left() + piece_overhead_bytes;
            --labelled_;
            dropped(each.what);
            return true;
        });
    pieces_.erase(kept, pieces_.end());
    const std::size_t count = before - pieces_.size();
    trim();
    return count;
}

} // namespace carillon::net
