#pragma once

#include "base/bytes.hpp"

#include <cstddef>
#include <cstdint>

namespace carillon::ws {

/// Whether `bytes` is well-formed UTF-8 (RFC 3629): shortest forms only, no surrogates, nothing above U+10FFFF.
bool is_utf8(bytes_view bytes) noexcept;

/// Validates UTF-8 that arrives in pieces, cut anywhere. Fails on the first byte after which no continuation can be
/// well-formed, and stays failed. Holds no bytes, only what may come next.
class utf8_validator {
public:
    /// Takes the next piece. False: the text so far can no longer become UTF-8.
    bool feed(bytes_view piece) noexcept;

    /// Whether everything fed so far is UTF-8 and ends between two code points.
    bool complete() const noexcept { return missing_ == 0 && !failed_; }

private:
    bool feed_byte(unsigned byte) noexcept;
    bool feed_bytes(bytes_view piece) noexcept;

    std::uint8_t missing_ = 0; // continuation bytes the open code point still needs
    std::uint8_t lowest_ = 0x80;
    std::uint8_t highest_ = 0xbf;
    bool failed_ = false;
};

} // namespace carillon::ws
