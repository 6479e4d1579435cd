#include "feeding.hpp"
#include "resp/reply.hpp"
#include "resp/writer.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace carillon::resp::test {
namespace {

using namespace std::string_literals;
using namespace std::string_view_literals;

using nodes = std::vector<read_node>;

read_reply read(std::string_view wire, reply_limits limits = {}) { return read_every_way<reply_parser>(wire, limits); }

read_reply refused(error why) { return {outcome::failed, {}, 0, std::string{text(why)}}; }

struct good_case {
    std::string_view name;
    std::string_view wire;
    nodes expected;
};

// The wires of the first table were written by redis-server 7.0.15 (DEBUG PROTOCOL, and the commands named).
const good_case redis_cases[] = {
    {"string", "$11\r\nHello World\r\n", {{type::bulk_string, 0, 0, "Hello World", 0}}},
    {"integer", ":12345\r\n", {{type::integer, 0, 0, "", 12345}}},
    {"double", ",3.141\r\n", {{type::double_, 0, 0, "3.141", 0}}},
    {"null", "_\r\n", {{type::null, 0, 0, "", 0}}},
    {"null string of RESP2", "$-1\r\n", {{type::null, 0, 0, "", 0}}},
    {"null array of RESP2", "*-1\r\n", {{type::null, 0, 0, "", 0}}},
    {"array",
     "*3\r\n:0\r\n:1\r\n:2\r\n",
     {{type::array, 0, 3, "", 0},
      {type::integer, 1, 0, "", 0},
      {type::integer, 1, 0, "", 1},
      {type::integer, 1, 0, "", 2}}},
    {"set",
     "~3\r\n:0\r\n:1\r\n:2\r\n",
     {{type::set, 0, 3, "", 0},
      {type::integer, 1, 0, "", 0},
      {type::integer, 1, 0, "", 1},
      {type::integer, 1, 0, "", 2}}},
    {"map",
     "%2\r\n:0\r\n#f\r\n:1\r\n#t\r\n",
     {{type::map, 0, 4, "", 0},
      {type::integer, 1, 0, "", 0},
      {type::boolean, 1, 0, "", 0},
      {type::integer, 1, 0, "", 1},
      {type::boolean, 1, 0, "", 1}}},
    {"attribute before a string",
     "|1\r\n$14\r\nkey-popularity\r\n*2\r\n$7\r\nkey:123\r\n:90\r\n$39\r\nSome real reply following the attribute\r\n",
     {{type::attribute, 0, 2, "", 0},
      {type::bulk_string, 1, 0, "key-popularity", 0},
      {type::array, 1, 2, "", 0},
      {type::bulk_string, 2, 0, "key:123", 0},
      {type::integer, 2, 0, "", 90},
      {type::bulk_string, 0, 0, "Some real reply following the attribute", 0}}},
    {"push",
     ">2\r\n$16\r\nserver-cpu-usage\r\n:42\r\n",
     {{type::push, 0, 2, "", 0}, {type::bulk_string, 1, 0, "server-cpu-usage", 0}, {type::integer, 1, 0, "", 42}}},
    {"verbatim string",
     "=29\r\ntxt:This is a verbatim\nstring\r\n",
     {{type::verbatim, 0, 0, "This is a verbatim\nstring", 0}}},
    {"big number",
     "(1234567999999999999999999999999999999\r\n",
     {{type::big_number, 0, 0, "1234567999999999999999999999999999999", 0}}},
    {"error of EXEC", "-ERR EXEC without MULTI\r\n", {{type::error, 0, 0, "ERR EXEC without MULTI", 0}}},
    {"answer of PING", "+PONG\r\n", {{type::simple_string, 0, 0, "PONG", 0}}},
    {"empty set of SMEMBERS", "~0\r\n", {{type::set, 0, 0, "", 0}}},
    {"part of the answer of HELLO 3",
     "%2\r\n$4\r\nrole\r\n$6\r\nmaster\r\n$7\r\nmodules\r\n*0\r\n",
     {{type::map, 0, 4, "", 0},
      {type::bulk_string, 1, 0, "role", 0},
      {type::bulk_string, 1, 0, "master", 0},
      {type::bulk_string, 1, 0, "modules", 0},
      {type::array, 1, 0, "", 0}}},
    {"part of the answer of ZRANGE with scores",
     "*2\r\n*2\r\n$1\r\nc\r\n,-inf\r\n*2\r\n$1\r\na\r\n,1.5\r\n",
     {{type::array, 0, 2, "", 0},
      {type::array, 1, 2, "", 0},
      {type::bulk_string, 2, 0, "c", 0},
      {type::double_, 2, 0, "-inf", 0},
      {type::array, 1, 2, "", 0},
      {type::bulk_string, 2, 0, "a", 0},
      {type::double_, 2, 0, "1.5", 0}}},
};

const good_case other_cases[] = {
    {"an empty status", "+\r\n", {{type::simple_string, 0, 0, "", 0}}},
    {"an empty string", "$0\r\n\r\n", {{type::bulk_string, 0, 0, "", 0}}},
    {"a string of line ends and NUL", "$5\r\n\r\n\0\r\n\r\n"sv, {{type::bulk_string, 0, 0, "\r\n\0\r\n"s, 0}}},
    {"a blob error", "!9\r\nSYNTAX a\n\r\n", {{type::blob_error, 0, 0, "SYNTAX a\n", 0}}},
    {"an empty verbatim string", "=4\r\nmkd:\r\n", {{type::verbatim, 0, 0, "", 0}}},
    {"the smallest integer", ":-9223372036854775808\r\n", {{type::integer, 0, 0, "", INT64_MIN}}},
    {"the largest integer", ":9223372036854775807\r\n", {{type::integer, 0, 0, "", INT64_MAX}}},
    {"an integer with a plus", ":+7\r\n", {{type::integer, 0, 0, "", 7}}},
    {"a negative big number", "(-12\r\n", {{type::big_number, 0, 0, "-12", 0}}},
    {"a double in exponent notation", ",-1.5e-07\r\n", {{type::double_, 0, 0, "-1.5e-07", 0}}},
    {"an empty array", "*0\r\n", {{type::array, 0, 0, "", 0}}},
    {"an empty map", "%0\r\n", {{type::map, 0, 0, "", 0}}},
    {"an empty push", ">0\r\n", {{type::push, 0, 0, "", 0}}},
    {"an attribute of nothing before a status",
     "|0\r\n+OK\r\n",
     {{type::attribute, 0, 0, "", 0}, {type::simple_string, 0, 0, "OK", 0}}},
    {"an attribute before the second value of an array",
     "*2\r\n:1\r\n|1\r\n+ttl\r\n:9\r\n:2\r\n",
     {{type::array, 0, 2, "", 0},
      {type::integer, 1, 0, "", 1},
      {type::attribute, 1, 2, "", 0},
      {type::simple_string, 2, 0, "ttl", 0},
      {type::integer, 2, 0, "", 9},
      {type::integer, 1, 0, "", 2}}},
    {"empty arrays that end their parents",
     "*1\r\n*2\r\n*0\r\n*0\r\n",
     {{type::array, 0, 1, "", 0}, {type::array, 1, 2, "", 0}, {type::array, 2, 0, "", 0}, {type::array, 2, 0, "", 0}}},
};

TEST(reply_parser, reads_what_redis_writes) {
    for (const good_case& one : redis_cases) {
        SCOPED_TRACE(one.name);
        EXPECT_EQ(read(one.wire), (read_reply{outcome::complete, one.expected, one.wire.size(), ""}));
    }
}

TEST(reply_parser, reads_every_other_form) {
    for (const good_case& one : other_cases) {
        SCOPED_TRACE(one.name);
        EXPECT_EQ(read(one.wire), (read_reply{outcome::complete, one.expected, one.wire.size(), ""}));
    }
}

struct bad_case {
    std::string_view name;
    std::string_view wire;
    error why;
};

const bad_case bad_cases[] = {
    {"an HTTP server", "HTTP/1.1 400 Bad Request\r\n", error::unknown_type},
    {"a line end", "\r\n", error::unknown_type},
    {"a chunk of a streamed string", ";4\r\nabcd\r\n", error::unknown_type},
    {"a streamed string", "$?\r\n", error::streamed_value},
    {"a streamed array", "*?\r\n", error::streamed_value},
    {"a streamed map", "%?\r\n", error::streamed_value},
    {"a status with CR alone", "+a\rb\r\n", error::missing_line_end},
    {"a string longer than it says", "$2\r\nabc\r\n", error::missing_line_end},
    {"a string of length -2", "$-2\r\n", error::invalid_length},
    {"a string of no length", "$\r\n", error::invalid_length},
    {"a string of a length with a zero", "$01\r\na\r\n", error::invalid_length},
    {"a blob error of length -1", "!-1\r\n", error::invalid_length},
    {"an array of -2", "*-2\r\n", error::invalid_length},
    {"a map of -1", "%-1\r\n", error::invalid_length},
    {"a set of letters", "~a\r\n", error::invalid_length},
    {"an integer of letters", ":1x\r\n", error::invalid_integer},
    {"an integer of nothing", ":\r\n", error::invalid_integer},
    {"an integer of two signs", ":+-1\r\n", error::invalid_integer},
    {"an integer beyond 64 bits", ":9223372036854775808\r\n", error::invalid_integer},
    {"a double of letters", ",1.5x\r\n", error::invalid_double},
    {"a double of nothing", ",\r\n", error::invalid_double},
    {"a boolean of letters", "#true\r\n", error::invalid_boolean},
    {"a null with bytes", "_a\r\n", error::invalid_null},
    {"a big number of letters", "(12a\r\n", error::invalid_big_number},
    {"a big number of a sign", "(-\r\n", error::invalid_big_number},
    {"a verbatim string without a colon", "=4\r\ntxt \r\n", error::invalid_verbatim},
    {"a verbatim string without a format", "=3\r\ntxt\r\n", error::invalid_verbatim},
    {"a push inside an array", "*1\r\n>1\r\n", error::nested_push},
    {"a broken value deep inside", "*2\r\n*1\r\n:1\r\n#x\r\n", error::invalid_boolean},
};

TEST(reply_parser, refuses_what_is_no_reply) {
    for (const bad_case& one : bad_cases) {
        SCOPED_TRACE(one.name);
        EXPECT_EQ(read(one.wire), refused(one.why));
    }
}

struct limit_case {
    std::string_view name;
    std::string fits;
    std::string beyond;
    error why;
};

TEST(reply_parser, reaches_every_limit_exactly) {
    const reply_limits tight{.nodes_max = 7, .depth_max = 3, .bytes_max = 40};
    const limit_case cases[] = {
        {"values of an array", joined({"*6\r\n", repeated("_\r\n", 6)}), "*7\r\n", error::too_many_nodes},
        {"values of a map", joined({"%3\r\n", repeated("_\r\n", 6)}), "%4\r\n", error::too_many_nodes},
        {"values of nested arrays", joined({"*3\r\n*3\r\n", repeated("_\r\n", 5)}), "*3\r\n*4\r\n",
         error::too_many_nodes},
        {"values of an attribute", joined({"|2\r\n", repeated("_\r\n", 5), "_"}), "|3\r\n", error::too_many_nodes},
        {"attributes without values", joined({repeated("|0\r\n", 6), "_\r\n"}), repeated("|0\r\n", 7),
         error::too_many_nodes},
        {"a count near 2 to the 63rd", "*0\r\n", "%9223372036854775807\r\n", error::too_many_nodes},
        {"depth", "*1\r\n*1\r\n*1\r\n_\r\n", "*1\r\n*1\r\n*1\r\n*1\r\n", error::too_deep},
        {"depth of attributes", "|1\r\n_\r\n*1\r\n*1\r\n_\r\n_\r\n", "*1\r\n*1\r\n*1\r\n|1\r\n", error::too_deep},
        {"bytes of a string", joined({"$33\r\n", repeated("x", 33), "\r\n"}), "$34\r\n", error::reply_too_big},
        {"bytes of a status", joined({"+", repeated("x", 37), "\r\n"}), joined({"+", repeated("x", 38)}),
         error::reply_too_big},
        {"bytes of an array", joined({"*4\r\n$21\r\n", repeated("x", 21), "\r\n:\r\n"}), "*4\r\n$30\r\n",
         error::reply_too_big},
        {"bytes that cannot follow", joined({"*2\r\n+", repeated("x", 30), "\r\n_\r\n"}),
         joined({"*2\r\n+", repeated("x", 31), "\r\n"}), error::reply_too_big},
    };
    for (const limit_case& one : cases) {
        SCOPED_TRACE(one.name);
        const read_reply fits = read(one.fits, tight);
        EXPECT_TRUE(fits.error.empty() || fits.error == text(error::invalid_integer)) << fits.error;
        EXPECT_EQ(read(one.beyond, tight), refused(one.why));
    }
    EXPECT_EQ(read(joined({"*2\r\n+", repeated("x", 30), "\r\n_\r\n"}), tight).consumed, 40u);
}

TEST(reply_parser, reads_one_reply_after_another) {
    reply_parser parser;
    std::string buffer = "+OK\r\n>1\r\n+x\r\n:5\r\n";
    std::vector<nodes> found;
    for (auto step = parser.next(buffer); step.what == outcome::complete; step = parser.next(buffer)) {
        found.push_back(to_value(step).nodes);
        buffer.erase(0, step.consumed);
    }
    const std::vector<nodes> expected = {{{type::simple_string, 0, 0, "OK", 0}},
                                         {{type::push, 0, 1, "", 0}, {type::simple_string, 1, 0, "x", 0}},
                                         {{type::integer, 0, 0, "", 5}}};
    EXPECT_EQ(found, expected);
    EXPECT_TRUE(buffer.empty());
}

TEST(reply_parser, stays_failed_until_reset) {
    reply_parser parser;
    EXPECT_EQ(parser.next("*1\r\nx").code, error::unknown_type);
    EXPECT_EQ(parser.next("+OK\r\n").code, error::unknown_type);
    parser.reset();
    EXPECT_EQ(parser.next("+OK\r\n").what, outcome::complete);
}

// Reads `wire` in pieces of `piece` bytes as a client does that holds nothing of what is skipped. Gives the replies,
// and the most bytes that it held.
struct skipping_reader {
    std::vector<nodes> replies;
    std::size_t held_most = 0;
    std::string error;

