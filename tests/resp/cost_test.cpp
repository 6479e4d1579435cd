#include "feeding.hpp"
#include "rare_types.hpp"
#include "resp/glob.hpp"
#include "resp/writer.hpp"
#include "support/allocations.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

namespace carillon::resp::test {
namespace {

using carillon::test::allocations_during;
using carillon::test::heap_use_now;

TEST(cost, a_warm_command_parser_allocates_nothing) {
    std::string wire;
    for (int i = 0; i < 16; ++i) append_command(wire, {"PUBLISH", "channel", "payload"});
    wire += "SET \"a key\" 'a value' \"\\x41\"\r\n";
    command_parser parser;
    std::size_t commands = 0;
    const auto read_all = [&] {
        std::string_view rest = wire;
        // In two halves each, as a socket may bring them.
        for (auto step = parser.next(rest.substr(0, 9)); !rest.empty(); step = parser.next(rest.substr(0, 9))) {
            ASSERT_EQ(step.what, outcome::need_more);
            step = parser.next(rest);
            ASSERT_EQ(step.what, outcome::complete);
            rest.remove_prefix(step.consumed);
            ++commands;
        }
    };
    read_all();
    EXPECT_EQ(allocations_during(read_all), 0u);
    EXPECT_EQ(commands, 34u);
}

TEST(cost, a_warm_reply_parser_allocates_nothing) {
    std::string wire;
    append_message(wire, "channel", "payload", version::resp3);
    append_map_header(wire, 1, version::resp3);
    append_bulk(wire, "key");
    append_double(wire, 1.5, version::resp3);
    reply_parser parser;
    const auto read_all = [&] {
        for (std::string_view rest = wire; !rest.empty();) {
            ASSERT_EQ(parser.next(rest.substr(0, 5)).what, outcome::need_more);
            const auto step = parser.next(rest);
            ASSERT_EQ(step.what, outcome::complete);
            rest.remove_prefix(step.consumed);
        }
    };
    read_all();
    EXPECT_EQ(allocations_during(read_all), 0u);
}

TEST(cost, failing_allocates_nothing) {
    command_parser commands;
    reply_parser replies;
    EXPECT_EQ(allocations_during([&] {
                  EXPECT_EQ(commands.next("*1\r\nx\r\n").what, outcome::failed);
                  EXPECT_EQ(replies.next("HTTP/1.1 200 OK\r\n").what, outcome::failed);
              }),
              0u);
}

TEST(cost, writing_into_a_reserved_output_allocates_nothing) {
    const std::string channel(100, 'c');
    const std::string payload(1000, 'p');
    std::string out;
    out.reserve(message_bytes(channel, payload) + command_bytes({"PUBLISH", channel, payload}) + 64);
    EXPECT_EQ(allocations_during([&] {
                  append_message(out, channel, payload, version::resp3);
                  append_command(out, {"PUBLISH", channel, payload});
                  append_double(out, 0.1, version::resp2);
                  append_error(out, "ERR no");
                  append_integer(out, -1);
              }),
              0u);
}

TEST(cost, counts_and_lengths_alone_allocate_nothing) {
    const std::string_view wires[] = {"*1000000000\r\n", "*1048576\r\n", "*1\r\n$65536\r\n", "*1\r\n$999999999\r\n"};
    for (const std::string_view wire : wires) {
        SCOPED_TRACE(wire);
        command_parser parser;
        EXPECT_EQ(allocations_during([&] { parser.next(wire); }), 0u);
    }
    const std::string_view replies[] = {"*1000000000\r\n", "$999999999\r\n", "$16000000\r\n",
                                        "%9223372036854775807\r\n"};
    for (const std::string_view wire : replies) {
        SCOPED_TRACE(wire);
        reply_parser parser;
        EXPECT_EQ(allocations_during([&] { parser.next(wire); }), 0u);
    }
    reply_parser parser;
    EXPECT_EQ(parser.next("*60000\r\n").what, outcome::need_more);
    EXPECT_LE(allocations_during([&] { parser.next("*60000\r\n:1\r\n"); }), 2u);
}

TEST(cost, memory_of_a_long_command_is_given_back) {
    std::string wire = "*100000\r\n";
    wire += repeated("$0\r\n\r\n", 100000);
    command_parser parser;
    const auto before = heap_use_now().live_bytes;
    ASSERT_EQ(parser.next(wire).what, outcome::complete);
    EXPECT_GT(heap_use_now().live_bytes - before, 1'000'000);
    ASSERT_EQ(parser.next("PING\r\n").what, outcome::complete);
    EXPECT_LT(heap_use_now().live_bytes - before, 1'000);
}

TEST(cost, memory_of_a_long_line_is_given_back) {
    const std::string wire = joined({"ECHO ", std::string(60000, 'x'), "\n"});
    command_parser parser;
    const auto before = heap_use_now().live_bytes;
    ASSERT_EQ(parser.next(wire).what, outcome::complete);
    EXPECT_GT(heap_use_now().live_bytes - before, 60'000);
    ASSERT_EQ(parser.next("PING\r\n").what, outcome::complete);
    EXPECT_LT(heap_use_now().live_bytes - before, 1'000);
}

TEST(cost, memory_of_a_long_reply_is_given_back) {
    std::string wire = "*50000\r\n";
    wire += repeated("_\r\n", 50000);
    reply_parser parser;
    const auto before = heap_use_now().live_bytes;
    ASSERT_EQ(parser.next(wire).what, outcome::complete);
    EXPECT_GT(heap_use_now().live_bytes - before, 1'000'000);
    ASSERT_EQ(parser.next("+OK\r\n").what, outcome::complete);
    EXPECT_LT(heap_use_now().live_bytes - before, 1'000);
}

TEST(cost, a_deep_reply_is_refused_at_its_depth) {
    const std::string wire = repeated("*1\r\n", 1'000'000);
    reply_parser parser;
    EXPECT_EQ(parser.next(wire).code, error::too_deep);
    EXPECT_LE(allocations_during([&] { reply_parser{}.next(wire); }), 20u);
}

// That bytes are looked at once is shown by spoiling those that must not be looked at again: a second look would fail.
// Only the first byte, which tells arrays from lines, is read on every call.

TEST(cost, arguments_that_have_been_read_are_not_read_again) {
    std::string wire = "*50\r\n";
    wire += repeated("$1\r\na\r\n", 50);
    command_parser parser;
    for (std::size_t read = 0; read < 50; ++read) {
        const std::size_t end = 5 + read * 7;
        ASSERT_EQ(parser.next(std::string_view{wire}.substr(0, end + 6)).what, outcome::need_more);
        std::fill(wire.begin() + 1, wire.begin() + static_cast<std::ptrdiff_t>(end), '?');
    }
    const auto step = parser.next(wire);
    ASSERT_EQ(step.what, outcome::complete) << step.error;
    EXPECT_EQ(step.args.size(), 50u);
    EXPECT_EQ(step.args.back(), "a");
}

TEST(cost, values_that_have_been_read_are_not_read_again) {
    std::string wire = "*50\r\n";
    wire += repeated("$1\r\na\r\n", 50);
    reply_parser parser;
    for (std::size_t read = 0; read < 50; ++read) {
        const std::size_t end = 5 + read * 7;
        ASSERT_EQ(parser.next(std::string_view{wire}.substr(0, end + 6)).what, outcome::need_more);
        std::fill(wire.begin(), wire.begin() + static_cast<std::ptrdiff_t>(end), '?');
    }
    const auto step = parser.next(wire);
    ASSERT_EQ(step.what, outcome::complete) << step.error;
    EXPECT_EQ(step.nodes.size(), 51u);
    EXPECT_EQ(step.nodes.back().text, "a");
}

TEST(cost, the_beginning_of_a_line_is_not_searched_again) {
    command_parser commands;
    std::string line(100, 'x');
    ASSERT_EQ(commands.next(line).what, outcome::need_more);
    std::fill(line.begin() + 1, line.end(), '\n');
    line += "y\n";
    EXPECT_EQ(commands.next(line).consumed, line.size());

    reply_parser replies;
    std::string status = joined({"+", std::string(100, 'x')});
    ASSERT_EQ(replies.next(status).what, outcome::need_more);
    std::fill(status.begin() + 1, status.end(), '\r');
    status += "y\r\n";
    EXPECT_EQ(replies.next(status).consumed, status.size());
}

TEST(cost, the_bytes_of_an_argument_are_not_searched) {
    command_parser parser;
    std::string wire = "*1\r\n$100\r\n";
    wire.append(50, 'x');
    ASSERT_EQ(parser.next(wire).needed, 10u + 100 + 2);
    wire.append(50, '\r');
    ASSERT_EQ(parser.next(wire).needed, 10u + 100 + 2);
    wire += "\r\n";
    EXPECT_EQ(parser.next(wire).consumed, wire.size());
}

// Ten million steps; trying every split of the text would take more than the age of the universe.
TEST(cost, a_hostile_pattern_is_no_more_than_its_length_times_the_text) {
    const std::string pattern = joined({repeated("a*", 1000), "b"});
    const std::string text(10000, 'a');
    EXPECT_FALSE(glob_match(pattern, text));
    EXPECT_EQ(allocations_during([&] { EXPECT_TRUE(glob_match(repeated("*", 10), "a")); }), 0u);
}

} // namespace
} // namespace carillon::resp::test
