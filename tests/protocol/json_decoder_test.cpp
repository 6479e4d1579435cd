#include "protocol/json_decoder.hpp"
#include "protocol/payload.hpp"
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
            return "connect token=" + std::string{r.token} + " name=" + std::string{r.name} +
                   " version=" + std::string{r.version};
        }
        std::string operator()(const subscribe_request& r) const {
            std::string words = "subscribe " + std::string{r.channel} + " token=" + std::string{r.token};
            if (!r.delta.empty()) words += " delta=" + std::string{r.delta};
            if (r.type != 0) words += " type=" + std::to_string(r.type);
            if (r.recover) words += " recover";
            return r.filter != nullptr ? words + " tf" : words;
        }
        std::string operator()(const unsubscribe_request& r) const { return "unsubscribe " + std::string{r.channel}; }
        std::string operator()(const publish_request& r) const {
            return "publish " + std::string{r.channel} + " " + std::string{r.data} +
                   (r.type != 0 ? " type=" + std::to_string(r.type) : "");
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
    return std::to_string(what.id) + " " + std::visit(visitor{}, what.what) + (what.too_deep ? " too deep" : "");
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
        {"connect with all members",
         R"({"id":1,"connect":{"token":"t","data":[1],"subs":{"a":{"recover":true,"offset":1,"epoch":"e"},"b":null},)"
         R"("name":"n","version":"v","headers":{"x":"y"},"flag":-1,"dict":{"id":"d","data":{},"data_b64":""},"profile":"p"}})",
         "1 connect token=t name=n version=v"},
        {"subscribe with all members",
         R"({"id":2,"subscribe":{"channel":"news","token":"t","recover":true,"epoch":"x","offset":18446744073709551615,)"
         R"("data":{},"positioned":true,"recoverable":false,"join_leave":true,"delta":"fossil","tf":{"op":"and","nodes":)"
         R"([{"key":"k","cmp":"in","vals":["a"]},{"op":"not","nodes":[{"key":"k","cmp":"eq","val":"b"}]}]},"flag":3,)"
         R"("type":4,"phase":1,"cursor":"c","limit":-1,"asc":true}})",
         "2 subscribe news token=t delta=fossil type=4 recover tf"},
        {"null members of subscribe count as absent",
         R"({"id":2,"subscribe":{"channel":"news","recover":null,"offset":null,"delta":null,"tf":null,"type":null}})",
         "2 subscribe news token="},
        {"an empty filter is one", R"({"id":2,"subscribe":{"channel":"a","tf":{}}})", "2 subscribe a token= tf"},
        {"an escaped channel", R"({"id":2,"subscribe":{"channel":"caf\u00e9\n\"x\""}})",
         "2 subscribe café\n\"x\" token="},
        {"the escaped name of a member", R"({"id":2,"subscribe":{"ch\u0061nnel":"a"}})", "2 subscribe a token="},
        {"of two members with one name the last counts", R"({"id":1,"id":2,"subscribe":{"channel":"a","channel":"b"}})",
         "2 subscribe b token="},
        {"of two methods with one name the last counts",
         R"({"id":2,"subscribe":{"channel":"a"},"subscribe":{"channel":"b"}})", "2 subscribe b token="},
        {"half a surrogate in a channel is U+FFFD", R"({"id":2,"subscribe":{"channel":"a\ud83d"}})",
         "2 subscribe a\xef\xbf\xbd token="},
        {"a whole pair is what it says", R"({"id":2,"subscribe":{"channel":"\uD83D\uDE00\uDE00"}})",
         "2 subscribe \xf0\x9f\x98\x80\xef\xbf\xbd token="},
        {"half a surrogate in the name of an unknown member", R"({"id":2,"subscribe":{"channel":"a","\udead":1}})",
         "2 subscribe a token="},
        {"half a surrogate in data stays as it is",
         R"({"id":4,"publish":{"channel":"\ud800","data":["\ud800","\\ud800"]}})",
         "4 publish \xef\xbf\xbd [\"\\ud800\",\"\\\\ud800\"]"},
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
        {"publish without data", R"({"id":4,"publish":{"channel":"a"}})", "4 publish a "},
        {"publish with all members", R"({"id":4,"publish":{"channel":"a","data":1,"type":1,"key":"k","removed":true}})",
         "4 publish a 1 type=1"},
        {"an empty object as a method", R"({"id":5,"subscribe":{}})", "5 subscribe  token="},
        {"presence", R"({"id":6,"presence":{"channel":"a"}})", "6 presence a"},
        {"presence_stats", R"({"id":6,"presence_stats":{"channel":"a"}})", "6 presence_stats a"},
        {"history", R"({"id":6,"history":{"channel":"a","limit":10,"since":{"offset":1,"epoch":"e"},"reverse":true}})",
         "6 history a"},
        {"rpc", R"({"id":7,"rpc":{"method":"m","data":{}}})", "7 rpc m"},
        {"send needs no id", R"({"send":{"data":{}}})", "0 send"},
        {"refresh", R"({"id":8,"refresh":{"token":"t"}})", "8 refresh t"},
        {"sub_refresh", R"({"id":8,"sub_refresh":{"channel":"a","token":"t"}})", "8 sub_refresh a t"},
        {"ping", R"({"id":9,"ping":{}})", "9 ping"},
        {"a pong is an empty object", "{}", "0 pong"},
        {"without an id it is a pong whatever else it says", R"({"subscribe":{"channel":"a"}})", "0 pong"},
        {"unknown members are ignored",
         R"({"x":[{"id":7}],"id":3,"unsubscribe":{"channel":"a","y":{"channel":"b"}},"z":1})", "3 unsubscribe a"},
        {"white space is JSON's own", " \t{ \"id\" : 3 , \"unsubscribe\" : { \"channel\" : \"a\" } }\r",
         "3 unsubscribe a"},
        {"an id of null counts as absent", R"({"id":null,"subscribe":{"channel":"a"}})", "0 pong"},
        {"a pong with white space", " { } ", "0 pong"},
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
        {"a payload with a wrong literal", R"({"id":1,"publish":{"channel":"a","data":[tru]}})",
         decode_error::bad_payload},
        {"a payload with a wrong number", R"({"id":1,"publish":{"channel":"a","data":{"a":01}}})",
         decode_error::bad_payload},
        {"a payload with a wrong escape", R"({"id":1,"publish":{"channel":"a","data":{"a":"\x"}}})",
         decode_error::bad_payload},
        {"a payload without commas", R"({"id":1,"publish":{"channel":"a","data":[1 2]}})", decode_error::bad_payload},
        {"a bad escape in a channel", R"({"id":1,"subscribe":{"channel":"\q"}})", decode_error::wrong_type},
    };
    for (const bad_line& row : table) {
        const result<command> decoded = decode(row.line);
        ASSERT_FALSE(decoded) << row.name << ": " << describe(*decoded);
        EXPECT_EQ(decoded.error(), make_error_code(row.expected)) << row.name << ": " << decoded.error().message();
    }
}