    skipping_reader(std::string_view wire, std::size_t piece, reply_limits limits) {
        reply_parser parser{limits};
        std::string buffer;
        for (; !wire.empty() && error.empty(); wire.remove_prefix(std::min(piece, wire.size()))) {
            buffer += wire.substr(0, piece);
            while (!buffer.empty()) {
                const auto step = parser.next(buffer);
                if (step.what == outcome::failed) error = step.error;
                if (step.what == outcome::failed) return;
                if (step.what == outcome::need_more && step.drop_count == 0) break;
                if (step.what == outcome::complete) replies.push_back(to_value(step).nodes);
                buffer.erase(step.drop_at, step.what == outcome::complete ? step.consumed : step.drop_count);
            }
            held_most = std::max(held_most, buffer.size());
        }
    }
};

TEST(reply_parser, skips_strings_that_are_too_long_in_whatever_pieces_they_come) {
    const reply_limits tight{.bytes_max = 100, .text_bytes_max = 10};
    const std::string wire =
        joined({">3\r\n+message\r\n$4\r\nnews\r\n$1000\r\n", repeated("\r\n$5:", 200), "\r\n", // looks like more
                "$10\r\n0123456789\r\n$11\r\n0123456789a\r\n",
                "*3\r\n$11\r\n0123456789a\r\n:5\r\n$12\r\n0123456789ab\r\n:1\r\n"});
    const std::vector<nodes> expected = {{{type::push, 0, 3, "", 0},
                                          {type::simple_string, 1, 0, "message", 0},
                                          {type::bulk_string, 1, 0, "news", 0},
                                          {type::skipped, 1, 0, "", 1000}},
                                         {{type::bulk_string, 0, 0, "0123456789", 0}},
                                         {{type::skipped, 0, 0, "", 11}},
                                         {{type::array, 0, 3, "", 0},
                                          {type::skipped, 1, 0, "", 11},
                                          {type::integer, 1, 0, "", 5},
                                          {type::skipped, 1, 0, "", 12}},
                                         {{type::integer, 0, 0, "", 1}}};
    for (std::size_t piece = 1; piece <= wire.size(); ++piece) {
        const skipping_reader found{wire, piece, tight};
        EXPECT_EQ(found.replies, expected) << "in pieces of " << piece;
        EXPECT_LT(found.held_most, 50u) << "in pieces of " << piece;
    }
}

TEST(reply_parser, skips_a_string_of_any_length_and_misses_its_line_end) {
    const reply_limits tight{.bytes_max = 60, .text_bytes_max = 10};
    EXPECT_EQ((skipping_reader{"$20\r\n01234567890123456789\rx", 7, tight}.error), text(error::missing_line_end));
    const skipping_reader endless{joined({"$9223372036854775807\r\n", repeated("x", 5'000)}), 64, tight};
    EXPECT_TRUE(endless.error.empty() && endless.replies.empty());
    EXPECT_LT(endless.held_most, 60u);
    // What is kept has its limit still.
    const std::string many = joined({"*9\r\n", repeated("$11\r\n0123456789a\r\n", 9)});
    EXPECT_EQ((skipping_reader{many, 64, tight}.error), text(error::reply_too_big));
    reply_parser parser{tight};
    EXPECT_EQ(parser.next("$20\r\n0123").drop_count, 4u);
    parser.reset();
    EXPECT_EQ(parser.next("+OK\r\n").what, outcome::complete);
}

TEST(error, has_a_sentence_for_every_value) {
    const auto last = static_cast<int>(error::reply_too_big);
    std::vector<std::string> sentences;
    for (int value = 1; value <= last; ++value) {
        const carillon::error_code code = static_cast<error>(value);
        EXPECT_STREQ(code.category().name(), "carillon.resp");
        EXPECT_TRUE(code.message().starts_with("Protocol error: ")) << value;
        EXPECT_EQ(std::count(sentences.begin(), sentences.end(), code.message()), 0) << code.message();
        sentences.push_back(code.message());
    }
}

} // namespace
} // namespace carillon::resp::test
