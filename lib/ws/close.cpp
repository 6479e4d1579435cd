#include "ws/close.hpp"

#include "base/check.hpp"

#include <boost/endian/conversion.hpp>

#include <cstring>

namespace carillon::ws {
namespace {

std::string_view cut_reason(std::string_view reason) noexcept {
    if (reason.size() <= close_reason_bytes_max) return reason;
    std::size_t end = close_reason_bytes_max;
    while (end > 0 && (static_cast<unsigned char>(reason[end]) & 0xc0) == 0x80) --end;
    return reason.substr(0, end);
}

} // namespace

close_code close_code_for(error why) noexcept {
    switch (why) {
    case error::none: return close_code::normal;
    case error::message_too_big: return close_code::message_too_big;
    case error::not_deflated:
    case error::invalid_utf8: return close_code::invalid_payload;
    case error::reserved_bits:
    case error::reserved_opcode:
    case error::control_fragmented:
    case error::control_too_long:
    case error::length_not_minimal:
    case error::length_too_big:
    case error::not_masked:
    case error::masked:
    case error::unexpected_continuation:
    case error::message_interrupted:
    case error::close_too_short:
    case error::close_code_invalid: return close_code::protocol_error;
    }
    CHECK(false);
    return close_code::internal_error;
}

std::size_t encode_close(std::span<std::byte> out, std::uint16_t code, std::string_view reason) noexcept {
    CHECK(out.size() >= close_frame_bytes_max);
    if (code == to_number(close_code::no_status)) return encode_header(out, opcode::close, 0);
    CHECK(may_be_received(code));
    const std::string_view said = cut_reason(reason);
    const std::size_t header_bytes = encode_header(out, opcode::close, 2 + said.size());
    boost::endian::store_big_u16(reinterpret_cast<unsigned char*>(out.data() + header_bytes), code);
    if (!said.empty()) std::memcpy(out.data() + header_bytes + 2, said.data(), said.size());
    return header_bytes + 2 + said.size();
}

} // namespace carillon::ws
