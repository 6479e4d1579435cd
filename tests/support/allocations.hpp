#pragma once

#include <cstddef>
#include <cstdint>

namespace carillon::test {

/// What this thread has taken from the global heap (operator new) since it started.
struct heap_use {
    std::uint64_t allocations{}; ///< calls of operator new
    std::int64_t live_bytes{};   ///< usable bytes taken and not given back, all threads
};

/// Link `carillon_allocations` to have the counting operator new. Counting is per thread; live_bytes is per process.
heap_use heap_use_now();

/// How often `action` called operator new on this thread.
template <class Action>
std::uint64_t allocations_during(Action&& action) {
    const std::uint64_t before = heap_use_now().allocations;
    action();
    return heap_use_now().allocations - before;
}

} // namespace carillon::test
