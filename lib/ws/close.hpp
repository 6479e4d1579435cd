#pragma once

#include "ws/error.hpp"
#include "ws/frame.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace carillon::ws {

/// RFC 6455 §7.4.1 and the IANA registry that extends it. Applications add their own codes between 3000 and 4999.
enum class close_code : std::uint16_t {
    normal = 1000,
    going_away = 1001,
    protocol_error = 1002,
    unsupported_data = 1003,
    no_status = 1005, ///< never on the wire: the close frame carried no code
    abnormal = 1006,  ///< never on the wire: the connection ended without a close frame
    invalid_payload = 1007,
    policy = 1008,
    message_too_big = 1009,
    mandatory_extension = 1010,
    internal_error = 1011,
    service_restart = 1012,
    try_again_later = 1013,
    bad_gateway = 1014,
};

constexpr std::uint16_t to_number(close_code code) noexcept { return static_cast<std::uint16_t>(code); }

/// Whether a close frame may carry `code`: 1000-1003, 1007-1014 and 3000-4999 (RFC 6455 §7.4).
constexpr bool may_be_received(std::uint16_t code) noexcept {
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
}

/// The code that answers a peer's fault: 1007 for bad UTF-8 or DEFLATE, 1009 for a message over the limit, 1002 for
/// everything else.
close_code close_code_for(error why) noexcept;

inline constexpr std::size_t close_reason_bytes_max = control_payload_bytes_max - 2;
inline constexpr std::size_t close_frame_bytes_max = 2 + control_payload_bytes_max;

/// Writes a whole unmasked close frame (RFC 6455 §5.5.1) and returns its length. `out` holds `close_frame_bytes_max`
/// bytes; `reason` is UTF-8 and is cut, between two code points, to 123 bytes. `code` satisfies `may_be_received`, or
/// is 1005, which writes a close frame without code and reason.
std::size_t encode_close(std::span<std::byte> out, std::uint16_t code, std::string_view reason) noexcept;

inline std::size_t encode_close(std::span<std::byte> out, close_code code, std::string_view reason) noexcept {
    return encode_close(out, to_number(code), reason);
}

} // namespace carillon::ws