// Every member of the schema (§3) with a value of another type: {method, member, value}.
TEST_F(decoding, members_of_another_type_are_refused) {
    struct row {
        const char* method;
        const char* member;
        const char* value;
    };
    const std::vector<row> table{
        {"connect", "token", "1"},
        {"connect", "subs", "[]"},
        {"connect", "subs", R"({"a":1})"},
        {"connect", "subs", R"({"a":{"offset":-1}})"},
        {"connect", "name", "{}"},
        {"connect", "version", "1"},
        {"connect", "headers", "[]"},
        {"connect", "headers", R"({"a":1})"},
        {"connect", "flag", R"("1")"},
        {"connect", "flag", "1.5"},
        {"connect", "flag", "9223372036854775808"},
        {"connect", "dict", R"("x")"},
        {"connect", "dict", R"({"id":1})"},
        {"connect", "dict", R"({"data_b64":{}})"},
        {"connect", "profile", "true"},
        {"subscribe", "channel", "[]"},
        {"subscribe", "token", "1"},
        {"subscribe", "recover", R"("true")"},
        {"subscribe", "recover", "1"},
        {"subscribe", "epoch", "1"},
        {"subscribe", "offset", "-1"},
        {"subscribe", "offset", R"("1")"},
        {"subscribe", "offset", "18446744073709551616"},
        {"subscribe", "offset", "1.0"},
        {"subscribe", "positioned", "0"},
        {"subscribe", "recoverable", R"("")"},
        {"subscribe", "join_leave", "{}"},
        {"subscribe", "delta", "true"},
        {"subscribe", "tf", "[]"},
        {"subscribe", "tf", R"("x")"},
        {"subscribe", "tf", R"({"op":1})"},
        {"subscribe", "tf", R"({"key":[]})"},
        {"subscribe", "tf", R"({"cmp":true})"},
        {"subscribe", "tf", R"({"val":1})"},
        {"subscribe", "tf", R"({"vals":"a"})"},
        {"subscribe", "tf", R"({"vals":[1]})"},
        {"subscribe", "tf", R"({"nodes":{}})"},
        {"subscribe", "tf", R"({"nodes":[{"nodes":[{"op":1}]}]})"},
        {"subscribe", "flag", R"("1")"},
        {"subscribe", "type", "2147483648"},
        {"subscribe", "type", R"("0")"},
        {"subscribe", "phase", "[]"},
        {"subscribe", "cursor", "1"},
        {"subscribe", "limit", R"("10")"},
        {"subscribe", "asc", "0"},
        {"unsubscribe", "channel", "1"},
        {"publish", "channel", "{}"},
        {"publish", "type", "-2147483649"},
        {"publish", "key", "1"},
        {"publish", "removed", "0"},
        {"presence", "channel", "true"},
        {"presence_stats", "channel", "1"},
        {"history", "channel", "1"},
        {"history", "limit", R"("10")"},
        {"history", "since", "1"},
        {"history", "since", R"({"offset":-1})"},
        {"history", "since", R"({"epoch":1})"},
        {"history", "reverse", "1"},
        {"rpc", "method", "1"},
        {"refresh", "token", "1"},
        {"sub_refresh", "channel", "1"},
        {"sub_refresh", "token", "{}"},
    };
    for (const row& each : table) {
        const std::string line =
            std::string{R"({"id":1,")"} + each.method + R"(":{")" + each.member + R"(":)" + each.value + "}}";
        const result<command> decoded = decode(line);
        EXPECT_TRUE(!decoded && decoded.error() == make_error_code(decode_error::wrong_type)) << line;
        // Another method that counts does not make it right.
        if (std::string_view{each.method} == "connect") continue;
        EXPECT_FALSE(decode(line.substr(0, line.size() - 1) + R"(,"connect":{}})")) << line;
    }
}

TEST_F(decoding, what_is_not_looked_at_must_be_json_all_the_same) {
    const std::vector<std::string> rubbish{"tru",           "01", "nul", "[1 2]", R"({"a" 1})", R"("\x")",
                                           R"({"a":[1,]})", "-",  "1e",  "[}",    R"("a":"b":)"};
    const std::vector<std::string> places{
        R"({"id":1,"x":@,"rpc":{}})",
        R"({"id":1,"connect":{"x":@}})",
        R"({"id":1,"connect":{"data":@}})",
        R"({"id":1,"connect":{"subs":{"a":{"x":@}}}})",
        R"({"id":1,"connect":{"dict":{"data":@}}})",
        R"({"id":1,"subscribe":{"channel":"a","x":@}})",
        R"({"id":1,"subscribe":{"channel":"a","data":@}})",
        R"({"id":1,"subscribe":{"channel":"a","tf":{"x":@}}})",
        R"({"id":1,"unsubscribe":{"channel":"a","x":@}})",
        R"({"id":1,"publish":{"channel":"a","data":@}})",
        R"({"id":1,"presence":{"channel":"a","x":@}})",
        R"({"id":1,"history":{"channel":"a","since":{"x":@}}})",
        R"({"id":1,"ping":{"x":@}})",
        R"({"send":{"data":@}})",
        R"({"id":1,"rpc":{"data":@}})",
        R"({"id":1,"refresh":{"x":@}})",
        R"({"id":1,"sub_refresh":{"x":@}})",
    };
    for (std::string place : places) {
        const std::size_t at = place.find('@');
        for (const std::string& what : rubbish) {
            const std::string line = std::string{place}.replace(at, 1, what);
            EXPECT_FALSE(decode(line)) << line;
        }
        const std::string line = place.replace(at, 1, R"({"a":[1,-2.5e3,true,null,"\ud800"]})");
        EXPECT_TRUE(decode(line)) << line;
    }
}

TEST_F(decoding, what_nests_too_deep_is_a_command_all_the_same) {
    const auto nested = [](std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
    const auto publish = [&](std::size_t depth) {
        return R"({"publish":{"channel":"a","data":)" + nested(depth) + R"(},"id":4})";
    };
    for (const std::size_t depth : {std::size_t{1}, std::size_t{65}, json_depth_max}) {
        const auto decoded = decode(publish(depth));
        ASSERT_TRUE(decoded) << depth;
        EXPECT_FALSE(decoded->too_deep) << depth;
    }
    for (const std::size_t depth : {json_depth_max + 1, std::size_t{9'000}, std::size_t{30'000}}) {
        const auto decoded = decode(publish(depth));
        ASSERT_TRUE(decoded) << depth;
        EXPECT_TRUE(decoded->too_deep && decoded->id == 4) << depth;
        EXPECT_TRUE(std::holds_alternative<publish_request>(decoded->what)) << depth;
    }
    const auto unknown = decode(R"({"id":5,"unsubscribe":{"channel":"a","x":)" + nested(9'000) + "}}");
    ASSERT_TRUE(unknown);
    EXPECT_EQ(describe(*unknown), "5 unsubscribe a too deep");
    std::string filter = "{}";
    for (int i = 0; i < 4'000; ++i) filter.insert(0, R"({"nodes":[)");
    for (int i = 0; i < 4'000; ++i) filter += "]}";
    const auto filtered = decode(R"({"id":6,"subscribe":{"channel":"a","tf":)" + filter + "}}");
    ASSERT_TRUE(filtered);
    EXPECT_EQ(describe(*filtered), "6 subscribe a token= tf too deep");
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
