#include "api/decoder.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace carillon::api {
namespace {

constexpr limits few{.body_bytes_max = 4096, .broadcast_channels_max = 3, .batch_commands_max = 4};

std::string in_words(const publication& what) {
    std::string words = what.given ? " data=" + what.data : " no data";
    if (what.count) words += " count";
    if (what.skip_history) words += " skip_history";
    if (what.delta) words += " delta";
    for (const auto& [key, value] : what.tags) words += " tag " + key + "=" + value;
    if (!what.idempotency_key.empty()) words += " key=" + what.idempotency_key;
    if (what.version != 0) words += " version=" + std::to_string(what.version) + what.version_epoch;
    return words;
}

std::string in_words(const whom& who) {
    std::string words = " " + who.user;
    if (!who.client.empty()) words += " client=" + who.client;
    if (!who.session.empty()) words += " session=" + who.session;
    return words;
}

// What a command is, in one line of words: the tables compare these.
std::string describe(const command& what) {
    struct visitor {
        std::string operator()(const publish_request& r) const { return " " + r.channel + in_words(r.what); }
        std::string operator()(const broadcast_request& r) const {
            std::string words;
            for (const std::string& each : r.channels) words += " " + each;
            return words + in_words(r.what);
        }
        std::string operator()(const subscribe_request& r) const {
            std::string words = in_words(r.who) + " " + r.channel;
            if (!r.info.empty()) words += " info=" + r.info;
            if (!r.data.empty()) words += " data=" + r.data;
            if (r.recover_since) words += fmt::format(" since={}/{}", r.recover_since->first, r.recover_since->second);
            return r.expire_at == 0 ? words : words + " expire_at=" + std::to_string(r.expire_at);
        }
        std::string operator()(const unsubscribe_request& r) const { return in_words(r.who) + " " + r.channel; }
        std::string operator()(const disconnect_request& r) const {
            std::string words = in_words(r.who);
            for (const std::string& each : r.whitelist) words += " but " + each;
            return words + fmt::format(" {} {}", r.code, r.reason);
        }
        std::string operator()(const refresh_request& r) const {
            return in_words(r.who) + (r.expired ? " expired" : "") + fmt::format(" {} {}", r.expire_at, r.info);
        }
        std::string operator()(const channels_request& r) const {
            return fmt::format(" pattern={} after={} limit={}", r.pattern, r.after, r.limit);
        }
        std::string operator()(const connections_request& r) const {
            return fmt::format(" user={} cursor={} limit={}", r.user, r.cursor, r.limit);
        }
        std::string operator()(const info_request&) const { return {}; }
        std::string operator()(const unknown_request&) const { return "unknown"; }
        std::string operator()(const presence_request& r) const { return " " + r.channel; }
        std::string operator()(const presence_stats_request& r) const { return " " + r.channel; }
        std::string operator()(const history_request& r) const { return " " + r.channel; }
        std::string operator()(const history_remove_request& r) const { return " " + r.channel; }
    };
    return std::string{method_of(what)} + std::visit(visitor{}, what);
}

std::string describe(const request& what) {
    if (const auto* one = std::get_if<command>(&what)) return describe(*one);
    const auto& batch = std::get<batch_request>(what);
    std::string words = batch.parallel ? "parallel" : "batch";
    for (const command& each : batch.commands) words += ", " + describe(each);
    return words;
}

std::string describe(const std::variant<request, mistake>& decoded) {
    if (const auto* wrong = std::get_if<mistake>(&decoded)) return wrong->sentence;
    return describe(std::get<request>(decoded));
}

std::string describe(const std::variant<std::vector<request>, mistake>& decoded) {
    if (const auto* wrong = std::get_if<mistake>(&decoded)) return wrong->sentence;
    std::string words;
    for (const request& each : std::get<std::vector<request>>(decoded))
        words += (words.empty() ? "" : "; ") + describe(each);
    return words;
}

struct body_case {
    const char* name;
    const char* method;
    std::string body;
    std::string expected;
};

const body_case bodies[] = {
    {"publish", "publish", R"({"channel":"news","data":{"a": 1}})", R"(publish news data={"a": 1})"},
    {"data stays as it was written", "publish", R"({"data":[1.0e2, 12345678901234567890123, "\u00e9" ],"channel":"c"})",
     R"(publish c data=[1.0e2, 12345678901234567890123, "\u00e9" ])"},
    {"data may be null", "publish", R"({"channel":"c","data":null})", "publish c data=null"},
    {"half a surrogate in data stays as it is", "publish", R"({"channel":"c\ud800","data":"\ud83d"})",
     "publish c\xEF\xBF\xBD data=\"\\ud83d\""},
    {"no data", "publish", R"({"channel":"c"})", "publish c no data"},
    {"base64", "publish", R"({"channel":"c","b64data":"eyJhIjoxfQ=="})", R"(publish c data={"a":1})"},
    {"all that publish may say", "publish",
     R"({"channel":"c","data":1,"skip_history":true,"tags":{"k":"v","l":"w"},"idempotency_key":"i","delta":true,)"
     R"("version":7,"version_epoch":"e","count":true})",
     "publish c data=1 count skip_history delta tag k=v tag l=w key=i version=7e"},
    {"null counts as absent", "publish", R"({"channel":null,"data":1,"tags":null,"version":null})", "publish  data=1"},
    {"what nobody knows is passed over", "publish", R"({"future":[{"x":1}],"channel":"c","data":1})",
     "publish c data=1"},
    {"of two of a name the last counts", "publish", R"({"channel":"a","channel":"b","data":1})", "publish b data=1"},
    {"broadcast", "broadcast", R"({"channels":["a","b"],"data":"x"})", R"(broadcast a b data="x")"},
    {"broadcast to as many as may be", "broadcast", R"({"channels":["a","b","c"],"data":1})", "broadcast a b c data=1"},
    {"subscribe", "subscribe",
     R"({"user":"42","channel":"c","info":{"n":1},"client":"i","session":"s","data":[1],"recover_since":)"
     R"({"offset":5,"epoch":"e"},"expire_at":1700000000,"override":{"presence":{"value":true}}})",
     R"(subscribe 42 client=i session=s c info={"n":1} data=[1] since=5/e expire_at=1700000000)"},
    {"unsubscribe", "unsubscribe", R"({"user":"42","channel":"c"})", "unsubscribe 42 c"},
    {"disconnect", "disconnect", R"({"user":"42"})", "disconnect 42 3503 force disconnect"},
    {"disconnect with all it may say", "disconnect",
     R"({"user":"42","whitelist":["a","b"],"disconnect":{"code":4000,"reason":"bye"}})",
     "disconnect 42 but a but b 4000 bye"},
    {"refresh", "refresh", R"({"user":"42","expired":true,"expire_at":9,"info":{}})", "refresh 42 expired 9 {}"},
    {"presence", "presence", R"({"channel":"c"})", "presence c"},
    {"presence_stats", "presence_stats", R"({"channel":"c"})", "presence_stats c"},
    {"history", "history", R"({"channel":"c","limit":-1,"since":{"offset":1,"epoch":"e"}})", "history c"},
    {"history_remove", "history_remove", R"({"channel":"c"})", "history_remove c"},
    {"channels", "channels", R"({"pattern":"n*","after":"news","limit":10})",
     "channels pattern=n* after=news limit=10"},
    {"no body is an empty request", "channels", "", "channels pattern= after= limit=0"},
    {"info", "info", "{}", "info"},
    {"white space around it", "info", " \r\n\t{ } \n", "info"},
    {"batch", "batch", R"({"commands":[{"publish":{"channel":"c","data":1}},{"info":{}},{"rpc":{"method":"m"}},{}]})",
     "batch, publish c data=1, info, unknown, unknown"},
    {"parallel batch", "batch", R"({"parallel":true,"commands":[{"channels":{}}]})",
     "parallel, channels pattern= after= limit=0"},
    {"batch of nothing", "batch", "{}", "batch"},
    {"of two methods in a command the first counts", "batch",
     R"({"commands":[{"presence":{"channel":"c"},"history":{"channel":"d"}}]})", "batch, presence c"},
    {"a batch within a batch is no command", "batch", R"({"commands":[{"batch":{"commands":[]}}]})", "batch, unknown"},
};

TEST(api_decoder, takes_each_request_apart) {
    decoder reader{few};
    for (const auto& [name, method, body, expected] : bodies)
        EXPECT_EQ(describe(reader.decode(method, body)), expected) << name;
}

const body_case mistakes[] = {
    {"not JSON", "publish", R"({"channel":"c","data":nope})", "The body is not JSON: there is a mistake at byte 22."},
    {"the end is missing", "publish", R"({"channel":"c")", "The body is not JSON: there is a mistake at byte 14."},
    {"something follows", "publish", R"({"channel":"c","data":1} 2)",
     "The body is not JSON: there is a mistake at byte 25."},
    {"not UTF-8", "publish", "{\"channel\":\"\xff\"}", "The body is not JSON: there is a mistake at byte 12."},
    {"a mistake in what nobody knows", "info", R"({"future":[1,]})",
     "The body is not JSON: there is a mistake at byte 13."},
    {"a list", "publish", "[]", "The body is JSON, but not one object."},
    {"null", "info", "null", "The body is JSON, but not one object."},
    {"a channel that is a number", "publish", R"({"channel":1})", R"("channel" has the wrong type or value.)"},
    {"a tag that is a number", "publish", R"({"tags":{"a":1}})", R"("tags" has the wrong type or value.)"},
    {"a version below 0", "publish", R"({"version":-1})", R"("version" has the wrong type or value.)"},
    {"base64 without its end", "publish", R"({"b64data":"eyJhIjoxfQ="})", R"("b64data" has the wrong type or value.)"},
    {"base64 with other letters", "publish", R"({"b64data":"e-J_"})", R"("b64data" has the wrong type or value.)"},
    {"a reason that is no text", "disconnect", R"({"disconnect":{"reason":{}}})",
     R"("reason" has the wrong type or value.)"},
    {"a limit too large", "channels", R"({"limit":4294967296})", R"("limit" has the wrong type or value.)"},
    {"channels that are none", "broadcast", R"({"channels":["a",{}]})", R"("channels" has the wrong type or value.)"},
    {"a channel too many", "broadcast", R"({"channels":["a","b","c","d"]})", "There are more than 3 channels."},
    {"a command too many", "batch", R"({"commands":[{},{},{},{},{}]})", "There are more than 4 commands."},
    {"a command that is no object", "batch", R"({"commands":[1]})", R"("commands" has the wrong type or value.)"},
    {"a channel of a command", "batch", R"({"commands":[{"publish":{"channel":1}}]})",
     R"("channel" has the wrong type or value.)"},
    {"too deep", "publish", R"({"channel":"c","data":)" + std::string(501, '[') + std::string(501, ']') + "}",
     "The body nests deeper than 500."},
};

TEST(api_decoder, says_what_is_wrong) {
    decoder reader{few};
    for (const auto& [name, method, body, expected] : mistakes)
        EXPECT_EQ(describe(reader.decode(method, body)), expected) << name;
}

TEST(api_decoder, refuses_every_beginning_of_a_body) {
    decoder reader{few};
    const std::string whole = R"({"channel":"c\n","data":{"a":[1,2,{"b":null}]},"tags":{"k":"v"}})";
    for (std::size_t cut = 1; cut < whole.size(); ++cut)
        EXPECT_TRUE(std::holds_alternative<mistake>(reader.decode("publish", whole.substr(0, cut)))) << cut;
}

TEST(api_decoder, takes_a_body_as_large_as_may_be) {
    decoder reader{few};
    std::string body = R"({"channel":"c","data":""})";
    body.insert(body.size() - 2, few.body_bytes_max - body.size(), 'x');
    ASSERT_EQ(body.size(), few.body_bytes_max);
    EXPECT_TRUE(std::holds_alternative<request>(reader.decode("publish", body)));
}

struct legacy_case {
    const char* name;
    std::string body;
    std::string expected;
};

const legacy_case legacies[] = {
    {"publish", R"({"method":"publish","params":{"channel":"c","data":1}})", "publish c data=1"},
    {"parameters first", R"({"params":{"channel":"c"},"method":"presence"})", "presence c"},
    {"no parameters", R"({"method":"info"})", "info"},
    {"parameters that are null", R"({"method":"channels","params":null})", "channels pattern= after= limit=0"},
    {"batch", R"({"method":"batch","params":{"commands":[{"info":{}}]}})", "batch, info"},
    {"a method that there is not", R"({"method":"rpc","params":{}})", "unknown"},
    {"no method", "{}", "unknown"},
    {"a method that is no text", R"({"method":1})", R"("method" has the wrong type or value.)"},
    {"a mistake in the parameters", R"({"method":"presence","params":{"channel":1}})",
     R"("channel" has the wrong type or value.)"},
    {"not JSON", R"({"method":)", "The body is not JSON: there is a mistake at byte 10."},
    {"nothing", "", "The body is not JSON: there is a mistake at byte 0."},
    {"one in several lines", "{\n\"method\":\n\"info\"}\n", "info"},
    {"several", "{\"method\":\"info\"}\n{\"method\":\"rpc\"}\r\n\n {\"method\":\"info\"} \n", "info; unknown; info"},
    {"one too many", "{}\n{}\n{}\n{}\n{}", "There are more than 4 commands."},
    {"a mistake in the first", "{\"method\"}\n{}", "The body is not JSON: there is a mistake at byte 9."},
    {"a mistake in another", "{}\n{\"method\"}", "Line 2: The body is not JSON: there is a mistake at byte 9."},
    {"empty lines", "\n\n", "The body is not JSON: there is a mistake at byte 2."},
};

TEST(api_decoder, takes_the_older_form_apart) {
    decoder reader{few};
    for (const auto& [name, body, expected] : legacies)
        EXPECT_EQ(describe(reader.decode_legacy(body)), expected) << name;
}

TEST(api_decoder, knows_its_methods) {
    for (const char* each : {"publish", "broadcast", "subscribe", "unsubscribe", "disconnect", "refresh", "presence",
                             "presence_stats", "history", "history_remove", "channels", "info", "batch"})
        EXPECT_TRUE(is_method(each)) << each;
    for (const char* each : {"", "rpc", "Publish", "publish ", "batch/"}) EXPECT_FALSE(is_method(each)) << each;
}

} // namespace
} // namespace carillon::api
