#include "ws/assembler.hpp"
#include "ws/wire.hpp"

#include <gtest/gtest.h>

namespace carillon::ws {
namespace {

using namespace test;
using story = std::vector<spoken>;

// What a client may send: the frames are masked.
std::string frames(const std::vector<plain_frame>& list) {
    std::string wire;
    for (const auto& frame : list) wire += masked(frame);
    return wire;
}

struct wire_case {
    const char* name;
    std::string wire;
    story expected;
    role reader = role::server;
};

const std::string four = "\U0001f514"; // one code point of four bytes

std::vector<wire_case> rfc_cases() {
    const std::string block(256, '\x5a');
    const std::string big(65536, '\xa5');
    return {
        {"RFC 5.7: a single-frame unmasked text",
         from_hex("81 05 48656c6c6f"),
         {message(opcode::text, "Hello")},
         role::client},
        {"RFC 5.7: a single-frame masked text",
         from_hex("81 85 37fa213d 7f9f4d5158"),
         {message(opcode::text, "Hello")}},
        {"RFC 5.7: a fragmented unmasked text",
         from_hex("01 03 48656c 80 02 6c6f"),
         {message(opcode::text, "Hello")},
         role::client},
        {"RFC 5.7: an unmasked ping", from_hex("89 05 48656c6c6f"), {ping("Hello")}, role::client},
        {"RFC 5.7: its masked pong", from_hex("8a 85 37fa213d 7f9f4d5158"), {pong("Hello")}},
        {"RFC 5.7: 256 bytes of binary",
         from_hex("82 7e 0100") + block,
         {message(opcode::binary, block)},
         role::client},
        {"RFC 5.7: 64 KiB of binary",
         from_hex("82 7f 0000000000010000") + big,
         {message(opcode::binary, big)},
         role::client},
    };
}

std::vector<wire_case> message_cases() {
    return {
        {"an empty text", frames({{opcode::text, ""}}), {message(opcode::text, "")}},
        {"an empty binary", frames({{opcode::binary, ""}}), {message(opcode::binary, "")}},
        {"binary is not UTF-8", frames({{opcode::binary, "\xff\xfe"}}), {message(opcode::binary, "\xff\xfe")}},
        {"two messages in a row",
         frames({{opcode::text, "one"}, {opcode::binary, "two"}}),
         {message(opcode::text, "one"), message(opcode::binary, "two")}},
        {"three fragments",
         frames({{opcode::text, "a", false}, {opcode::continuation, "b", false}, {opcode::continuation, "c"}}),
         {message(opcode::text, "abc")}},
        {"empty fragments around a text",
         frames({{opcode::text, "", false},
                 {opcode::continuation, "", false},
                 {opcode::continuation, "x", false},
                 {opcode::continuation, ""}}),
         {message(opcode::text, "x")}},
        {"a message of nothing but empty fragments",
         frames({{opcode::binary, "", false}, {opcode::continuation, ""}}),
         {message(opcode::binary, "")}},
        {"a code point cut by fragments",
         frames({{opcode::text, four.substr(0, 1), false},
                 {opcode::continuation, four.substr(1, 2), false},
                 {opcode::continuation, four.substr(3)}}),
         {message(opcode::text, four)}},
        {"a ping between the halves of a code point",
         frames(
             {{opcode::text, four.substr(0, 2), false}, {opcode::ping, "?"}, {opcode::continuation, four.substr(2)}}),
         {ping("?"), message(opcode::text, four)}},
        {"pings and pongs between fragments",
         frames({{opcode::binary, "a", false},
                 {opcode::ping, ""},
                 {opcode::pong, "p"},
                 {opcode::continuation, "b"},
                 {opcode::text, "t"}}),
         {ping(""), pong("p"), message(opcode::binary, "ab"), message(opcode::text, "t")}},
        {"a ping of 125 bytes", frames({{opcode::ping, std::string(125, 'p')}}), {ping(std::string(125, 'p'))}},
        {"control payloads need not be UTF-8",
         frames({{opcode::ping, "\xff"}, {opcode::pong, "\xfe"}}),
         {ping("\xff"), pong("\xfe")}},
        {"a message of 16-bit length",
         frames({{opcode::text, std::string(300, 't')}, {opcode::text, "x"}}),
         {message(opcode::text, std::string(300, 't')), message(opcode::text, "x")}},
        {"a message of 64-bit length",
         frames({{opcode::binary, std::string(65536, 'b')}}),
         {message(opcode::binary, std::string(65536, 'b'))}},
    };
}

std::vector<wire_case> close_cases() {
    const std::string bye = from_hex("0fa0") + "bye"; // 4000
    return {
        {"a close without a code", frames({{opcode::close, ""}}), {closed(1005)}},
        {"a close with a code", frames({{opcode::close, from_hex("03e8")}}), {closed(1000)}},
        {"a close with a code and a reason", frames({{opcode::close, bye}}), {closed(4000, "bye")}},
        {"a close with the longest reason",
         frames({{opcode::close, from_hex("0bb8") + std::string(123, 'r')}}),
         {closed(3000, std::string(123, 'r'))}},
        {"a close between fragments",
         frames({{opcode::text, "a", false}, {opcode::close, bye}}),
         {closed(4000, "bye")}},
        {"nothing is read behind a close",
         frames({{opcode::close, bye}, {opcode::text, "late"}, {opcode::ping, ""}}),
         {closed(4000, "bye")}},
        {"not even a mistake is seen behind a close",
         frames({{opcode::close, ""}}) + from_hex("ff ff"),
         {closed(1005)}},
        {"half a code", frames({{opcode::close, "\x03"}}), {failed(error::close_too_short)}},
        {"code 0", frames({{opcode::close, from_hex("0000")}}), {failed(error::close_code_invalid)}},
        {"code 999", frames({{opcode::close, from_hex("03e7")}}), {failed(error::close_code_invalid)}},
        {"code 1004", frames({{opcode::close, from_hex("03ec")}}), {failed(error::close_code_invalid)}},
        {"code 1005 on the wire", frames({{opcode::close, from_hex("03ed")}}), {failed(error::close_code_invalid)}},
        {"code 1006 on the wire", frames({{opcode::close, from_hex("03ee")}}), {failed(error::close_code_invalid)}},
        {"code 1015 on the wire", frames({{opcode::close, from_hex("03f7")}}), {failed(error::close_code_invalid)}},
        {"code 2999", frames({{opcode::close, from_hex("0bb7")}}), {failed(error::close_code_invalid)}},
        {"code 5000", frames({{opcode::close, from_hex("1388")}}), {failed(error::close_code_invalid)}},
        {"a reason that is not UTF-8", frames({{opcode::close, from_hex("03e8 ff")}}), {failed(error::invalid_utf8)}},
        {"a reason that ends inside a code point",
         frames({{opcode::close, from_hex("03e8 e282")}}),
         {failed(error::invalid_utf8)}},
    };
}

std::vector<wire_case> fault_cases() {
    const auto hello = message(opcode::text, "hello");
    const auto behind = [](std::string bad) {
        return masked({opcode::text, "hello"}) + bad + masked({opcode::text, "never read"});
    };
    return {
        {"a reserved bit", behind(from_hex("c1 80 00000000")), {hello, failed(error::reserved_bits)}},
        {"a reserved opcode", behind(from_hex("83 80 00000000")), {hello, failed(error::reserved_opcode)}},
        {"a control frame in fragments",
         behind(from_hex("09 80 00000000")),
         {hello, failed(error::control_fragmented)}},
        {"a control frame of 126 bytes",
         behind(masked({opcode::ping, std::string(126, 'p')})),
         {hello, failed(error::control_too_long)}},
        {"a length that is not minimal",
         behind(from_hex("82 fe 0001 00000000 41")),
         {hello, failed(error::length_not_minimal)}},
        {"a length of 64 bits and the top one set",
         behind(from_hex("82 ff 8000000000000000 00000000")),
         {hello, failed(error::length_too_big)}},
        {"a client that does not mask", behind(unmasked({opcode::text, "plain"})), {hello, failed(error::not_masked)}},
        {"a server that masks", masked({opcode::text, "masked"}), {failed(error::masked)}, role::client},
        {"a continuation of nothing",
         behind(masked({opcode::continuation, "x"})),
         {hello, failed(error::unexpected_continuation)}},
        {"a continuation that goes on, of nothing",
         behind(masked({opcode::continuation, "x", false})),
         {hello, failed(error::unexpected_continuation)}},
        {"a second continuation after the last one",
         frames({{opcode::text, "a", false}, {opcode::continuation, "b"}, {opcode::continuation, "c"}}),
         {message(opcode::text, "ab"), failed(error::unexpected_continuation)}},
        {"a new text inside a message",
         frames({{opcode::text, "a", false}, {opcode::text, "b"}}),
         {failed(error::message_interrupted)}},
        {"a new binary inside a message",
         frames({{opcode::text, "a", false}, {opcode::binary, "b", false}}),
         {failed(error::message_interrupted)}},
        {"a text that is not UTF-8", behind(masked({opcode::text, "\xc0\xaf"})), {hello, failed(error::invalid_utf8)}},
        {"a text that ends inside a code point",
         behind(masked({opcode::text, "\xe2\x82"})),
         {hello, failed(error::invalid_utf8)}},
        {"fragments that end inside a code point",
         frames({{opcode::text, "\xe2", false}, {opcode::continuation, "\x82"}, {opcode::ping, ""}}),
         {failed(error::invalid_utf8)}},
        {"a code point that one message does not finish is not finished by the next",
         frames({{opcode::text, "\xe2\x82"}, {opcode::text, "\xac"}}),
         {failed(error::invalid_utf8)}},
        {"an answered ping, then a bad byte in a later fragment",
         frames({{opcode::text, "a", false},
                 {opcode::ping, "p"},
                 {opcode::continuation, "\xff", false},
                 {opcode::continuation, "z"}}),
         {ping("p"), failed(error::invalid_utf8)}},
    };
}

class assembler_reads : public testing::TestWithParam<std::vector<wire_case> (*)()> {};

TEST_P(assembler_reads, in_one_burst) {
    for (const auto& c : GetParam()()) EXPECT_EQ(heard(c.wire, {}, c.reader), c.expected) << c.name;
}

TEST_P(assembler_reads, the_same_cut_in_two_at_every_byte) {
    for (const auto& c : GetParam()()) {
        // All places near the ends, some in the middle of the longest ones.
        const std::size_t step = c.wire.size() > 1000 ? 997 : 1;
        for (std::size_t cut = 0; cut <= c.wire.size(); cut += cut < 40 ? 1 : step)
            ASSERT_EQ(heard(c.wire, {cut}, c.reader), c.expected) << c.name << ", cut at " << cut;
    }
}

TEST_P(assembler_reads, the_same_byte_by_byte) {
    for (const auto& c : GetParam()()) EXPECT_EQ(heard_by_bytes(c.wire, c.reader), c.expected) << c.name;
}

INSTANTIATE_TEST_SUITE_P(examples, assembler_reads, testing::Values(rfc_cases),
                         [](const auto&) { return "of_the_rfc"; });
INSTANTIATE_TEST_SUITE_P(messages, assembler_reads, testing::Values(message_cases),
                         [](const auto&) { return "messages"; });
INSTANTIATE_TEST_SUITE_P(closes, assembler_reads, testing::Values(close_cases), [](const auto&) { return "closes"; });
INSTANTIATE_TEST_SUITE_P(faults, assembler_reads, testing::Values(fault_cases), [](const auto&) { return "faults"; });

TEST(assembler, tells_the_same_story_cut_in_three_anywhere) {
    const std::string wire = frames({{opcode::text, four.substr(0, 3), false},
                                     {opcode::ping, "pi"},
                                     {opcode::continuation, four.substr(3) + "x"},
                                     {opcode::binary, std::string(130, 'b')},
                                     {opcode::close, from_hex("03e8") + "ok"}});
    const story expected = {ping("pi"), message(opcode::text, four + "x"),
                            message(opcode::binary, std::string(130, 'b')), closed(1000, "ok")};
    for (std::size_t first = 0; first <= wire.size(); ++first)
        for (std::size_t second = first; second <= wire.size(); ++second)
            ASSERT_EQ(heard(wire, {first, second}), expected) << first << ' ' << second;
}

TEST(assembler, is_idle_only_between_messages) {
    const std::string wire = frames({{opcode::text, "ab", false}, {opcode::ping, "p"}, {opcode::continuation, "c"}});
    const std::string ends = frames({{opcode::text, "whole"}});
    listener ear;
    EXPECT_TRUE(ear.idle());
    for (std::size_t i = 0; i < wire.size(); ++i) {
        ear.hear(std::string_view{wire}.substr(i, 1));
        EXPECT_EQ(ear.idle(), i + 1 == wire.size()) << i;
    }
    ear.hear(ends);
    EXPECT_TRUE(ear.idle());
    ear.hear(frames({{opcode::ping, "p"}}));
    EXPECT_TRUE(ear.idle());
}

TEST(assembler, is_deaf_after_close_and_after_a_fault) {
    for (const auto& end : {masked({opcode::close, ""}), from_hex("ff")}) {
        assembler reader{role::server, {}};
        std::string first = end + "behind";
        std::string later = masked({opcode::text, "late"});
        std::span<std::byte> input = std::as_writable_bytes(std::span{first});
        EXPECT_NE(reader.next(input).what, event::kind::none);
        EXPECT_TRUE(input.empty());
        EXPECT_TRUE(reader.finished());
        EXPECT_FALSE(reader.idle()) << "a new assembler would read on";
        input = std::as_writable_bytes(std::span{later});
        EXPECT_EQ(reader.next(input).what, event::kind::none);
        EXPECT_TRUE(input.empty());
    }
}

TEST(assembler, refuses_bad_text_before_its_frame_or_message_ends) {
    struct {
        const char* name;
        std::string wire;
    } const cases[] = {
        {"a bad byte at the front of a long frame",
         masked({opcode::text, std::string(1, '\xff') + std::string(500, 'x')}).substr(0, 9)},
        {"a bad byte in a first fragment", masked({opcode::text, "ok\xff", false})},
        {"half a surrogate at the end of a fragment", masked({opcode::text, "ok\xed\xa0", false})},
    };
    for (const auto& c : cases) {
        EXPECT_EQ(heard(c.wire), story{failed(error::invalid_utf8)}) << c.name;
        EXPECT_EQ(heard_by_bytes(c.wire), story{failed(error::invalid_utf8)}) << c.name;
    }
}

TEST(assembler, lets_a_message_have_exactly_the_limit) {
    const auto text = [](std::size_t size) { return std::string(size, 't'); };
    struct {
        const char* name;
        std::vector<plain_frame> list;
        bool fits;
    } const cases[] = {
        {"one frame of the limit", {{opcode::text, text(65536)}}, true},
        {"one frame beyond", {{opcode::text, text(65537)}}, false},
        {"two fragments of the limit", {{opcode::text, text(65535), false}, {opcode::continuation, text(1)}}, true},
        {"two fragments beyond", {{opcode::text, text(65536), false}, {opcode::continuation, text(1)}}, false},
        {"the limit and an empty last fragment",
         {{opcode::text, text(65536), false}, {opcode::continuation, ""}},
         true},
        {"the limit counts each message anew",
         {{opcode::text, text(40000)}, {opcode::text, text(40000), false}, {opcode::continuation, ""}},
         true},
        {"control frames do not count",
         {{opcode::text, text(65500), false}, {opcode::ping, text(100)}, {opcode::continuation, text(36)}},
         true},
    };
    for (const auto& c : cases) {
        const std::string wire = frames(c.list);
        for (const auto& told : {heard(wire), heard(wire, {7}), heard_by_bytes(wire)}) {
            ASSERT_FALSE(told.empty()) << c.name;
            if (c.fits)
                EXPECT_EQ(told.back().what, event::kind::message) << c.name;
            else
                EXPECT_EQ(told, story{failed(error::message_too_big)}) << c.name;
        }
    }
}

TEST(assembler, refuses_a_message_beyond_the_limit_by_its_header_alone) {
    EXPECT_EQ(heard(from_hex("82 ff 0000000000010001 00000000")), story{failed(error::message_too_big)});
    EXPECT_EQ(heard(from_hex("82 ff 7fffffffffffffff 00000000")), story{failed(error::message_too_big)});
    EXPECT_EQ(heard(masked({opcode::binary, "ab", false}) + from_hex("80 ff 7fffffffffffffff 00000000")),
              story{failed(error::message_too_big)});
    EXPECT_EQ(heard(from_hex("82 81 00000000"), {}, role::server, {.message_bytes_max = 0}),
              story{failed(error::message_too_big)});
    EXPECT_EQ(heard(from_hex("82 80 00000000"), {}, role::server, {.message_bytes_max = 0}),
              story{message(opcode::binary, "")});
}

} // namespace
} // namespace carillon::ws
