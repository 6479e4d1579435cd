#include "ws/deflater.hpp"
#include "ws/wire.hpp"

#include <gtest/gtest.h>

namespace carillon::ws {
namespace {

using namespace test;
using story = std::vector<spoken>;

// The first frame of a message that is compressed.
std::string rsv1(plain_frame frame) {
    std::string wire = masked(frame);
    wire[0] = static_cast<char>(wire[0] | deflated_bit);
    return wire;
}

std::string with_bits(plain_frame frame, unsigned bits) {
    std::string wire = masked(frame);
    wire[0] = static_cast<char>(static_cast<unsigned char>(wire[0]) | bits);
    return wire;
}

const std::string hello = from_hex("f248cdc9c90700"); // "Hello"

struct wire_case {
    const char* name;
    std::string wire;
    story expected;
};

const wire_case cases[] = {
    {"a message in one frame", rsv1({opcode::text, hello}), {message(opcode::text, "Hello")}},
    {"a binary message", rsv1({opcode::binary, hello}), {message(opcode::binary, "Hello")}},
    {"two, and one that is not compressed",
     rsv1({opcode::text, hello}) + masked({opcode::text, "plain"}) + rsv1({opcode::text, hello}),
     {message(opcode::text, "Hello"), message(opcode::text, "plain"), message(opcode::text, "Hello")}},
    {"fragments, of which the first says it",
     rsv1({opcode::text, hello.substr(0, 3), false}) + masked({opcode::continuation, hello.substr(3, 2), false}) +
         masked({opcode::continuation, hello.substr(5)}),
     {message(opcode::text, "Hello")}},
    {"empty fragments around it",
     rsv1({opcode::text, "", false}) + masked({opcode::continuation, hello, false}) +
         masked({opcode::continuation, ""}),
     {message(opcode::text, "Hello")}},
    {"pings between fragments",
     rsv1({opcode::text, hello.substr(0, 3), false}) + masked({opcode::ping, "p"}) +
         masked({opcode::continuation, hello.substr(3)}),
     {ping("p"), message(opcode::text, "Hello")}},
    {"fragments of a message that is not, after one that is",
     rsv1({opcode::text, hello}) + masked({opcode::text, "a\xc3", false}) + masked({opcode::continuation, "\xa4"}),
     {message(opcode::text, "Hello"), message(opcode::text, "a\xc3\xa4")}},
    {"an empty message", rsv1({opcode::text, from_hex("00")}), {message(opcode::text, "")}},
    {"RSV1 on a continuation",
     rsv1({opcode::text, hello.substr(0, 3), false}) + with_bits({opcode::continuation, hello.substr(3)}, 0x40),
     {failed(error::reserved_bits)}},
    {"RSV1 on a ping", with_bits({opcode::ping, "p"}, 0x40), {failed(error::reserved_bits)}},
    {"RSV1 on a close", with_bits({opcode::close, ""}, 0x40), {failed(error::reserved_bits)}},
    {"RSV2", with_bits({opcode::text, hello}, 0x20), {failed(error::reserved_bits)}},
    {"RSV3", with_bits({opcode::text, hello}, 0x10), {failed(error::reserved_bits)}},
    {"RSV1 and RSV2", with_bits({opcode::text, hello}, 0x60), {failed(error::reserved_bits)}},
    {"no DEFLATE", rsv1({opcode::text, "Hello"}), {failed(error::not_deflated)}},
    {"an empty frame", rsv1({opcode::text, ""}), {failed(error::not_deflated)}},
    {"text that is not UTF-8", rsv1({opcode::text, from_hex("000100feffff00")}), {failed(error::invalid_utf8)}},
    {"the same in a binary message",
     rsv1({opcode::binary, from_hex("000100feffff00")}),
     {message(opcode::binary, "\xff")}},
    {"nothing is read behind a fault",
     rsv1({opcode::text, "Hello"}) + masked({opcode::text, "late"}),
     {failed(error::not_deflated)}},
};

TEST(assembler, reads_compressed_messages_however_they_are_cut) {
    inflater reader;
    const message_limits limits{.inflating = &reader};
    for (const wire_case& each : cases) {
        EXPECT_EQ(heard(each.wire, {}, role::server, limits), each.expected) << each.name;
        EXPECT_EQ(heard_by_bytes(each.wire, role::server, limits), each.expected) << each.name;
        for (std::size_t cut = 0; cut <= each.wire.size(); ++cut)
            ASSERT_EQ(heard(each.wire, {cut}, role::server, limits), each.expected) << each.name << ", cut at " << cut;
    }
}

TEST(assembler, takes_no_compressed_message_where_that_was_not_agreed_upon) {
    EXPECT_EQ(heard(rsv1({opcode::text, hello})), story{failed(error::reserved_bits)});
}

TEST(assembler, bounds_a_compressed_message_by_what_it_comes_to_and_by_what_it_takes) {
    inflater reader;
    const message_limits limits{.message_bytes_max = 1000, .inflating = &reader};
    const auto told = [&](std::size_t bytes) {
        std::string payload;
        deflater writer{9};
        EXPECT_TRUE(writer.deflate(std::string(bytes, 'x'), deflate_window::wide, payload));
        return heard(rsv1({opcode::text, payload}), {}, role::server, limits);
    };
    EXPECT_EQ(told(1000), story{message(opcode::text, std::string(1000, 'x'))});
    EXPECT_EQ(told(1001), story{failed(error::message_too_big)});
    EXPECT_EQ(told(1'000'000), story{failed(error::message_too_big)});
    // What cannot be compressed takes a little more; what takes much more is not read.
    const std::string stored = from_hex("00e80317fc") + std::string(1000, 'x') + from_hex("00");
    EXPECT_EQ(heard(rsv1({opcode::text, stored}), {}, role::server, limits),
              story{message(opcode::text, std::string(1000, 'x'))});
    const std::string header = rsv1({opcode::text, std::string(1190, '\0')}).substr(0, 8);
    EXPECT_EQ(heard(header, {}, role::server, limits), story{failed(error::message_too_big)});
    EXPECT_EQ(heard(rsv1({opcode::text, std::string(1000, '\0'), false}) +
                        masked({opcode::continuation, std::string(190, '\0')}),
                    {}, role::server, limits),
              story{failed(error::message_too_big)});
}

} // namespace
} // namespace carillon::ws
