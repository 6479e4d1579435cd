#include "ws/utf8.hpp"

#include <simdjson.h>

#include <algorithm>

namespace carillon::ws {
namespace {

// Below this many bytes, stepping byte by byte costs less than the dispatch to the vector code.
constexpr std::size_t bulk_bytes_min = 8;

bool bulk_is_utf8(bytes_view bytes) noexcept {
    return simdjson::validate_utf8(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

// How many bytes at the end of `bytes` begin a code point that they do not finish: 0 to 3.
std::size_t open_tail(bytes_view bytes) noexcept {
    const std::size_t back_max = std::min<std::size_t>(3, bytes.size());
    for (std::size_t back = 1; back <= back_max; ++back) {
        const auto byte = std::to_integer<unsigned>(bytes[bytes.size() - back]);
        if ((byte & 0xc0) == 0x80) continue;
        const std::size_t needed = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
        return needed > back ? back : 0;
    }
    return 0;
}

} // namespace

bool is_utf8(bytes_view bytes) noexcept {
    utf8_validator validator;
    return validator.feed(bytes) && validator.complete();
}

bool utf8_validator::feed(bytes_view piece) noexcept {
    if (failed_) return false;
    // Finish the open code point first; afterwards the piece starts between two of them.
    std::size_t begin = 0;
    for (; missing_ > 0 && begin < piece.size(); ++begin)
        if (!feed_byte(std::to_integer<unsigned>(piece[begin]))) return false;
    piece = piece.subspan(begin);
    if (piece.size() >= bulk_bytes_min) {
        const std::size_t bulk = piece.size() - open_tail(piece);
        if (!bulk_is_utf8(piece.first(bulk))) {
            failed_ = true;
            return false;
        }
        piece = piece.subspan(bulk);
    }
    return feed_bytes(piece);
}

bool utf8_validator::feed_bytes(bytes_view piece) noexcept {
    return std::all_of(piece.begin(), piece.end(),
                       [this](std::byte byte) { return feed_byte(std::to_integer<unsigned>(byte)); });
}

// The table of well-formed sequences, RFC 3629 §4: only the second byte has bounds other than 80..BF.
bool utf8_validator::feed_byte(unsigned byte) noexcept {
    if (missing_ > 0) {
        failed_ = byte < lowest_ || byte > highest_;
        lowest_ = 0x80;
        highest_ = 0xbf;
        --missing_;
    } else if (byte >= 0x80) {
        failed_ = byte < 0xc2 || byte > 0xf4;
        missing_ = byte >= 0xf0 ? 3 : byte >= 0xe0 ? 2 : 1;
        if (byte == 0xe0) lowest_ = 0xa0;  // shorter forms exist below U+0800
        if (byte == 0xed) highest_ = 0x9f; // surrogates
        if (byte == 0xf0) lowest_ = 0x90;  // shorter forms exist below U+10000
        if (byte == 0xf4) highest_ = 0x8f; // nothing above U+10FFFF
    }
    return !failed_;
}

} // namespace carillon::ws
