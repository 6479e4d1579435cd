#pragma once

#include "streams/publication.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace carillon::streams {

/// The newest publications of a stream, the oldest first. Its room grows with what is in it, up to what it is allowed.
class ring {
public:
    std::size_t size() const noexcept { return size_; }
    bool empty() const noexcept { return size_ == 0; }

    /// `index` 0 is the oldest.
    const publication_ptr& operator[](std::size_t index) const noexcept {
        return slots_[(first_ + index) % slots_.size()];
    }

    /// `most`: how many there will ever be; more room is not taken.
    void push(publication_ptr what, std::size_t most) {
        if (size_ == slots_.size()) grow(most);
        slots_[(first_ + size_) % slots_.size()] = std::move(what);
        ++size_;
    }
    publication_ptr pop_oldest() noexcept {
        publication_ptr oldest = std::move(slots_[first_]);
        first_ = (first_ + 1) % slots_.size();
        --size_;
        return oldest;
    }
    /// Forgets all, and the room.
    void clear() noexcept {
        std::vector<publication_ptr>{}.swap(slots_);
        first_ = size_ = 0;
    }

private:
    void grow(std::size_t most) {
        const std::size_t doubled = slots_.empty() ? 1 : slots_.size() * 2;
        std::vector<publication_ptr> larger(std::max(size_ + 1, std::min(doubled, most)));
        for (std::size_t i = 0; i < size_; ++i) larger[i] = std::move(slots_[(first_ + i) % slots_.size()]);
        slots_.swap(larger);
        first_ = 0;
    }

    std::vector<publication_ptr> slots_;
    std::size_t first_ = 0;
    std::size_t size_ = 0;
};

} // namespace carillon::streams
