#include "protocol/payload.hpp"
#include "protocol/reply.hpp"
#include "support/allocations.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace carillon::protocol {
namespace {

using namespace std::string_literals;

TEST(payload, is_json_or_text_or_neither) {
    struct row {
        const char* name;
        std::string payload;
        payload_kind expected;
    };
    const std::vector<row> table{
        {"an object", R"({"from":"bob","subject":"hi"})", payload_kind::json},
        {"an array over several lines", "[1,\n 2]\r\n", payload_kind::json},
        {"a number", "42", payload_kind::json},
        {"a large number", "123456789012345678901234567890", payload_kind::json},
        {"a string", R"("a")", payload_kind::json},
        {"true", "true", payload_kind::json},
        {"null with white space", " null ", payload_kind::json},
        {"half a surrogate pair, as a browser escapes it", R"({"t":"hi \ud83d"})", payload_kind::json},
        {"the other half", R"(["\uDE00x"])", payload_kind::json},
        {"two first halves", R"("\ud83d\ud83d")", payload_kind::json},
        {"half a pair after an escaped backslash", R"("\\ud83d \uD83D")", payload_kind::json},
        {"half a pair in broken JSON", R"(["\ud83d")", payload_kind::text},
        {"half a pair that is not whole", R"("\ud82z")", payload_kind::text},
        {"the same, beside another", R"(["\ud83d","\ud8zz","\udcz0"])", payload_kind::text},
        {"half a pair that a byte of something else completes", "\"\\ud82\xe4\"", payload_kind::binary},
        {"a pair that is cut short", R"("\ud8")", payload_kind::text},
        {"nothing", "", payload_kind::text},
        {"words", "hello world", payload_kind::text},
        {"two values", "1 2", payload_kind::text},
        {"a comment", "/* x */ 1", payload_kind::text},
        {"a trailing comma", "[1,]", payload_kind::text},
        {"half an object", R"({"a":)", payload_kind::text},
        {"single quotes", "{'a':1}", payload_kind::text},
        {"NaN", "NaN", payload_kind::text},
        {"a raw line break in a string", "\"a\nb\"", payload_kind::text},
        {"other languages", "Grüße, 世界 🔔", payload_kind::text},
        {"a zero byte", "a\0b"s, payload_kind::text},
        {"a lone continuation byte", "\x80", payload_kind::binary},
        {"latin-1", "caf\xe9", payload_kind::binary},
        {"a surrogate in UTF-8", "\xed\xa0\x80", payload_kind::binary},
        {"bad UTF-8 in a JSON string", "\"\xff\"", payload_kind::binary},
        {"as deep as allowed", std::string(json_depth_max, '[') + std::string(json_depth_max, ']'), payload_kind::json},
        {"one deeper", std::string(json_depth_max + 1, '[') + std::string(json_depth_max + 1, ']'),
         payload_kind::too_deep},
    };
    for (const row& each : table) EXPECT_EQ(classify(each.payload), each.expected) << each.name;
}

TEST(payload, checking_allocates_nothing_once_it_has_run) {
    const std::string deep = std::string(490, '[') + R"({"k":"v","n":[1.5e3,true]})" + std::string(490, ']');
    (void)classify(deep);
    EXPECT_EQ(test::allocations_during([&] {
                  for (int i = 0; i < 100; ++i) EXPECT_EQ(classify(deep), payload_kind::json);
              }),
              0u);
}

TEST(payload, line_breaks_of_embedded_json_become_spaces) {
    std::string out = "kept\n";
    append_one_line(out, "{\r\n\"a\":\n1}");
    EXPECT_EQ(out, "kept\n{  \"a\": 1}");
}

TEST(payload, text_becomes_a_json_string) {
    struct row {
        std::string text;
        std::string expected;
    };
    const std::vector<row> table{
        {"", R"("")"},
        {"hi", R"("hi")"},
        {"say \"hi\" \\ /", R"("say \"hi\" \\ /")"},
        {"a\nb\tc\x01", R"("a\nb\tc\u0001")"},
        {"Grüße 🔔", "\"Grüße 🔔\""},
        {"a\0b"s, R"("a\u0000b")"},
        {std::string(2000, 'x'), '"' + std::string(2000, 'x') + '"'},
        {std::string(1000, '"'),
         [] {
             std::string escaped = "\"";
             for (int i = 0; i < 1000; ++i) escaped += "\\\"";
             return escaped + '"';
         }()},
    };
    for (const row& each : table) {
        std::string out;
        append_json_string(out, each.text);
        EXPECT_EQ(out, each.expected);
        EXPECT_TRUE(is_json(out));
    }
}

TEST(reply, is_written_as_the_protocol_says) {
    std::string out;
    append_connect_reply(out, 1, {"7f6c", "carillon 1", std::chrono::seconds{25}, true});
    EXPECT_EQ(out, R"({"id":1,"connect":{"client":"7f6c","version":"carillon 1","ping":25,"pong":true}})");
    out.clear();
    append_connect_reply(out, 1, {"7f6c", "v"});
    EXPECT_EQ(out, R"({"id":1,"connect":{"client":"7f6c","version":"v"}})");
    out.clear();
    const server_subscription granted[] = {{"a", {}}, {"b\"", {.data = "{\n}"}}};
    append_connect_reply(
        out, 1, {.client = "7f6c", .version = "v", .left = std::chrono::seconds{60}, .subscriptions = granted});
    EXPECT_EQ(out, R"({"id":1,"connect":{"client":"7f6c","version":"v","expires":true,"ttl":60,)"
                   R"("subs":{"a":{},"b\"":{"data":{ }}}}})");
    out.clear();
    append_empty_reply(out, 3, "unsubscribe");
    EXPECT_EQ(out, R"({"id":3,"unsubscribe":{}})");
    out.clear();
    append_subscribe_reply(out, 3, {});
    EXPECT_EQ(out, R"({"id":3,"subscribe":{}})");
    out.clear();
    append_subscribe_reply(out, 3, {.was_recovering = true});
    EXPECT_EQ(out, R"({"id":3,"subscribe":{"was_recovering":true}})");
    out.clear();
    append_subscribe_reply(out, 3, {.was_recovering = true, .left = std::chrono::seconds{0}, .data = "[1]"});
    EXPECT_EQ(out, R"({"id":3,"subscribe":{"was_recovering":true,"expires":true,"ttl":0,"data":[1]}})");
    out.clear();
    append_refresh_reply(out, 3, "7f6c", "v", std::chrono::seconds{60});
    EXPECT_EQ(out, R"({"id":3,"refresh":{"client":"7f6c","version":"v","expires":true,"ttl":60}})");
    out.clear();
    append_refresh_reply(out, 3, "7f6c", "v", std::nullopt);
    EXPECT_EQ(out, R"({"id":3,"refresh":{"client":"7f6c","version":"v"}})");
    out.clear();
    append_sub_refresh_reply(out, 3, std::chrono::seconds{60});
    EXPECT_EQ(out, R"({"id":3,"sub_refresh":{"expires":true,"ttl":60}})");
    out.clear();
    append_sub_refresh_reply(out, 3, std::nullopt);
    EXPECT_EQ(out, R"({"id":3,"sub_refresh":{}})");
    out.clear();
    append_error_reply(out, 4, command_error::already_subscribed);
    EXPECT_EQ(out, R"({"id":4,"error":{"code":105,"message":"already subscribed"}})");
    out.clear();
    append_error_reply(out, 4, command_error::internal);
    EXPECT_EQ(out, R"({"id":4,"error":{"code":100,"message":"internal server error","temporary":true}})");
    out.clear();
    std::string info;
    append_client_info(info, {"", "c1"});
    append_publication(out, "a\"b", {.data = "{\n\"x\":1}", .info = info});
    EXPECT_EQ(out, R"({"push":{"channel":"a\"b","pub":{"data":{ "x":1},"info":{"user":"","client":"c1"}}}})");
    EXPECT_TRUE(is_json(out));
    out.clear();
    append_publication(out, "a", {.data = "it's \"x\"\n", .is_json = false});
    EXPECT_EQ(out, R"({"push":{"channel":"a","pub":{"data":"it's \"x\"\n"}}})");
}

TEST(codes, every_code_has_words) {
    for (std::uint32_t code = 100; code <= 113; ++code) {
        EXPECT_FALSE(message_of(static_cast<command_error>(code)).empty()) << code;
    }
    EXPECT_TRUE(is_temporary(command_error::internal));
    EXPECT_FALSE(is_temporary(command_error::bad_request));
    EXPECT_EQ(reason_of(disconnect::shutdown), "shutdown");
    EXPECT_EQ(reason_of(disconnect::stale), "stale");
}

} // namespace
} // namespace carillon::protocol
