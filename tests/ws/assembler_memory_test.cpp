#include "support/allocations.hpp"
#include "ws/wire.hpp"

#include <gtest/gtest.h>

namespace carillon::ws {
namespace {

using carillon::test::allocations_during;
using carillon::test::heap_use_now;
using test::from_hex;
using test::masked;

// The first validation of a process chooses simdjson's implementation, which takes memory once.
const bool simdjson_is_ready = is_utf8(as_bytes(std::string(100, 't')));

std::span<std::byte> bytes_of(std::string& text) { return std::as_writable_bytes(std::span{text}); }

// Reads `input` to its end and says how many events it gave.
int drain(assembler& reader, std::span<std::byte> input) {
    int events = 0;
    while (reader.next(input).what != event::kind::none) ++events;
    return events;
}

TEST(assembler_memory, whole_messages_and_control_frames_take_no_memory) {
    ASSERT_TRUE(simdjson_is_ready);
    std::string wire = masked({opcode::text, std::string(100, 't')}) + masked({opcode::ping, "p"}) +
                       masked({opcode::binary, std::string(60000, 'b')}) +
                       masked({opcode::pong, std::string(125, 'p')});
    int events = 0;
    EXPECT_EQ(allocations_during([&] {
                  assembler reader{role::server, {}};
                  events = drain(reader, bytes_of(wire));
              }),
              0U);
    EXPECT_EQ(events, 4);
}

TEST(assembler_memory, a_message_of_one_frame_is_a_view_into_the_input) {
    std::string wire = masked({opcode::text, "hello"});
    assembler reader{role::server, {}};
    auto input = bytes_of(wire);
    const event said = reader.next(input);
    EXPECT_EQ(static_cast<void*>(said.payload.data()), wire.data() + 6);
    EXPECT_EQ(wire.substr(6), "hello");
}

TEST(assembler_memory, headers_and_control_frames_in_pieces_take_no_memory) {
    std::string wire =
        masked({opcode::ping, std::string(125, 'p')}) + masked({opcode::close, from_hex("03e8") + "bye"});
    std::string header = from_hex("82 ff 0000000000010000 00000000");
    int events = 0;
    EXPECT_EQ(allocations_during([&] {
                  assembler reader{role::server, {}};
                  for (std::byte& byte : bytes_of(wire)) events += drain(reader, {&byte, 1});
                  assembler waiting{role::server, {}};
                  for (std::byte& byte : bytes_of(header)) events += drain(waiting, {&byte, 1});
                  const assembler kept = std::move(waiting);
                  events += kept.idle() ? 100 : 0;
              }),
              0U);
    EXPECT_EQ(events, 2);
}

TEST(assembler_memory, memory_follows_what_has_arrived_not_what_was_announced) {
    constexpr std::size_t announced = 65536;
    std::string wire = masked({opcode::binary, std::string(announced, 'b')});
    const auto before = heap_use_now().live_bytes;
    assembler reader{role::server, {}};
    auto rest = bytes_of(wire);
    std::size_t arrived = 0;
    while (!rest.empty()) {
        const std::size_t size = std::min<std::size_t>(arrived == 0 ? 14 : 100, rest.size());
        const int events = drain(reader, rest.first(size));
        rest = rest.subspan(size);
        arrived += size;
        const auto held = static_cast<std::size_t>(heap_use_now().live_bytes - before);
        if (arrived == 14) { ASSERT_EQ(held, 0U); }
        ASSERT_LE(held, 2 * arrived + padded_buffer::padding_bytes + 64) << arrived; // 64: what malloc rounds up
        ASSERT_LE(held, announced + padded_buffer::padding_bytes + 64);
        ASSERT_EQ(events, rest.empty() ? 1 : 0);
    }
    EXPECT_EQ(heap_use_now().live_bytes, before) << "given back by the call after the message";
    EXPECT_TRUE(reader.idle());
}

TEST(assembler_memory, a_promise_of_the_largest_message_with_one_byte_of_it_is_cheap) {
    std::string wire = masked({opcode::binary, std::string(65536, 'b')}).substr(0, 15);
    const auto before = heap_use_now().live_bytes;
    assembler reader{role::server, {}};
    drain(reader, bytes_of(wire));
    EXPECT_FALSE(reader.idle());
    EXPECT_LE(heap_use_now().live_bytes - before, 128);
    EXPECT_LE(sizeof(assembler), 256U);
}

TEST(assembler_memory, a_message_of_many_tiny_fragments_is_not_copied_for_each) {
    std::string wire = masked({opcode::binary, "x", false});
    for (int i = 0; i < 20000; ++i) wire += masked({opcode::continuation, "y", false});
    wire += masked({opcode::continuation, "z"});
    assembler reader{role::server, {}};
    auto input = bytes_of(wire);
    event said;
    EXPECT_LE(allocations_during([&] { said = reader.next(input); }), 16U);
    EXPECT_EQ(said.what, event::kind::message);
    EXPECT_EQ(said.payload.size(), 20002U);
}

TEST(assembler_memory, readable_bytes_follow_an_assembled_payload) {
    for (const std::size_t size : {1U, 2U, 63U, 64U, 65U, 4000U}) {
        std::string wire = masked({opcode::text, std::string(size, 't'), false}) + masked({opcode::continuation, "e"});
        assembler reader{role::server, {}};
        auto input = bytes_of(wire);
        const event said = reader.next(input);
        ASSERT_EQ(said.payload.size(), size + 1);
        // A step outside is for the sanitizer to see; the sum keeps the reads.
        unsigned sum = 0;
        for (std::size_t i = 0; i < padded_buffer::padding_bytes; ++i)
            sum += std::to_integer<unsigned>(*(said.payload.data() + said.payload.size() + i));
        EXPECT_LE(sum, 255U * padded_buffer::padding_bytes);
    }
}

TEST(assembler_memory, a_failed_message_gives_its_memory_back) {
    std::string wire = masked({opcode::text, std::string(5000, 't'), false}) + masked({opcode::text, "x"});
    const auto before = heap_use_now().live_bytes;
    assembler reader{role::server, {}};
    auto input = bytes_of(wire);
    EXPECT_EQ(reader.next(input).what, event::kind::failed);
    EXPECT_EQ(heap_use_now().live_bytes, before);
}

TEST(assembler_memory, an_assembler_may_be_moved_in_the_middle_of_a_message) {
    std::string wire = masked({opcode::text, std::string(300, 'm')});
    assembler first{role::server, {}};
    drain(first, bytes_of(wire).first(150));
    assembler second = std::move(first);
    assembler third{role::server, {}};
    third = std::move(second);
    auto rest = bytes_of(wire).subspan(150);
    const event said = third.next(rest);
    ASSERT_EQ(said.what, event::kind::message);
    EXPECT_EQ(as_text(said.payload), std::string(300, 'm'));
}

} // namespace
} // namespace carillon::ws
