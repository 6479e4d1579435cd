#include "carriers/burst.hpp"

#include "base/check.hpp"

#include <algorithm>
#include <array>
#include <cstring>

namespace carillon::carriers {

void burst::carry(hub::format speaks) {
    CHECK(how_ == nullptr || empty());
    speaks_ = speaks;
    how_ = &wrapping_of(speaks);
    clear();
}

std::string& burst::next_line() {
    if (!open_) {
        text_ = frames_.size();
        frames_.append(room(), '\0');
        open_ = true;
    } else if (frames_.size() > text_ + room()) {
        frames_ += how_->between;
    }
    return frames_ += how_->before;
}

// The header stands right before the replies. What is left of its room is skipped before the first frame, and closed
// before a later one.
void burst::close_text() {
    if (!open_) return;
    open_ = false;
    std::size_t payload = frames_.size() - text_ - room();
    if (payload == 0) {
        frames_.resize(text_);
        return;
    }
    if (!how_->framed) {
        frames_ += how_->after;
        return;
    }
    const std::string_view deflated = by_.deflate(speaks_, std::string_view{frames_}.substr(text_ + room()));
    if (!deflated.empty()) {
        frames_.replace(text_ + room(), payload, deflated);
        payload = deflated.size();
    }
    std::array<std::byte, ws::header_bytes_max> header;
    const std::size_t size = ws::encode_header(header, how_->binary ? ws::opcode::binary : ws::opcode::text, payload);
    if (!deflated.empty()) header[0] |= std::byte{ws::deflated_bit};
    const std::size_t unused = header_room - size;
    std::memcpy(frames_.data() + text_ + unused, header.data(), size);
    if (text_ == 0) {
        begin_ = unused;
    } else {
        frames_.erase(text_, unused);
    }
}

void burst::append_control(ws::opcode what, std::span<const std::byte> payload) {
    close_text();
    std::array<std::byte, ws::header_bytes_max> header;
    const std::size_t size = ws::encode_header(header, what, payload.size());
    frames_.append(reinterpret_cast<const char*>(header.data()), size);
    frames_.append(reinterpret_cast<const char*>(payload.data()), payload.size());
}

std::string_view burst::bytes() {
    close_text();
    return std::string_view{frames_}.substr(begin_);
}

void burst::clear() {
    frames_.assign(room(), '\0');
    begin_ = text_ = 0;
    open_ = true;
}

} // namespace carillon::carriers
