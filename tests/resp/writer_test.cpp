#include "rare_types.hpp"
#include "resp/writer.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

namespace carillon::resp::test {
namespace {

using namespace std::string_view_literals;

constexpr auto resp2 = version::resp2;
constexpr auto resp3 = version::resp3;

template <class Write>
std::string written(Write write) {
    std::string out;
    write(out);
    return out;
}

struct write_case {
    std::string_view name;
    void (*write)(std::string&, version);
    std::string_view in_resp2;
    std::string_view in_resp3;
};

// Where DEBUG PROTOCOL of redis-server 7.0.15 writes the type, these are its bytes in both dialects.
const write_case cases[] = {
    {"status", [](std::string& out, version) { append_simple(out, "OK"); }, "+OK\r\n", "+OK\r\n"},
    {"status with line breaks", [](std::string& out, version) { append_simple(out, "a\r\nb\n"); }, "+a  b \r\n",
     "+a  b \r\n"},
    {"error", [](std::string& out, version) { append_error(out, "ERR no"); }, "-ERR no\r\n", "-ERR no\r\n"},
    {"error with line breaks", [](std::string& out, version) { append_error(out, "ERR\r\n+OK"); }, "-ERR  +OK\r\n",
     "-ERR  +OK\r\n"},
    {"integer", [](std::string& out, version) { append_integer(out, 12345); }, ":12345\r\n", ":12345\r\n"},
    {"smallest integer", [](std::string& out, version) { append_integer(out, INT64_MIN); }, ":-9223372036854775808\r\n",
     ":-9223372036854775808\r\n"},
    {"string", [](std::string& out, version) { append_bulk(out, "Hello World"); }, "$11\r\nHello World\r\n",
     "$11\r\nHello World\r\n"},
    {"string of line breaks", [](std::string& out, version) { append_bulk(out, "\r\n"); }, "$2\r\n\r\n\r\n",
     "$2\r\n\r\n\r\n"},
    {"empty string", [](std::string& out, version) { append_bulk(out, ""); }, "$0\r\n\r\n", "$0\r\n\r\n"},
    {"null", [](std::string& out, version v) { append_null(out, v); }, "$-1\r\n", "_\r\n"},
    {"null array", [](std::string& out, version v) { append_null_array(out, v); }, "*-1\r\n", "_\r\n"},
    {"array", [](std::string& out, version) { append_array_header(out, 3); }, "*3\r\n", "*3\r\n"},
    {"map", [](std::string& out, version v) { append_map_header(out, 3, v); }, "*6\r\n", "%3\r\n"},
    {"set", [](std::string& out, version v) { append_set_header(out, 3, v); }, "*3\r\n", "~3\r\n"},
    {"push", [](std::string& out, version v) { append_push_header(out, 2, v); }, "*2\r\n", ">2\r\n"},
    {"true", [](std::string& out, version v) { append_boolean(out, true, v); }, ":1\r\n", "#t\r\n"},
    {"false", [](std::string& out, version v) { append_boolean(out, false, v); }, ":0\r\n", "#f\r\n"},
    {"double", [](std::string& out, version v) { append_double(out, 3.141, v); }, "$5\r\n3.141\r\n", ",3.141\r\n"},
    {"whole double", [](std::string& out, version v) { append_double(out, 3, v); }, "$1\r\n3\r\n", ",3\r\n"},
    {"longest double", [](std::string& out, version v) { append_double(out, -2.2250738585072014e-308, v); },
     "$24\r\n-2.2250738585072014e-308\r\n", ",-2.2250738585072014e-308\r\n"},
    {"infinity", [](std::string& out, version v) { append_double(out, HUGE_VAL, v); }, "$3\r\ninf\r\n", ",inf\r\n"},
    {"minus infinity", [](std::string& out, version v) { append_double(out, -HUGE_VAL, v); }, "$4\r\n-inf\r\n",
     ",-inf\r\n"},
    {"a negative nan", [](std::string& out, version v) { append_double(out, -std::nan(""), v); }, "$3\r\nnan\r\n",
     ",nan\r\n"},
    {"verbatim", [](std::string& out, version v) { append_verbatim(out, "This is a verbatim\nstring", v); },
     "$25\r\nThis is a verbatim\nstring\r\n", "=29\r\ntxt:This is a verbatim\nstring\r\n"},
    {"markdown", [](std::string& out, version v) { append_verbatim(out, "*a*", v, "mkd"); }, "$3\r\n*a*\r\n",
     "=7\r\nmkd:*a*\r\n"},
    {"big number",
     [](std::string& out, version v) { append_big_number(out, "1234567999999999999999999999999999999", v); },
     "$37\r\n1234567999999999999999999999999999999\r\n", "(1234567999999999999999999999999999999\r\n"},
    {"blob error", [](std::string& out, version v) { append_blob_error(out, "ERR a\nb", v); }, "-ERR a b\r\n",
     "!7\r\nERR a\nb\r\n"},
    {"message", [](std::string& out, version v) { append_message(out, "a", "hi", v); },
     "*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$2\r\nhi\r\n", ">3\r\n$7\r\nmessage\r\n$1\r\na\r\n$2\r\nhi\r\n"},
    {"pattern message", [](std::string& out, version v) { append_pattern_message(out, "a*", "a", "hi", v); },
     "*4\r\n$8\r\npmessage\r\n$2\r\na*\r\n$1\r\na\r\n$2\r\nhi\r\n",
     ">4\r\n$8\r\npmessage\r\n$2\r\na*\r\n$1\r\na\r\n$2\r\nhi\r\n"},
};

TEST(writer, writes_every_type_in_both_dialects) {
    for (const write_case& one : cases) {
        SCOPED_TRACE(one.name);
        EXPECT_EQ(written([&](std::string& out) { one.write(out, resp2); }), one.in_resp2);
        EXPECT_EQ(written([&](std::string& out) { one.write(out, resp3); }), one.in_resp3);
    }
}

TEST(writer, appends_to_what_is_there) {
    std::string out = "x";
    append_attribute_header(out, 1);
    append_command(out, {"PUBLISH", "channel", "a\r\nb"});
    EXPECT_EQ(out, "x|1\r\n*3\r\n$7\r\nPUBLISH\r\n$7\r\nchannel\r\n$4\r\na\r\nb\r\n");
}

TEST(writer, appends_to_buffers_of_fmt) {
    fmt::memory_buffer out;
    append_error(out, "ERR no");
    append_message(out, "a", "hi", resp3);
    append_double(out, 0.5, resp3);
    EXPECT_EQ(std::string_view(out.data(), out.size()),
              "-ERR no\r\n>3\r\n$7\r\nmessage\r\n$1\r\na\r\n$2\r\nhi\r\n,0.5\r\n"sv);
}

TEST(writer, knows_sizes_before_it_writes) {
    for (const std::size_t size : {0u, 1u, 9u, 10u, 99u, 100u, 12345u}) {
        SCOPED_TRACE(size);
        const std::string payload(size, 'x');
        EXPECT_EQ(bulk_bytes(size), written([&](auto& out) { append_bulk(out, payload); }).size());
        EXPECT_EQ(header_bytes(size), written([&](auto& out) { append_array_header(out, size); }).size());
        EXPECT_EQ(command_bytes({"PUBLISH", "a", payload}),
                  written([&](auto& out) { append_command(out, {"PUBLISH", "a", payload}); }).size());
        for (const version v : {resp2, resp3})
            EXPECT_EQ(message_bytes("a", payload),
                      written([&](auto& out) { append_message(out, "a", payload, v); }).size());
    }
}

TEST(writer, refuses_a_verbatim_format_that_is_not_three_bytes) {
    std::string out;
    EXPECT_DEATH(append_verbatim(out, "a", resp3, "text"), "format.size\\(\\) == 3");
}

} // namespace
} // namespace carillon::resp::test
