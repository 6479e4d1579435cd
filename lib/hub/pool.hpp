#pragma once

#include "base/check.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace carillon::hub {

inline constexpr std::uint32_t none = 0xffffffff;

/// Objects named by 32-bit indices, in blocks that never move and are kept for reuse. An index is half a pointer, and
/// the hub keeps several for each subscription. T has a std::uint32_t `next_free`-like member that the pool may use
/// while the object is free: the one that `Link` names. Not thread-safe.
template <class T, std::uint32_t T::*Link>
class pool {
public:
    std::uint32_t take() {
        if (first_free_ != none) {
            const std::uint32_t index = first_free_;
            first_free_ = (*this)[index].*Link;
            (*this)[index] = T{};
            ++size_;
            return index;
        }
        if (used_ == blocks_.size() * block_size) blocks_.push_back(std::make_unique<T[]>(block_size));
        CHECK(used_ < none);
        ++size_;
        return static_cast<std::uint32_t>(used_++);
    }

    void give_back(std::uint32_t index) noexcept {
        // Not by assignment, which leaves a small_vector the memory it has.
        T& freed = (*this)[index];
        std::destroy_at(&freed);
        std::construct_at(&freed);
        (*this)[index].*Link = first_free_;
        first_free_ = index;
        --size_;
    }

    T& operator[](std::uint32_t index) noexcept { return blocks_[index / block_size][index % block_size]; }
    const T& operator[](std::uint32_t index) const noexcept { return blocks_[index / block_size][index % block_size]; }

    std::size_t size() const noexcept { return size_; }
    /// No index is, or was, this or above.
    std::uint32_t end() const noexcept { return static_cast<std::uint32_t>(used_); }

private:
    static constexpr std::size_t block_size = 1024;

    std::vector<std::unique_ptr<T[]>> blocks_;
    std::size_t used_ = 0;
    std::size_t size_ = 0;
    std::uint32_t first_free_ = none;
};

} // namespace carillon::hub
