#include "net/outbox.hpp"

#include "base/check.hpp"

#include <algorithm>

namespace carillon::net {

push_result outbox::push(shared_bytes bytes, std::size_t offset, std::size_t limit_bytes) {
    CHECK(offset < bytes->size());
    const std::size_t added = bytes->size() - offset + piece_overhead_bytes;
    if (bytes_ + added > limit_bytes) return push_result::full;
    bytes_ += added;
    pieces_.push_back({std::move(bytes), offset, offset > 0});
    return push_result::queued;
}

// The next pieces, as many as one call may have: how many.
std::size_t outbox::offer(std::array<iovec, pieces_per_call>& pieces, std::size_t& offered) const {
    const std::size_t count = std::min(pieces_.size() - first_, pieces.size());
    for (std::size_t i = 0; i < count; ++i) {
        const piece& next = pieces_[first_ + i];
        pieces[i] = {const_cast<char*>(next.bytes->data()) + next.sent, next.left()}; // sendmsg only reads it
        offered += next.left();
    }
    return count;
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
