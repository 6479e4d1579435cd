#include "ws/frame.hpp"
#include "ws/wire.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <type_traits>

namespace carillon::ws {
namespace {

using test::from_hex;

constexpr std::string_view key_wire = "\x37\xfa\x21\x3d"; // the one of RFC 6455 §5.7

mask_key key_of(std::string_view wire) {
    mask_key key;
    std::memcpy(&key, wire.data(), sizeof key);
    return key;
}

struct header_case {
    const char* name;
    const char* wire;
    role reader;
    opcode op;
    bool fin;
    std::uint64_t payload_bytes;
    std::uint8_t header_bytes;
};

const header_case well_formed[] = {
    {"RFC 5.7: an unmasked text, seen by a client", "81 05", role::client, opcode::text, true, 5, 2},
    {"RFC 5.7: a masked text, seen by a server", "81 85 37fa213d", role::server, opcode::text, true, 5, 6},
    {"RFC 5.7: a first fragment", "01 03", role::client, opcode::text, false, 3, 2},
    {"RFC 5.7: a last fragment", "80 02", role::client, opcode::continuation, true, 2, 2},
    {"RFC 5.7: an unmasked ping", "89 05", role::client, opcode::ping, true, 5, 2},
    {"RFC 5.7: a masked pong", "8a 85 37fa213d", role::server, opcode::pong, true, 5, 6},
    {"RFC 5.7: 256 bytes of binary in one frame", "82 7e 0100", role::client, opcode::binary, true, 256, 4},
    {"RFC 5.7: 64 KiB of binary in one frame", "82 7f 0000000000010000", role::client, opcode::binary, true, 65536, 10},
    {"an empty frame", "82 80 00000000", role::server, opcode::binary, true, 0, 6},
    {"125 bytes are the most that fit in seven bits", "82 7d", role::client, opcode::binary, true, 125, 2},
    {"126 bytes are the least that take sixteen bits", "82 7e 007e", role::client, opcode::binary, true, 126, 4},
    {"65535 bytes are the most that fit in sixteen bits", "82 fe ffff 37fa213d", role::server, opcode::binary, true,
     65535, 8},
    {"65536 bytes take sixty-four bits, masked", "82 ff 0000000000010000 37fa213d", role::server, opcode::binary, true,
     65536, 14},
    {"the longest length there is", "02 7f 7fffffffffffffff", role::client, opcode::binary, false, 0x7fffffffffffffff,
     10},
    {"a control frame of 125 bytes", "88 fd 37fa213d", role::server, opcode::close, true, 125, 6},
};

TEST(decode_header, reads_every_well_formed_header_and_asks_for_more_until_it_is_whole) {
    for (const auto& c : well_formed) {
        SCOPED_TRACE(c.name);
        const std::string wire = from_hex(c.wire);
        for (std::size_t size = 0; size < wire.size(); ++size) {
            const auto part = decode_header(as_bytes(std::string_view{wire}.substr(0, size)), c.reader);
            ASSERT_TRUE(part.has_value()) << size;
            EXPECT_FALSE(part->has_value()) << size;
        }
        for (const char* behind : {"", "ff", "ffffffffffffffffffffffffffffffff"}) {
            const std::string longer = wire + from_hex(behind);
            const auto whole = decode_header(as_bytes(longer), c.reader);
            ASSERT_TRUE(whole.has_value() && whole->has_value());
            const frame_header expected{
                .payload_bytes = c.payload_bytes,
                .mask = c.reader == role::server ? key_of(std::string_view{wire}.substr(wire.size() - 4)) : 0,
                .op = c.op,
                .fin = c.fin,
                .masked = c.reader == role::server,
                .header_bytes = c.header_bytes};
            EXPECT_EQ(**whole, expected);
        }
    }
}

TEST(decode_header, writes_what_it_reads) {
    for (const auto& c : well_formed) {
        SCOPED_TRACE(c.name);
        const std::string wire = from_hex(c.wire);
        std::array<std::byte, header_bytes_max> out;
        const std::size_t size =
            c.reader == role::client
                ? encode_header(out, c.op, c.payload_bytes, c.fin)
                : encode_header_masked(out, c.op, c.payload_bytes,
                                       key_of(std::string_view{wire}.substr(wire.size() - 4)), c.fin);
        EXPECT_EQ(as_text(bytes_view{out}.first(size)), wire);
    }
}

struct refused_case {
    const char* name;
    const char* wire;
    role reader;
    error why;
    std::size_t decided_after; // bytes
};

const refused_case refused[] = {
    {"the first reserved bit (compression, not negotiated)", "c1 85 37fa213d", role::server, error::reserved_bits, 1},
    {"the second reserved bit", "a1 85 37fa213d", role::server, error::reserved_bits, 1},
    {"the third reserved bit", "91 85 37fa213d", role::server, error::reserved_bits, 1},
    {"a reserved bit on a control frame", "c9 85 37fa213d", role::server, error::reserved_bits, 1},
    {"data opcode 3", "83 85 37fa213d", role::server, error::reserved_opcode, 1},
    {"data opcode 4", "84 85 37fa213d", role::server, error::reserved_opcode, 1},
    {"data opcode 5", "85 85 37fa213d", role::server, error::reserved_opcode, 1},
    {"data opcode 6", "86 85 37fa213d", role::server, error::reserved_opcode, 1},
    {"data opcode 7", "87 85 37fa213d", role::server, error::reserved_opcode, 1},
    {"control opcode 11", "8b 85 37fa213d", role::server, error::reserved_opcode, 1},
    {"control opcode 12", "8c 85 37fa213d", role::server, error::reserved_opcode, 1},
    {"control opcode 13", "8d 85 37fa213d", role::server, error::reserved_opcode, 1},
    {"control opcode 14", "8e 85 37fa213d", role::server, error::reserved_opcode, 1},
    {"control opcode 15", "8f 85 37fa213d", role::server, error::reserved_opcode, 1},
    {"a ping without FIN", "09 85 37fa213d", role::server, error::control_fragmented, 1},
    {"a pong without FIN", "0a 85 37fa213d", role::server, error::control_fragmented, 1},
    {"a close without FIN", "08 82 37fa213d", role::server, error::control_fragmented, 1},
    {"a client that does not mask", "81 05 48656c6c6f", role::server, error::not_masked, 2},
    {"a server that masks", "81 85 37fa213d 7f9f4d5158", role::client, error::masked, 2},
    {"a ping of 126 bytes", "89 fe 007e 37fa213d", role::server, error::control_too_long, 2},
    {"a pong of 64-bit length", "8a ff 0000000000010000 37fa213d", role::server, error::control_too_long, 2},
    {"a close of 126 bytes", "88 fe 007e 37fa213d", role::server, error::control_too_long, 2},
    {"a short length in sixteen bits", "82 fe 007d 37fa213d", role::server, error::length_not_minimal, 4},
    {"no length in sixteen bits", "82 fe 0000 37fa213d", role::server, error::length_not_minimal, 4},
    {"a 16-bit length in sixty-four", "82 ff 000000000000ffff 37fa213d", role::server, error::length_not_minimal, 10},
    {"a 7-bit length in sixty-four", "82 7f 0000000000000001", role::client, error::length_not_minimal, 10},
    {"the top bit of the 64-bit length", "82 ff 8000000000000000 37fa213d", role::server, error::length_too_big, 10},
    {"all bits of the 64-bit length", "82 ff ffffffffffffffff 37fa213d", role::server, error::length_too_big, 10},
};

TEST(decode_header, refuses_what_the_rfc_forbids_as_soon_as_the_bytes_say_so) {
    for (const auto& c : refused) {
        SCOPED_TRACE(c.name);
        const std::string wire = from_hex(c.wire);
        for (std::size_t size = 0; size <= wire.size(); ++size) {
            const auto verdict = decode_header(as_bytes(std::string_view{wire}.substr(0, size)), c.reader);
            if (size < c.decided_after) {
                ASSERT_TRUE(verdict.has_value()) << size;
                EXPECT_FALSE(verdict->has_value()) << size;
            } else {
                ASSERT_TRUE(verdict.has_error()) << size;
                EXPECT_EQ(verdict.error(), c.why) << size;
            }
        }
    }
}

TEST(apply_mask, agrees_with_byte_by_byte_at_every_size_alignment_and_offset) {
    std::mt19937 random{7};
    std::vector<std::byte> memory(300);
    for (std::size_t size = 0; size <= 200; ++size)
        for (std::size_t begin = 0; begin < 17; begin += size % 3 + 1)
            for (std::size_t offset = 0; offset < 6; ++offset) {
                for (auto& byte : memory) byte = static_cast<std::byte>(random());
                auto expected = memory;
                for (std::size_t i = 0; i < size; ++i)
                    expected[begin + i] ^= static_cast<std::byte>(key_wire[(offset + i) % 4]);
                apply_mask(std::span{memory}.subspan(begin, size), key_of(key_wire), offset);
                ASSERT_EQ(memory, expected) << size << ' ' << begin << ' ' << offset;
            }
}

TEST(apply_mask, masks_the_example_of_the_rfc) {
    std::string hello = "Hello";
    apply_mask(std::as_writable_bytes(std::span{hello}), key_of(key_wire));
    EXPECT_EQ(hello, from_hex("7f9f4d5158"));
}

template <class Container>
class append_frame_to : public testing::Test {};
using containers = testing::Types<std::string, std::vector<char>, std::vector<unsigned char>, std::vector<std::byte>>;
TYPED_TEST_SUITE(append_frame_to, containers);

TYPED_TEST(append_frame_to, puts_whole_frames_one_behind_the_other) {
    TypeParam out;
    std::string expected;
    for (const std::size_t size : {0U, 1U, 5U, 125U, 126U, 65535U, 65536U}) {
        const test::plain_frame frame{opcode::binary, std::string(size, 'a'), true};
        append_frame(out, frame.op, frame.payload);
        expected += test::unmasked(frame);
    }
    append_frame(out, opcode::ping, "");
    expected += from_hex("8900");
    EXPECT_EQ(as_text(std::as_bytes(std::span{out})), expected);
}

} // namespace
} // namespace carillon::ws
