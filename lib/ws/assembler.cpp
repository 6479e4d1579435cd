#include "ws/assembler.hpp"

#include "base/check.hpp"

#include <boost/endian/conversion.hpp>

#include <algorithm>
#include <cstring>
#include <type_traits>

namespace carillon::ws {
namespace {

static_assert(std::is_nothrow_move_constructible_v<assembler> && std::is_nothrow_move_assignable_v<assembler>);

std::span<std::byte> take(std::span<std::byte>& input, std::size_t count) noexcept {
    const std::span<std::byte> taken = input.first(count);
    input = input.subspan(count);
    return taken;
}

event nothing_more(std::span<std::byte>& input) noexcept {
    input = {};
    return {};
}

event::kind kind_of_control(opcode op) noexcept {
    CHECK(op == opcode::ping || op == opcode::pong);
    return op == opcode::ping ? event::kind::ping : event::kind::pong;
}

} // namespace

event assembler::next(std::span<std::byte>& input) {
    if (stage_ == stage::finished) return nothing_more(input);
    // The message given last is over, its view with it.
    if (stage_ == stage::header && !open_message_) message_.release();
    while (true) {
        if (stage_ == stage::header)
            if (const auto outcome = read_header(input)) return *outcome;
        const auto outcome = is_control(frame_.op) ? read_control(input) : read_data(input);
        if (outcome) return *outcome;
    }
}

std::optional<event> assembler::read_header(std::span<std::byte>& input) {
    const std::size_t kept_before = kept_bytes_;
    const std::size_t added = std::min(header_bytes_max - kept_before, input.size());
    bytes_view bytes = input;
    if (kept_before > 0) {
        if (added > 0) std::memcpy(kept_.data() + kept_before, input.data(), added);
        bytes = bytes_view{kept_}.first(kept_before + added);
    }
    const auto decoded = decode_header(bytes, reader_, inflating_ != nullptr);
    if (decoded.has_error()) return fail(static_cast<error>(decoded.error().value()), input);
    if (!*decoded) {
        CHECK(added == input.size()); // a whole header's worth of bytes always decides
        if (kept_before == 0 && added > 0) std::memcpy(kept_.data(), input.data(), added);
        kept_bytes_ = static_cast<std::uint8_t>(kept_before + added);
        return nothing_more(input);
    }
    frame_ = **decoded;
    take(input, frame_.header_bytes - kept_before);
    kept_bytes_ = 0;
    if (const error why = begin_frame(); why != error::none) return fail(why, input);
    return std::nullopt;
}

// A header is known: may this frame come now, and is there room for it?
error assembler::begin_frame() noexcept {
    frame_read_ = 0;
    stage_ = stage::payload;
    switch (frame_.op) {
    case opcode::close:
    case opcode::ping:
    case opcode::pong: return error::none;
    case opcode::continuation:
        if (!open_message_) return error::unexpected_continuation;
        break;
    case opcode::text:
    case opcode::binary:
        if (open_message_) return error::message_interrupted;
        CHECK(utf8_.complete()); // a text that ended otherwise has failed
        deflated_ = frame_.deflated;
        break;
    }
    CHECK(message_.size() <= wire_bytes_max());
    return frame_.payload_bytes > wire_bytes_max() - message_.size() ? error::message_too_big : error::none;
}

// What cannot be compressed grows a little by it. A message that is within the limit should not depend on that.
std::size_t assembler::wire_bytes_max() const noexcept {
    return deflated_ ? message_bytes_max_ + message_bytes_max_ / 8 + 64 : message_bytes_max_;
}

std::optional<event> assembler::read_control(std::span<std::byte>& input) {
    const auto announced = static_cast<std::size_t>(frame_.payload_bytes);
    std::span<std::byte> payload;
    if (kept_bytes_ == 0 && input.size() >= announced) {
        payload = take(input, announced);
    } else {
        const auto piece = take(input, std::min(announced - kept_bytes_, input.size()));
        if (!piece.empty()) std::memcpy(kept_.data() + kept_bytes_, piece.data(), piece.size());
        kept_bytes_ = static_cast<std::uint8_t>(kept_bytes_ + piece.size());
        if (kept_bytes_ < announced) return nothing_more(input);
        payload = std::span{kept_}.first(announced);
        kept_bytes_ = 0;
    }
    stage_ = stage::header;
    if (frame_.masked) apply_mask(payload, frame_.mask);
    return end_control(payload, input);
}

event assembler::end_control(std::span<std::byte> payload, std::span<std::byte>& input) {
    if (frame_.op == opcode::close) return end_stream_by_close(payload, input);
    return {.what = kind_of_control(frame_.op), .op = frame_.op, .payload = payload};
}

// RFC 6455 §5.5.1: nothing, or a code of two bytes and a reason in UTF-8.
event assembler::end_stream_by_close(std::span<std::byte> payload, std::span<std::byte>& input) {
    std::uint16_t code = to_number(close_code::no_status);
    if (payload.size() == 1) return fail(error::close_too_short, input);
    if (!payload.empty()) {
        code = boost::endian::load_big_u16(reinterpret_cast<const unsigned char*>(payload.data()));
        payload = payload.subspan(2);
        if (!may_be_received(code)) return fail(error::close_code_invalid, input);
        if (!is_utf8(payload)) return fail(error::invalid_utf8, input);
    }
    stage_ = stage::finished;
    message_.release();
    input = {};
    return {.what = event::kind::close, .op = opcode::close, .close_code = code, .payload = payload};
}

std::optional<event> assembler::read_data(std::span<std::byte>& input) {
    const opcode op = open_message_.value_or(frame_.op);
    const std::uint64_t missing = frame_.payload_bytes - frame_read_;
    const auto piece = take(input, static_cast<std::size_t>(std::min<std::uint64_t>(missing, input.size())));
    const bool frame_ends = piece.size() == missing;

    std::span<std::byte> arrived = piece;
    const bool whole = frame_ends && frame_.fin && frame_read_ == 0 && !open_message_;
    if (!whole) {
        // More fragments may follow: leave room to double, or a message of tiny fragments is copied once for each of
        // them.
        const std::size_t in_the_end =
            frame_.fin ? message_.size() + static_cast<std::size_t>(missing) : wire_bytes_max();
        arrived = message_.append(piece, in_the_end);
    }
    if (frame_.masked) apply_mask(arrived, frame_.mask, static_cast<std::size_t>(frame_read_ % sizeof(mask_key)));
    const bool is_plain_text = op == opcode::text && !deflated_;
    if (is_plain_text && !utf8_.feed(arrived)) return fail(error::invalid_utf8, input);
    frame_read_ += piece.size();
    if (!frame_ends) return nothing_more(input);

    stage_ = stage::header;
    if (!frame_.fin) {
        open_message_ = op;
        return std::nullopt;
    }
    if (is_plain_text && !utf8_.complete()) return fail(error::invalid_utf8, input);
    open_message_.reset();
    const std::span<std::byte> gathered = whole ? arrived : message_.bytes();
    if (deflated_) return end_deflated(op, gathered, input);
    return event{.what = event::kind::message, .op = op, .payload = gathered};
}

event assembler::end_deflated(opcode op, std::span<std::byte> gathered, std::span<std::byte>& input) {
    const inflater::outcome made = inflating_->inflate(gathered, message_bytes_max_);
    if (made.why != error::none) return fail(made.why, input);
    if (op == opcode::text && !is_utf8(made.message)) return fail(error::invalid_utf8, input);
    return {.what = event::kind::message, .op = op, .payload = made.message, .deflated_bytes = gathered.size()};
}

event assembler::fail(error why, std::span<std::byte>& input) noexcept {
    stage_ = stage::finished;
    message_.release();
    input = {};
    return {.what = event::kind::failed, .close_code = to_number(close_code_for(why)), .why = why};
}

} // namespace carillon::ws
