#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <string_view>

namespace carillon::bus {

/// A number that stands for a channel wherever its name need not be compared.
std::size_t channel_hash(std::string_view channel) noexcept;
/// Which of several shards puts the publications of a channel in order. The upper half of the hash says it, since
/// the filters use the lower one.
inline std::uint32_t home_of(std::size_t hash, std::size_t shards) noexcept {
    return static_cast<std::uint32_t>((hash >> 32) % shards);
}

/// Says of a shard that it has no subscriber of a channel, or that it may have one. A counting Bloom filter with one
/// hash, in a fixed 256 KiB however many channels there are; a wrong "may have" costs one needless post. One thread
/// writes (the shard), all may read.
class interest_filter {
public:
    void add(std::size_t hash) noexcept {
        auto& count = counts_[hash % buckets];
        const std::uint16_t before = count.load(std::memory_order_relaxed);
        // Sequentially consistent: who is told afterwards that it has subscribed may publish from another thread at
        // once.
        if (before != full) count.store(static_cast<std::uint16_t>(before + 1), std::memory_order_seq_cst);
    }
    void remove(std::size_t hash) noexcept {
        auto& count = counts_[hash % buckets];
        const std::uint16_t before = count.load(std::memory_order_relaxed);
        // A bucket that has been full has lost count, and stays.
        if (before != full) count.store(static_cast<std::uint16_t>(before - 1), std::memory_order_relaxed);
    }
    bool may_have(std::size_t hash) const noexcept {
        return counts_[hash % buckets].load(std::memory_order_seq_cst) != 0;
    }

private:
    static constexpr std::size_t buckets = 1 << 17;
    static constexpr std::uint16_t full = std::numeric_limits<std::uint16_t>::max();

    std::unique_ptr<std::atomic<std::uint16_t>[]> counts_ = std::make_unique<std::atomic<std::uint16_t>[]>(buckets);
};

} // namespace carillon::bus
