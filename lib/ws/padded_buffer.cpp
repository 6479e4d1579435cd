#include "ws/padded_buffer.hpp"

#include "base/check.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace carillon::ws {

padded_buffer::padded_buffer(padded_buffer&& other) noexcept
    : memory_{std::move(other.memory_)}, size_{std::exchange(other.size_, 0)},
      capacity_{std::exchange(other.capacity_, 0)} {}

padded_buffer& padded_buffer::operator=(padded_buffer&& other) noexcept {
    memory_ = std::move(other.memory_);
    size_ = std::exchange(other.size_, 0);
    capacity_ = std::exchange(other.capacity_, 0);
    return *this;
}

std::span<std::byte> padded_buffer::append(bytes_view piece, std::size_t bytes_max) {
    if (piece.empty()) return {};
    const std::size_t needed = size_ + piece.size();
    CHECK(needed <= bytes_max);
    if (needed > capacity_) {
        const std::size_t capacity = std::min(std::max(needed, 2 * capacity_), bytes_max);
        auto memory = std::make_unique_for_overwrite<std::byte[]>(capacity + padding_bytes);
        if (size_ > 0) std::memcpy(memory.get(), memory_.get(), size_);
        // A reader of the padding must not meet what the heap held before.
        std::memset(memory.get() + capacity, 0, padding_bytes);
        memory_ = std::move(memory);
        capacity_ = capacity;
    }
    const std::span<std::byte> added{memory_.get() + size_, piece.size()};
    std::memcpy(added.data(), piece.data(), piece.size());
    size_ = needed;
    return added;
}

void padded_buffer::release() noexcept {
    memory_.reset();
    size_ = 0;
    capacity_ = 0;
}

} // namespace carillon::ws
