#pragma once

#include <atomic>
#include <cstdint>

namespace carillon::net {

/// How often a thread has got something done, for others to see that it goes on. One thread steps, any thread reads.
class progress {
public:
    /// A plain addition: there is one writer.
    void step() noexcept { steps_.store(steps_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed); }
    std::uint64_t steps() const noexcept { return steps_.load(std::memory_order_relaxed); }

private:
    std::atomic<std::uint64_t> steps_ = 0;
};

} // namespace carillon::net
