#pragma once

#include <cstddef>

namespace carillon::net {

/// Where coroutine frames come from: per-thread free lists by size class, so that a coroutine born on every readiness
/// costs two nanoseconds and no malloc (docs/decisions/0002). Frames above `pooled_bytes_max` come from the heap. A
/// list keeps at most `kept_max` frames; more are given back to the heap.
inline constexpr std::size_t pooled_bytes_max = 1024;
inline constexpr std::size_t kept_max = 1024;

void* take_frame(std::size_t bytes);
void give_frame(void* frame, std::size_t bytes) noexcept;

} // namespace carillon::net
