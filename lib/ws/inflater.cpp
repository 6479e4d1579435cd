#include "ws/inflater.hpp"

#include "base/check.hpp"
#include "ws/padded_buffer.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <zlib.h>

namespace carillon::ws {

namespace {

constexpr int bare_window_bits_max = -15; // negative: without zlib's own header and checksum
constexpr std::size_t buffer_bytes_first = 16 * 1024;
// What the sender has left out (§7.2.1): an empty block that ends at a byte.
constexpr std::array message_tail{std::byte{0x00}, std::byte{0x00}, std::byte{0xff}, std::byte{0xff}};

// zlib takes const input since it knows the word, but only when asked to.
Bytef* octets(bytes_view bytes) noexcept {
    return const_cast<Bytef*>(reinterpret_cast<const Bytef*>(bytes.data())); // NOLINT: it is only read
}

} // namespace

inflater::inflater() : stream_{std::make_unique<z_stream>()} {
    *stream_ = {};
    CHECK(inflateInit2(stream_.get(), bare_window_bits_max) == Z_OK);
}

inflater::~inflater() { inflateEnd(stream_.get()); }

void inflater::begin() noexcept {
    CHECK(inflateReset(stream_.get()) == Z_OK);
    ended_ = false;
}

// Between two blocks, and none of the bits is left over.
bool inflater::is_whole() const noexcept {
    constexpr int between_blocks = 128, bits_left = 63;
    return ended_ || ((stream_->data_type & between_blocks) != 0 && (stream_->data_type & bits_left) == 0);
}

void inflater::grow(std::size_t bytes_max) {
    // One byte beyond the limit, so that it shows whether there is one.
    const std::size_t capacity = std::min(std::max(2 * capacity_, buffer_bytes_first), bytes_max + 1);
    auto memory = std::make_unique_for_overwrite<std::byte[]>(capacity + padded_buffer::padding_bytes);
    if (written_ > 0) std::memcpy(memory.get(), memory_.get(), written_);
    memory_ = std::move(memory);
    capacity_ = capacity;
}

error inflater::take(bytes_view piece, std::size_t bytes_max) {
    stream_->next_in = octets(piece);
    stream_->avail_in = static_cast<uInt>(piece.size());
    for (;;) {
        if (ended_) { // more blocks may follow the last one (§7.2.3.5)
            if (stream_->avail_in == 0) return error::none;
            begin();
        }
        if (written_ == capacity_) grow(bytes_max);
        const std::size_t room = std::min(capacity_, bytes_max + 1) - written_;
        stream_->next_out = reinterpret_cast<Bytef*>(memory_.get() + written_);
        stream_->avail_out = static_cast<uInt>(room);
        const uInt offered = stream_->avail_out;
        const int said = ::inflate(stream_.get(), Z_SYNC_FLUSH);
        written_ += offered - stream_->avail_out;
        if (written_ > bytes_max) return error::message_too_big;
        switch (said) {
        case Z_OK: break;
        case Z_STREAM_END: ended_ = true; break;
        case Z_BUF_ERROR: return error::none; // it wants more input
        default: return error::not_deflated;
        }
        if (stream_->avail_in == 0 && stream_->avail_out > 0) return error::none;
    }
}

inflater::outcome inflater::inflate(bytes_view payload, std::size_t bytes_max) {
    CHECK(payload.size() < (1U << 30) && bytes_max < (1U << 30));
    begin();
    written_ = 0;
    if (capacity_ > buffer_bytes_kept) {
        memory_.reset();
        capacity_ = 0;
    }
    error why = take(payload, bytes_max);
    if (why == error::none && !ended_) why = take(message_tail, bytes_max);
    if (why == error::none && !is_whole()) why = error::not_deflated;
    if (why != error::none) return {.why = why};
    // A reader of the padding must not meet what was here before.
    std::memset(memory_.get() + written_, 0, padded_buffer::padding_bytes);
    return {.message = {memory_.get(), written_}};
}

} // namespace carillon::ws
