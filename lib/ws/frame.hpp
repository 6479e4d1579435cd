#pragma once

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "ws/error.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace carillon::ws {

/// RFC 6455 §5.2; the reserved values never become an `opcode`.
enum class opcode : std::uint8_t { continuation = 0, text = 1, binary = 2, close = 8, ping = 9, pong = 10 };

/// Whether frames of this kind control the connection: never fragmented, at most 125 bytes, allowed between fragments
/// (§5.5).
constexpr bool is_control(opcode op) noexcept {
    switch (op) {
    case opcode::close:
    case opcode::ping:
    case opcode::pong: return true;
    case opcode::continuation:
    case opcode::text:
    case opcode::binary: return false;
    }
    return false;
}

/// Which side reads: a server demands masked frames, a client unmasked ones (§5.1).
enum class role : std::uint8_t { server, client };

/// The four bytes of a masking key as they stand on the wire, copied into an integer: compare and copy it, never shift
/// it.
using mask_key = std::uint32_t;

/// One frame header (RFC 6455 §5.2).
struct frame_header {
    std::uint64_t payload_bytes{};
    mask_key mask{}; ///< 0 when not masked
    opcode op{};
    bool fin{};
    bool masked{};
    bool deflated{};             ///< RSV1 of a message's first frame, where compression was agreed upon (RFC 7692 §6)
    std::uint8_t header_bytes{}; ///< 2 to 14

    bool operator==(const frame_header&) const = default;
};

/// RSV1 in the first byte of a frame: the message that begins with it is compressed.
inline constexpr char deflated_bit = 0x40;

inline constexpr std::size_t header_bytes_max = 14;
inline constexpr std::size_t control_payload_bytes_max = 125;

/// Decodes the header at the front of `input` as seen by `reader` (RFC 6455 §5.2).
/// Empty: more bytes are needed; `header_bytes_max` bytes are always enough. Errors: a ws::error whose close code is
/// 1002, the same one no matter how the bytes were cut. Pure; keeps no reference to `input`. `may_be_deflated`: whether
/// compression was agreed upon.
result<std::optional<frame_header>> decode_header(bytes_view input, role reader, bool may_be_deflated = false) noexcept;

/// Writes the header of an unmasked frame, as a server sends it, and returns its length: 2, 4 or 10 bytes.
/// `out` holds at least that many; 10 always are enough. A control frame is final and carries at most 125 bytes.
std::size_t encode_header(std::span<std::byte> out, opcode op, std::uint64_t payload_bytes, bool fin = true) noexcept;

/// Writes the header of a masked frame, as a client sends it, and returns its length: 6, 8 or 14 bytes. `out` as above,
/// plus 4. The payload is the caller's to mask with `apply_mask`.
std::size_t encode_header_masked(std::span<std::byte> out, opcode op, std::uint64_t payload_bytes, mask_key mask,
                                 bool fin = true) noexcept;

/// Masks or unmasks `payload` in place (RFC 6455 §5.3). `offset` says how many bytes of the frame came before it.
void apply_mask(std::span<std::byte> payload, mask_key mask, std::size_t offset = 0) noexcept;

/// Appends one whole unmasked frame to `out`, a std::string or a vector of char or std::byte. `payload` lies outside of
/// `out`.
template <class Container>
void append_frame(Container& out, opcode op, std::string_view payload) {
    using element = typename Container::value_type;
    static_assert(sizeof(element) == 1);
    std::array<std::byte, header_bytes_max> header;
    const std::size_t header_bytes = encode_header(header, op, payload.size());
    const auto* head = reinterpret_cast<const element*>(header.data());
    const auto* body = reinterpret_cast<const element*>(payload.data());
    out.insert(out.end(), head, head + header_bytes);
    out.insert(out.end(), body, body + payload.size());
}

} // namespace carillon::ws
