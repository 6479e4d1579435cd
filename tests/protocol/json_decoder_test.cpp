#include "protocol/json_decoder.hpp"

#include "support/allocations.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace carillon::protocol {
namespace {

constexpr std::size_t message_bytes_max = 65536;

// What a command is, in one line of words: the tables compare these.
std::string describe(const command& what) {
    struct visitor {
        std::string operator()(const pong&) const { return "pong"; }
        std::string operator()(const connect_request& r) const {
            return "connect token=" + std::string{r.token} + " name=" + std::string{r.name} + " version=" +
                   std::string{r.version};
        }
        std::string operator()(const subscribe_request& r) const {
            return "subscribe " + std::string{r.channel} + " token=" + std::string{r.token};
        }
        std::string operator()(const unsubscribe_request& r) const { return "unsubscribe " + std::string{r.channel}; }
        std::string operator()(const publish_request& r) const {
            return "publish " + std::string{r.channel} + " " + std::string{r.data};
        }
        std::string operator()(const presence_request& r) const { return "presence " + std::string{r.channel}; }
        std::string operator()(const presence_stats_request& r) const {
            return "presence_stats " + std::string{r.channel};
        }
        std::string operator()(const history_request& r) const { return "history " + std::string{r.channel}; }
        std::string operator()(const rpc_request& r) const { return "rpc " + std::string{r.method}; }
        std::string operator()(const send_request&) const { return "send"; }
        std::string operator()(const refresh_request& r) const { return "refresh " + std::string{r.token}; }
        std::string operator()(const sub_refresh_request& r) const {
            return "sub_refresh " + std::string{r.channel} + " " + std::string{r.token};
        }
        std::string operator()(const ping_request&) const { return "ping"; }
    };
    return std::to_string(what.id) + " " + std::visit(visitor{}, what.what);
}

std::string padded(std::string_view line) { return std::string{line} + std::string(64, '}'); }

class decoding : public testing::Test {
protected:
    result<command> decode(std::string_view line) {
        bytes_ = padded(line);
        return decoder_.decode(std::string_view{bytes_}.substr(0, line.size()));
    }

    json_decoder decoder_{message_bytes_max};
    std::string bytes_;
};

struct good_line {
    const char* name;
    std::string line;
    std::string expected;
};

TEST_F(decoding, commands_of_the_schema) {
    const std::vector<good_line> table{
        {"connect of the JS SDK", R"({"connect":{"name":"js"},"id":1})", "1 connect token= name=js version="},
        {"connect with a token", R"({"id":1,"connect":{"token":"a.b.c","version":"2","flag":1}})",
         "1 connect token=a.b.c name= version=2"},
        {"null members count as absent", R"({"id":1,"connect":{"token":null}})", "1 connect token= name= version="},
        {"a null method counts as absent", R"({"id":1,"connect":null,"subscribe":{"channel":"a"}})",
         "1 subscribe a token="},
        {"subscribe with what Carillon does not act on",
         R"({"id":2,"subscribe":{"channel":"news","recover":true,"offset":18446744073709551615,"epoch":"x","tf":{"op":""},"flag":1}})",
         "2 subscribe news token="},
        {"an escaped channel", R"({"id":2,"subscribe":{"channel":"caf\u00e9\n\"x\""}})", "2 subscribe café\n\"x\" token="},
        {"the escaped name of a member", R"({"id":2,"subscribe":{"ch\u0061nnel":"a"}})", "2 subscribe a token="},
        {"the first method of the schema counts", R"({"id":2,"publish":{"channel":"p"},"subscribe":{"channel":"s"}})",
         "2 subscribe s token="},
        {"unsubscribe", R"({"id":3,"unsubscribe":{"channel":"a"}})", "3 unsubscribe a"},
        {"publish keeps an object as it stands", R"({"id":4,"publish":{"channel":"a","data":{"n": 1.50, "b":[1,2]}}})",
         R"(4 publish a {"n": 1.50, "b":[1,2]})"},
        {"publish keeps a large number as it stands",
         R"({"id":4,"publish":{"channel":"a","data":123456789012345678901234567890}})",
         "4 publish a 123456789012345678901234567890"},
        {"publish of a string", R"({"id":4,"publish":{"data": "h\u00e9" ,"channel":"a"}})", R"(4 publish a "h\u00e9")"},
        {"publish of null", R"({"id":4,"publish":{"channel":"a","data":null}})", "4 publish a null"},
        {"publish without data", R"({"id":4,"publish":{"channel":"a"}})", "4 publish a null"},
        {"an empty object as a method", R"({"id":5,"subscribe":{}})", "5 subscribe  token="},
        {"presence", R"({"id":6,"presence":{"channel":"a"}})", "6 presence a"},
        {"presence_stats", R"({"id":6,"presence_stats":{"channel":"a"}})", "6 presence_stats a"},
        {"history", R"({"id":6,"history":{"channel":"a","limit":10,"since":{"offset":1,"epoch":"e"}}})", "6 history a"},
        {"rpc", R"({"id":7,"rpc":{"method":"m","data":{}}})", "7 rpc m"},
        {"send needs no id", R"({"send":{"data":{}}})", "0 send"},
        {"refresh", R"({"id":8,"refresh":{"token":"t"}})", "8 refresh t"},
        {"sub_refresh", R"({"id":8,"sub_refresh":{"channel":"a","token":"t"}})", "8 sub_refresh a t"},
        {"ping", R"({"id":9,"ping":{}})", "9 ping"},
        {"a pong is an empty object", "{}", "0 pong"},
        {"without an id it is a pong whatever else it says", R"({"subscribe":{"channel":"a"}})", "0 pong"},
        {"unknown members are ignored", R"({"x":[{"id":7}],"id":3,"unsubscribe":{"channel":"a","y":{"channel":"b"}},"z":1})",
         "3 unsubscribe a"},
        {"white space is JSON's own", " \t{ \"id\" : 3 , \"unsubscribe\" : { \"channel\" : \"a\" } }\r", "3 unsubscribe a"},
        {"the largest id", R"({"id":4294967295,"rpc":{}})", "4294967295 rpc "},
    };
    for (const good_line& row : table) {
        const result<command> decoded = decode(row.line);
        ASSERT_TRUE(decoded) << row.name << ": " << decoded.error().message();
        EXPECT_EQ(describe(*decoded), row.expected) << row.name;
    }
}

