#include "ws/frame.hpp"

#include "base/check.hpp"

#include <boost/endian/conversion.hpp>

#include <cstring>

namespace carillon::ws {
namespace {

constexpr unsigned fin_bit = 0x80;
constexpr unsigned reserved_bits = 0x70;
constexpr unsigned rsv1_bit = deflated_bit;
constexpr unsigned opcode_bits = 0x0f;
constexpr unsigned masked_bit = 0x80;
constexpr unsigned length_bits = 0x7f;
constexpr unsigned length_is_16_bits = 126;
constexpr unsigned length_is_64_bits = 127;

constexpr bool is_known_opcode(unsigned value) noexcept { return value <= 2 || (value >= 8 && value <= 10); }

const unsigned char* octets(bytes_view bytes) noexcept { return reinterpret_cast<const unsigned char*>(bytes.data()); }

unsigned char* octets(std::span<std::byte> bytes) noexcept { return reinterpret_cast<unsigned char*>(bytes.data()); }

// Two bytes, or ten, or four: what comes before the mask.
std::size_t encode_start(std::span<std::byte> out, opcode op, std::uint64_t payload_bytes, bool fin,
                         unsigned mask_bit) noexcept {
    CHECK(!is_control(op) || (fin && payload_bytes <= control_payload_bytes_max));
    CHECK(payload_bytes >> 63 == 0);
    CHECK(out.size() >= 2);
    out[0] = static_cast<std::byte>((fin ? fin_bit : 0U) | static_cast<unsigned>(op));
    if (payload_bytes < length_is_16_bits) {
        out[1] = static_cast<std::byte>(mask_bit | static_cast<unsigned>(payload_bytes));
        return 2;
    }
    if (payload_bytes <= 0xffff) {
        CHECK(out.size() >= 4);
        out[1] = static_cast<std::byte>(mask_bit | length_is_16_bits);
        boost::endian::store_big_u16(octets(out) + 2, static_cast<std::uint16_t>(payload_bytes));
        return 4;
    }
    CHECK(out.size() >= 10);
    out[1] = static_cast<std::byte>(mask_bit | length_is_64_bits);
    boost::endian::store_big_u64(octets(out) + 2, payload_bytes);
    return 10;
}

} // namespace

result<std::optional<frame_header>> decode_header(bytes_view input, role reader, bool may_be_deflated) noexcept {
    // Checks go strictly in the order of the bytes, so the verdict does not depend on how many have arrived.
    if (input.empty()) return std::nullopt;
    const auto first = std::to_integer<unsigned>(input[0]);
    const unsigned reserved = first & reserved_bits;
    if (reserved != 0 && (reserved != rsv1_bit || !may_be_deflated)) return error::reserved_bits;
    if (!is_known_opcode(first & opcode_bits)) return error::reserved_opcode;
    frame_header header;
    header.op = static_cast<opcode>(first & opcode_bits);
    header.fin = (first & fin_bit) != 0;
    header.deflated = reserved != 0;
    // Only a message's first frame says so (RFC 7692 §6.1).
    if (header.deflated && header.op != opcode::text && header.op != opcode::binary) return error::reserved_bits;
    if (is_control(header.op) && !header.fin) return error::control_fragmented;

    if (input.size() < 2) return std::nullopt;
    const auto second = std::to_integer<unsigned>(input[1]);
    header.masked = (second & masked_bit) != 0;
    if (reader == role::server && !header.masked) return error::not_masked;
    if (reader == role::client && header.masked) return error::masked;
    header.payload_bytes = second & length_bits;
    if (is_control(header.op) && header.payload_bytes > control_payload_bytes_max) return error::control_too_long;

    std::size_t used = 2;
    if (header.payload_bytes == length_is_16_bits) {
        if (input.size() < 4) return std::nullopt;
        header.payload_bytes = boost::endian::load_big_u16(octets(input) + 2);
        if (header.payload_bytes < length_is_16_bits) return error::length_not_minimal;
        used = 4;
    } else if (header.payload_bytes == length_is_64_bits) {
        if (input.size() < 10) return std::nullopt;
        header.payload_bytes = boost::endian::load_big_u64(octets(input) + 2);
        if (header.payload_bytes >> 63 != 0) return error::length_too_big;
        if (header.payload_bytes <= 0xffff) return error::length_not_minimal;
        used = 10;
    }
    if (header.masked) {
        if (input.size() < used + sizeof(mask_key)) return std::nullopt;
        std::memcpy(&header.mask, input.data() + used, sizeof(mask_key));
        used += sizeof(mask_key);
    }
    header.header_bytes = static_cast<std::uint8_t>(used);
    return header;
}

std::size_t encode_header(std::span<std::byte> out, opcode op, std::uint64_t payload_bytes, bool fin) noexcept {
    return encode_start(out, op, payload_bytes, fin, 0);
}

std::size_t encode_header_masked(std::span<std::byte> out, opcode op, std::uint64_t payload_bytes, mask_key mask,
                                 bool fin) noexcept {
    const std::size_t used = encode_start(out, op, payload_bytes, fin, masked_bit);
    CHECK(out.size() >= used + sizeof(mask));
    std::memcpy(out.data() + used, &mask, sizeof(mask));
    return used + sizeof(mask);
}

} // namespace carillon::ws
