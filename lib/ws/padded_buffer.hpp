#pragma once

#include "base/bytes.hpp"

#include <cstddef>
#include <memory>
#include <span>

namespace carillon::ws {

/// Bytes that grow at the end, with `padding_bytes` of readable memory after them. Owns nothing while empty.
class padded_buffer {
public:
    /// simdjson parses in place when it may read this far past the end.
    static constexpr std::size_t padding_bytes = 64;

    padded_buffer() noexcept = default;
    padded_buffer(padded_buffer&& other) noexcept;
    padded_buffer& operator=(padded_buffer&& other) noexcept;
    ~padded_buffer() = default;

    /// Appends a copy of `piece` and returns it, for changes in place. Views given before are invalid. Memory doubles
    /// as bytes arrive, but not beyond `bytes_max`, the size the buffer will have in the end as far as is known (at
    /// least what it holds then).
    std::span<std::byte> append(bytes_view piece, std::size_t bytes_max);

    /// Gives the memory back.
    void release() noexcept;

    std::span<std::byte> bytes() noexcept { return {memory_.get(), size_}; }
    std::size_t size() const noexcept { return size_; }

private:
    std::unique_ptr<std::byte[]> memory_; // capacity_ + padding_bytes, or null
    std::size_t size_ = 0;
    std::size_t capacity_ = 0;
};

} // namespace carillon::ws