TEST_F(decoding, lines_that_are_no_commands) {
    struct bad_line {
        const char* name;
        std::string line;
        decode_error expected;
    };
    const std::vector<bad_line> table{
        {"an empty line", "", decode_error::empty},
        {"white space only", "  ", decode_error::not_json},
        {"words", "hello", decode_error::not_json},
        {"an array", "[]", decode_error::not_json},
        {"a number", "1", decode_error::not_json},
        {"an object that does not end", R"({"id":1,"connect":{})", decode_error::not_json},
        {"something after the object", R"({"id":1,"connect":{}} x)", decode_error::not_json},
        {"two objects without a line break", R"({"id":1,"connect":{}}{})", decode_error::not_json},
        {"an id that is a string", R"({"id":"1","connect":{}})", decode_error::wrong_type},
        {"a negative id", R"({"id":-1,"connect":{}})", decode_error::wrong_type},
        {"an id of 33 bits", R"({"id":4294967296,"connect":{}})", decode_error::wrong_type},
        {"a channel that is a number", R"({"id":1,"subscribe":{"channel":1}})", decode_error::wrong_type},
        {"a method that is a string", R"({"id":1,"subscribe":"a"})", decode_error::wrong_type},
        {"a method that is an array", R"({"id":1,"subscribe":["a"]})", decode_error::wrong_type},
        {"an id and no method", R"({"id":1})", decode_error::no_method},
        {"an id and an unknown method", R"({"id":1,"jump":{}})", decode_error::no_method},
        {"a payload with a wrong literal", R"({"id":1,"publish":{"channel":"a","data":[tru]}})", decode_error::bad_payload},
        {"a payload with a wrong number", R"({"id":1,"publish":{"channel":"a","data":{"a":01}}})",
         decode_error::bad_payload},
        {"a payload with a wrong escape", R"({"id":1,"publish":{"channel":"a","data":{"a":"\x"}}})",
         decode_error::bad_payload},
        {"a payload without commas", R"({"id":1,"publish":{"channel":"a","data":[1 2]}})", decode_error::bad_payload},
        {"a payload that nests too deep",
         R"({"id":1,"publish":{"channel":"a","data":)" + std::string(100, '[') + std::string(100, ']') + "}}",
         decode_error::bad_payload},
        {"a bad escape in a channel", R"({"id":1,"subscribe":{"channel":"\q"}})", decode_error::wrong_type},
    };
    for (const bad_line& row : table) {
        const result<command> decoded = decode(row.line);
        ASSERT_FALSE(decoded) << row.name << ": " << describe(*decoded);
        EXPECT_EQ(decoded.error(), make_error_code(row.expected)) << row.name << ": " << decoded.error().message();
    }
}

// Nothing that is cut off is taken for a whole, and nothing reads behind its end.
TEST_F(decoding, every_beginning_of_a_command_is_refused) {
    const std::string whole = R"({"id":4,"publish":{"channel":"mail:\u0061","data":{"n":[1,true,null,"x"]}}})";
    for (std::size_t cut = 0; cut < whole.size(); ++cut) {
        EXPECT_FALSE(decode(std::string_view{whole}.substr(0, cut))) << whole.substr(0, cut);
    }
    EXPECT_TRUE(decode(whole));
}

TEST_F(decoding, a_message_as_long_as_the_limit_is_decoded) {
    std::string line = R"({"id":1,"publish":{"channel":"a","data":")";
    line += std::string(message_bytes_max - line.size() - 4, 'x') + R"("}})";
    line.insert(line.size(), message_bytes_max - line.size(), ' ');
    ASSERT_EQ(line.size(), message_bytes_max);
    EXPECT_TRUE(decode(line));
}

TEST_F(decoding, allocates_nothing_once_it_has_run) {
    const std::string publish = padded(R"({"id":4,"publish":{"channel":"caf\u00e9","data":{"n":[1,2,{"x":"y"}]}}})");
    const auto view = std::string_view{publish}.substr(0, publish.size() - 64);
    ASSERT_TRUE(decoder_.decode(view));
    EXPECT_EQ(test::allocations_during([&] {
                  for (int i = 0; i < 100; ++i) ASSERT_TRUE(decoder_.decode(view));
              }),
              0u);
}

TEST(next_line, takes_messages_apart_at_line_breaks) {
    struct row {
        const char* name;
        std::string_view message;
        std::vector<std::string_view> lines;
    };
    const std::vector<row> table{
        {"nothing", "", {}},
        {"one line", "a", {"a"}},
        {"a line break at the end is tolerated", "a\n", {"a"}},
        {"two lines", "a\nb", {"a", "b"}},
        {"an empty line stays to be refused", "a\n\nb", {"a", "", "b"}},
        {"two line breaks at the end make an empty line", "a\n\n", {"a", ""}},
    };
    for (const row& each : table) {
        std::string_view rest = each.message;
        std::vector<std::string_view> lines;
        while (const auto line = next_line(rest)) lines.push_back(*line);
        EXPECT_EQ(lines, each.lines) << each.name;
    }
}

} // namespace
} // namespace carillon::protocol
