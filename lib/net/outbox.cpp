#include "net/outbox.hpp"

#include "base/check.hpp"

#include <algorithm>

namespace carillon::net {

push_result outbox::push(shared_bytes bytes, std::size_t offset, std::size_t limit_bytes) {
    CHECK(offset < bytes->size());
    const std::size_t added = bytes->size() - offset + piece_overhead_bytes;
    if (bytes_ + added > limit_bytes) return push_result::full;
    bytes_ += added;
    const std::size_t end = bytes->size();
    pieces_.push_back({std::move(bytes), offset, end, {}, offset > 0});
    return push_result::queued;
}

void outbox::push(shared_bytes bytes, std::size_t begin, std::size_t end, bool started, const label& what) {
    CHECK(begin < end && end <= bytes->size());
    bytes_ += end - begin + piece_overhead_bytes;
    if (what.kind != 0) ++labelled_;
    pieces_.push_back({std::move(bytes), begin, end, what, started});
}

// The next pieces, as many as one call may have; those that follow each other in memory are one of them. How many.
std::size_t outbox::offer(std::array<iovec, pieces_per_call>& pieces, std::size_t& offered) const {
    std::size_t count = 0;
    const char* end = nullptr;
    for (std::size_t i = first_; i < pieces_.size(); ++i) {
        const piece& next = pieces_[i];
        if (next.begin() == end) {
            pieces[count - 1].iov_len += next.left();
        } else {
            if (count == pieces.size()) break;
            pieces[count++] = {const_cast<char*>(next.begin()), next.left()}; // sendmsg only reads it
        }
        end = next.begin() + next.left();
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
        if (next.what.kind != 0) --labelled_;
        next.bytes.reset();
        ++first_;
    }
    trim();
}

// Moves the rest forward when half of the vector is spent, so that a long-lived queue does not grow without end.
void outbox::trim() {
    if (first_ * 2 < pieces_.size()) return;
    pieces_.erase(pieces_.begin(), pieces_.begin() + static_cast<std::ptrdiff_t>(first_));
    first_ = 0;
}

void outbox::forget_unsent() {
    if (empty()) return;
    const auto keep = first_ + (pieces_[first_].started ? 1 : 0);
    for (std::size_t i = keep; i < pieces_.size(); ++i) {
        bytes_ -= pieces_[i].left() + piece_overhead_bytes;
        if (pieces_[i].what.kind != 0) --labelled_;
    }
    pieces_.resize(keep);
}

} // namespace carillon::net
