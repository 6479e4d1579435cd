#include "net/outbox.hpp"

#include "base/check.hpp"

#include <algorithm>
#include <array>
#include <cerrno>

namespace carillon::net {

namespace {
constexpr std::size_t pieces_per_call = 64;
}

push_result outbox::push(shared_bytes bytes, std::size_t offset, std::size_t limit_bytes) {
    CHECK(offset < bytes->size());
    const std::size_t added = bytes->size() - offset + piece_overhead_bytes;
    if (bytes_ + added > limit_bytes) return push_result::full;
    bytes_ += added;
    pieces_.push_back({std::move(bytes), offset, offset > 0});
    return push_result::queued;
}

io_result outbox::send(const system_calls& calls, int descriptor) {
    std::size_t total = 0;
    while (!empty()) {
        std::array<iovec, pieces_per_call> vectors;
        const std::size_t count = std::min(pieces_.size() - first_, vectors.size());
        std::size_t offered = 0;
        for (std::size_t i = 0; i < count; ++i) {
            const piece& next = pieces_[first_ + i];
            vectors[i] = {const_cast<char*>(next.bytes->data()) + next.sent, next.left()}; // sendmsg only reads it
            offered += next.left();
        }
        const io_result result = calls.send_many(descriptor, std::span{vectors.data(), count});
        if (result.error != 0) return {static_cast<long>(total), result.error};
        const auto taken = static_cast<std::size_t>(result.value);
        sent(taken);
        total += taken;
        // Less than offered: the socket's buffer is full, and EPOLLOUT will tell when it is not.
        if (taken < offered) return {static_cast<long>(total), EAGAIN};
    }
    return {static_cast<long>(total), 0};
}

void outbox::sent(std::size_t count) {
    while (count > 0) {
        CHECK(!empty());
        piece& next = pieces_[first_];
        const std::size_t part = std::min(count, next.left());
        next.sent += part;
        next.started = true;
        bytes_ -= part;
        count -= part;
        if (next.left() > 0) break;
        bytes_ -= piece_overhead_bytes;
        next.bytes.reset();
        ++first_;
    }
    // Move the rest forward when half of the vector is spent, so that a long-lived queue does not grow without end.
    if (first_ * 2 >= pieces_.size()) {
        pieces_.erase(pieces_.begin(), pieces_.begin() + static_cast<std::ptrdiff_t>(first_));
        first_ = 0;
    }
}

void outbox::forget_unsent() {
    if (empty()) return;
    const auto keep = first_ + (pieces_[first_].started ? 1 : 0);
    for (std::size_t i = keep; i < pieces_.size(); ++i) bytes_ -= pieces_[i].left() + piece_overhead_bytes;
    pieces_.resize(keep);
}

} // namespace carillon::net
