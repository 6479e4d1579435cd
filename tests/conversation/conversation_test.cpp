#include "support/test_shard.hpp"

#include <cctype>
#include <set>
#include <string>
#include <vector>

namespace carillon::test {
namespace {

using words = std::vector<std::string>;

const std::string connected_reply =
    R"({"id":1,"connect":{"client":"*","version":"carillon )" CARILLON_VERSION R"(","ping":25,"pong":true}})";
const std::string bad_request = "close 3501 bad request";

std::string channel_of(std::size_t bytes) { return std::string(bytes, 'c'); }

std::string nested(std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); }

std::string error_reply(int id, int code, std::string_view message, bool temporary = false) {
    return fmt::format(R"({{"id":{},"error":{{"code":{},"message":"{}"{}}}}})", id, code, message,
                       temporary ? R"(,"temporary":true)" : "");
}

// One client, from the end of its upgrade on: what it says, message by message, and every frame it hears.
struct conversation {
    const char* name;
    bool connects_first; // id 1, not repeated below
    words said;
    words heard;
};

const conversation conversations[] = {
    // §4.1, §4.2
    {"connect is answered with an id, a version and the terms of pinging",
     false,
     {R"({"id":1,"connect":{}})"},
     {connected_reply}},
    {"connect may bring a name, a version and what is not known here",
     false,
     {R"({"id":1,"connect":{"name":"js","version":"1","flag":1,"subs":{"a":{"recover":true}},"headers":{}}})"},
     {connected_reply}},
    {"a first command that is no connect ends the connection",
     false,
     {R"({"id":1,"subscribe":{"channel":"a"}})"},
     {bad_request, "end"}},
    {"a pong before connect ends the connection", false, {"{}"}, {bad_request, "end"}},
    {"a second connect ends the connection", true, {R"({"id":2,"connect":{}})"}, {bad_request, "end"}},
    {"what follows the end of the connection is not answered",
     false,
     {"{}", R"({"id":1,"connect":{}})"},
     {bad_request, "end"}},
    // §4.4: one message, several commands
    {"connect and subscribes in one message are answered in order, in one frame",
     false,
     {R"({"id":1,"connect":{}})"
      "\n"
      R"({"id":2,"subscribe":{"channel":"a"}})"
      "\n"
      R"({"id":3,"subscribe":{"channel":"b","flag":1}})"},
     {connected_reply + "\n"
                        R"({"id":2,"subscribe":{}})"
                        "\n"
                        R"({"id":3,"subscribe":{}})"}},
    {"one line break at the end of a message is tolerated",
     true,
     {R"({"id":2,"subscribe":{"channel":"a"}})"
      "\n"},
     {R"({"id":2,"subscribe":{}})"}},
    {"what was answered before a bad command is still heard",
     true,
     {R"({"id":2,"subscribe":{"channel":"a"}})"
      "\n{}"},
     {R"({"id":2,"subscribe":{}})", bad_request, "end"}},
    // §1.3
    {"an empty message ends the connection", true, {""}, {bad_request, "end"}},
    {"an empty line ends the connection",
     true,
     {R"({"id":2,"subscribe":{"channel":"a"}})"
      "\n\n{}"},
     {R"({"id":2,"subscribe":{}})", bad_request, "end"}},
    {"what is no JSON ends the connection", true, {"hello"}, {bad_request, "end"}},
    {"an array ends the connection", true, {"[]"}, {bad_request, "end"}},
    {"a command that asks for nothing ends the connection", true, {R"({"id":2})"}, {bad_request, "end"}},
    {"an id that is no number ends the connection",
     true,
     {R"({"id":"2","subscribe":{"channel":"a"}})"},
     {bad_request, "end"}},
    {"of two methods the first of the schema counts",
     true,
     {R"({"id":2,"publish":{"channel":"a","data":1},"subscribe":{"channel":"a"}})"},
     {R"({"id":2,"subscribe":{}})"}},
    // §4.8
    {"a second subscribe to a channel is error 105",
     true,
     {R"({"id":2,"subscribe":{"channel":"a"}})", R"({"id":3,"subscribe":{"channel":"a"}})"},
     {R"({"id":2,"subscribe":{}})", error_reply(3, 105, "already subscribed")}},
    {"a channel of 255 bytes is taken",
     true,
     {R"({"id":2,"subscribe":{"channel":")" + channel_of(255) + R"("}})"},
     {R"({"id":2,"subscribe":{}})"}},
    {"subscribing to a channel of 256 bytes is error 107",
     true,
     {R"({"id":2,"subscribe":{"channel":")" + channel_of(256) + R"("}})"},
     {error_reply(2, 107, "bad request")}},
    {"publishing to a channel of 256 bytes is error 107",
     true,
     {R"({"id":2,"publish":{"channel":")" + channel_of(256) + R"(","data":1}})"},
     {error_reply(2, 107, "bad request")}},
    {"a subscribe without a channel ends the connection", true, {R"({"id":2,"subscribe":{}})"}, {bad_request, "end"}},
    {"an unsubscribe without a channel ends the connection",
     true,
     {R"({"id":2,"unsubscribe":{}})"},
     {bad_request, "end"}},
    {"a publish without a channel ends the connection",
     true,
     {R"({"id":2,"publish":{"data":1}})"},
     {bad_request, "end"}},
    {"a presence without a channel ends the connection", true, {R"({"id":2,"presence":{}})"}, {bad_request, "end"}},
    {"a history with an empty channel ends the connection",
     true,
     {R"({"id":2,"history":{"channel":""}})"},
     {bad_request, "end"}},
    {"leaving a channel of 256 bytes succeeds, for nobody can have joined it",
     true,
     {R"({"id":2,"unsubscribe":{"channel":")" + channel_of(256) + R"("}})"},
     {R"({"id":2,"unsubscribe":{}})"}},
    // §3.3, §5: what a subscribe may ask for
    {"who asks for what it missed is told that it does not get it",
     true,
     {R"({"id":2,"subscribe":{"channel":"a","recover":true,"offset":5,"epoch":"e"}})"},
     {R"({"id":2,"subscribe":{"was_recovering":true}})"}},
    {"a position without recover asks for nothing",
     true,
     {R"({"id":2,"subscribe":{"channel":"a","recover":false,"offset":5,"epoch":"e"}})"},
     {R"({"id":2,"subscribe":{}})"}},
    {"a filter of tags is error 107",
     true,
     {R"({"id":2,"subscribe":{"channel":"a","tf":{"key":"k","cmp":"eq","val":"v"}}})",
      R"({"id":3,"subscribe":{"channel":"a","tf":null}})"},
     {error_reply(2, 107, "bad request"), R"({"id":3,"subscribe":{}})"}},
    {"a subscription of another type is not available",
     true,
     {R"({"id":2,"subscribe":{"channel":"a","type":4}})"},
     {error_reply(2, 108, "not available")}},
    {"fossil deltas are not granted",
     true,
     {R"({"id":2,"subscribe":{"channel":"a","delta":"fossil"}})"},
     {R"({"id":2,"subscribe":{}})"}},
    {"an unknown kind of delta ends the connection",
     true,
     {R"({"id":2,"subscribe":{"channel":"a","delta":"xyz"}})"},
     {bad_request, "end"}},
    {"a member of another type ends the connection",
     true,
     {R"({"id":2,"history":{"channel":"a","limit":"10"}})"},
     {bad_request, "end"}},
    {"an unknown member that is no JSON ends the connection",
     true,
     {R"({"id":2,"unsubscribe":{"channel":"a","x":tru}})"},
     {bad_request, "end"}},
    // What nests too deep costs the command alone: the SDKs do not come back from 3501.
    {"a publication nested 65 deep is taken",
     true,
     {R"({"id":2,"publish":{"channel":"a","data":)" + nested(65) + "}}"},
     {R"({"id":2,"publish":{}})"}},
    {"a publication nested 9000 deep is error 107",
     true,
     {R"({"id":2,"publish":{"channel":"a","data":)" + nested(9'000) + "}}",
      R"({"id":3,"publish":{"channel":"a","data":1}})"},
     {error_reply(2, 107, "bad request"), R"({"id":3,"publish":{}})"}},
    {"a send has no reply, however deep it nests",
     true,
     {R"({"send":{"data":)" + nested(9'000) + "}}"},
     {"close 3508 not available", "end"}},
    // RFC 8259 §8.2
    {"half a surrogate in a channel is U+FFFD, and stays what it is in data",
     true,
     {R"({"id":2,"subscribe":{"channel":"a\ud83d"}})", R"({"id":3,"publish":{"channel":"a\udc00","data":"\ud83d"}})"},
     {R"({"id":2,"subscribe":{}})", R"({"id":3,"publish":{}})",
      "{\"push\":{\"channel\":\"a\xef\xbf\xbd\",\"pub\":{\"data\":\"\\ud83d\",\"info\":{\"user\":\"\",\"client\":\"*\"}"
      "}}}"}},
    // §3.4, §4.9, §4.10
    {"leaving a channel that was not joined succeeds",
     true,
     {R"({"id":2,"unsubscribe":{"channel":"a"}})"},
     {R"({"id":2,"unsubscribe":{}})"}},
    {"a channel may be left and joined again",
     true,
     {R"({"id":2,"subscribe":{"channel":"a"}})"
      "\n"
      R"({"id":3,"unsubscribe":{"channel":"a"}})"
      "\n"
      R"({"id":4,"subscribe":{"channel":"a"}})"},
     {R"({"id":2,"subscribe":{}})"
      "\n"
      R"({"id":3,"unsubscribe":{}})"
      "\n"
      R"({"id":4,"subscribe":{}})"}},
    {"presence is not available",
     true,
     {R"({"id":2,"presence":{"channel":"a"}})"},
     {error_reply(2, 108, "not available")}},
    {"presence_stats is not available",
     true,
     {R"({"id":2,"presence_stats":{"channel":"a"}})"},
     {error_reply(2, 108, "not available")}},
    {"history is not available",
     true,
     {R"({"id":2,"history":{"channel":"a","limit":10}})"},
     {error_reply(2, 108, "not available")}},
    {"an rpc is not available",
     true,
     {R"({"id":2,"rpc":{"method":"x","data":{}}})"},
     {error_reply(2, 108, "not available")}},
    {"a send cannot be answered, so it ends the connection",
     true,
     {R"({"send":{"data":1}})"},
     {"close 3508 not available", "end"}},
    {"ping is in the schema but not taken", true, {R"({"id":2,"ping":{}})"}, {bad_request, "end"}},
    {"a pong that nobody asked for ends the connection", true, {"{}"}, {bad_request, "end"}},
    {"a refresh without a token ends the connection", true, {R"({"id":2,"refresh":{}})"}, {bad_request, "end"}},
    {"a refresh with a token is not available",
     true,
     {R"({"id":2,"refresh":{"token":"t"}})"},
     {error_reply(2, 108, "not available")}},
    {"sub_refresh of a channel that was not joined is error 103",
     true,
     {R"({"id":2,"sub_refresh":{"channel":"a","token":"t"}})"},
     {error_reply(2, 103, "permission denied")}},
    {"sub_refresh without a token is error 107",
     true,
     {R"({"id":2,"subscribe":{"channel":"a"}})", R"({"id":3,"sub_refresh":{"channel":"a"}})"},
     {R"({"id":2,"subscribe":{}})", error_reply(3, 107, "bad request")}},
    // §3.4: publishing; a publisher hears itself
    {"a publisher that has subscribed hears the reply and then itself",
     true,
     {R"({"id":2,"subscribe":{"channel":"a"}})", R"({"id":3,"publish":{"channel":"a","data":{"n":1}}})"},
     {R"({"id":2,"subscribe":{}})", R"({"id":3,"publish":{}})",
      R"({"push":{"channel":"a","pub":{"data":{"n":1},"info":{"user":"","client":"*"}}}})"}},
    {"publishing to nobody succeeds",
     true,
     {R"({"id":2,"publish":{"channel":"a","data":1}})"},
     {R"({"id":2,"publish":{}})"}},
    {"publishing without data is error 107",
     true,
     {R"({"id":2,"subscribe":{"channel":"a"}})", R"({"id":3,"publish":{"channel":"a"}})"},
     {R"({"id":2,"subscribe":{}})", error_reply(3, 107, "bad request")}},
    {"publishing as another type is not available",
     true,
     {R"({"id":2,"publish":{"channel":"a","data":1,"type":1}})"},
     {error_reply(2, 108, "not available")}},
    {"null can be published",
     true,
     {R"({"id":2,"subscribe":{"channel":"a"}})", R"({"id":3,"publish":{"channel":"a","data":null}})"},
     {R"({"id":2,"subscribe":{}})", R"({"id":3,"publish":{}})",
      R"({"push":{"channel":"a","pub":{"data":null,"info":{"user":"","client":"*"}}}})"}},
    {"data that is no JSON ends the connection",
     true,
     {R"({"id":2,"publish":{"channel":"a","data":{"n":01}}})"},
     {bad_request, "end"}},
    // §4.7
    {"the subscribe reply comes before a publication of the same message",
     true,
     {R"({"id":2,"subscribe":{"channel":"a"}})"
      "\n"
      R"({"id":3,"publish":{"channel":"a","data":1}})"
      "\n"
      R"({"id":4,"publish":{"channel":"b","data":2}})"},
     {R"({"id":2,"subscribe":{}})"
      "\n"
      R"({"id":3,"publish":{}})"
      "\n"
      R"({"id":4,"publish":{}})",
      R"({"push":{"channel":"a","pub":{"data":1,"info":{"user":"","client":"*"}}}})"}},
    {"what was published before a subscribe of the same message is not for the subscriber",
     true,
     {R"({"id":2,"publish":{"channel":"a","data":1}})"
      "\n"
      R"({"id":3,"subscribe":{"channel":"a"}})"
      "\n"
      R"({"id":4,"publish":{"channel":"a","data":2}})"},
     {R"({"id":2,"publish":{}})"
      "\n"
      R"({"id":3,"subscribe":{}})"
      "\n"
      R"({"id":4,"publish":{}})",
      R"({"push":{"channel":"a","pub":{"data":2,"info":{"user":"","client":"*"}}}})"}},
    {"what was published before an unsubscribe of the same message still comes, before the reply",
     true,
     {R"({"id":2,"subscribe":{"channel":"a"}})", R"({"id":3,"publish":{"channel":"a","data":1}})"
                                                 "\n"
                                                 R"({"id":4,"unsubscribe":{"channel":"a"}})"
                                                 "\n"
                                                 R"({"id":5,"publish":{"channel":"a","data":2}})"},
     {R"({"id":2,"subscribe":{}})", R"({"id":3,"publish":{}})",
      R"({"push":{"channel":"a","pub":{"data":1,"info":{"user":"","client":"*"}}}})",
      R"({"id":4,"unsubscribe":{}})"
      "\n"
      R"({"id":5,"publish":{}})"}},
};

class every_conversation : public testing::TestWithParam<conversation> {};

words play(const conversation& script, std::size_t piece_bytes) {
    test_shard shard;
    ws_client client = shard.upgraded();
    if (script.connects_first) {
        client.say(R"({"id":1,"connect":{}})");
        shard.settle();
        EXPECT_EQ(client.heard(), words{connected_reply});
    }
    for (const std::string& message : script.said) {
        const std::string frame = text_frame(message);
        for (std::size_t at = 0; at < frame.size(); at += piece_bytes) {
            client.write(std::string_view{frame}.substr(at, piece_bytes));
            shard.settle();
        }
    }
    words heard = client.heard();
    client.hang_up();
    shard.expect_empty();
    return heard;
}

TEST_P(every_conversation, goes_as_the_protocol_says) { EXPECT_EQ(play(GetParam(), 1 << 20), GetParam().heard); }
TEST_P(every_conversation, goes_the_same_when_the_bytes_come_one_by_one) {
    EXPECT_EQ(play(GetParam(), 1), GetParam().heard);
}

std::string as_test_name(const testing::TestParamInfo<conversation>& info) {
    std::string name;
    for (const char c : std::string_view{info.param.name}) {
        if (std::isalnum(static_cast<unsigned char>(c)) != 0) name += c;
        if (c == ' ') name += '_';
    }
    return name;
}

INSTANTIATE_TEST_SUITE_P(conversation, every_conversation, testing::ValuesIn(conversations), as_test_name);

TEST(conversation, the_129th_channel_is_error_106_and_a_channel_that_is_held_still_105) {
    test_shard shard;
    ws_client client = shard.connected();
    std::string message;
    for (int i = 0; i < 128; ++i) {
        message += fmt::format(R"({{"id":{},"subscribe":{{"channel":"c{}"}}}})"
                               "\n",
                               i + 2, i);
    }
    client.say(message);
    shard.settle();
    ASSERT_EQ(client.heard().size(), 1u);
    client.say(R"({"id":200,"subscribe":{"channel":"one more"}})"
               "\n"
               R"({"id":201,"subscribe":{"channel":"c5"}})"
               "\n"
               R"({"id":202,"unsubscribe":{"channel":"c5"}})"
               "\n"
               R"({"id":203,"subscribe":{"channel":"one more"}})");
    shard.settle();
    EXPECT_EQ(client.heard(),
              (words{error_reply(200, 106, "limit exceeded") + "\n" + error_reply(201, 105, "already subscribed") +
                     "\n"
                     R"({"id":202,"unsubscribe":{}})"
                     "\n"
                     R"({"id":203,"subscribe":{}})"}));
    EXPECT_EQ(shard.subscribers.subscriptions(), 128u);
    EXPECT_EQ(shard.counters.command_errors(106), 1u);
    EXPECT_EQ(shard.counters.command_errors(105), 1u);
}

TEST(conversation, as_many_commands_as_allowed_fit_in_one_message_and_not_one_more) {
    shard_options how;
    how.clients.commands_per_message_max = 3;
    test_shard shard{how};
    const std::string leave = R"({"id":2,"unsubscribe":{"channel":"a"}})"
                              "\n";
    ws_client modest = shard.connected();
    modest.say(leave + leave + leave);
    shard.settle();
    EXPECT_EQ(modest.heard().size(), 1u);
    ws_client greedy = shard.connected();
    greedy.say(leave + leave + leave + leave);
    shard.settle();
    const words heard = greedy.heard();
    ASSERT_EQ(heard.size(), 3u);
    EXPECT_EQ(heard[1], bad_request);
    EXPECT_EQ(shard.counters.protocol_failures(metrics::protocol_failure::too_many_commands), 1u);
}

TEST(conversation, a_publication_of_a_client_may_be_as_large_as_one_from_the_bus) {
    shard_options how;
    how.clients.payload_bytes_max = 100;
    test_shard shard{how};
    ws_client client = shard.connected();
    const auto publish = [](std::size_t bytes) {
        return R"({"id":7,"publish":{"channel":"a","data": ")" + std::string(bytes - 2, 'x') + "\" }}";
    };
    client.say(publish(100));
    client.say(publish(101));
    shard.settle();
    EXPECT_EQ(client.heard(), (words{R"({"id":7,"publish":{}})"
                                     "\n" +
                                     error_reply(7, 107, "bad request")}));
    EXPECT_EQ(shard.counters.publications_refused(metrics::publication_refusal::too_big), 1u);
    EXPECT_EQ(shard.counters.publications(metrics::publication_source::client), 1u);
    client.say(R"({"id":8,"publish":{"channel":"a","data":)" + nested(9'000) + "}}");
    shard.settle();
    EXPECT_EQ(client.heard(), words{error_reply(8, 107, "bad request")});
    EXPECT_EQ(shard.counters.publications_refused(metrics::publication_refusal::too_deep), 1u);
}

// Tokens cannot be verified yet: without the development mode nobody comes in (§6.1).
struct stranger {
    const char* name;
    const char* connect;
    const char* heard;
};
const stranger strangers[] = {
    {"no token is a bad request", R"({"id":1,"connect":{}})", "close 3501 bad request"},
    {"an empty token is a bad request", R"({"id":1,"connect":{"token":""}})", "close 3501 bad request"},
    {"a token is an invalid token", R"({"id":1,"connect":{"token":"x.y.z"}})", "close 3500 invalid token"},
};

TEST(conversation, outside_of_development_mode_nobody_connects) {
    shard_options how;
    how.clients.dev = false;
    for (const stranger& each : strangers) {
        SCOPED_TRACE(each.name);
        test_shard shard{how};
        ws_client client = shard.upgraded();
        client.say(each.connect);
        shard.settle();
        EXPECT_EQ(client.heard(), (words{each.heard, "end"}));
    }
}

TEST(conversation, every_client_has_an_id_of_its_own_that_is_a_version_8_uuid) {
    test_shard shard;
    std::set<std::string> ids;
    for (int i = 0; i < 200; ++i) {
        const ws_client client = shard.connected();
        ASSERT_EQ(client.id().size(), 36u);
        EXPECT_EQ(client.id()[14], '8');
        EXPECT_NE(std::string_view{"89ab"}.find(client.id()[19]), std::string_view::npos);
        ids.insert(client.id());
    }
    EXPECT_EQ(ids.size(), 200u);
}

TEST(conversation, a_publication_of_a_client_names_its_id_to_everybody) {
    test_shard shard;
    ws_client alice = shard.connected("room");
    ws_client bob = shard.connected("room");
    alice.say(R"({"id":9,"publish":{"channel":"room","data":"hi"}})");
    shard.settle();
    bob.read();
    EXPECT_NE(bob.received().find(R"("client":")" + alice.id()), std::string::npos);
    const std::string push = R"({"push":{"channel":"room","pub":{"data":"hi","info":{"user":"","client":"*"}}}})";
    EXPECT_EQ(bob.heard(), words{push});
    EXPECT_EQ(alice.heard(), (words{R"({"id":9,"publish":{}})", push}));
    EXPECT_EQ(shard.counters.publications(metrics::publication_source::client), 1u);
}

TEST(conversation, a_publication_of_a_back_end_has_no_info_and_its_line_breaks_are_blanks) {
    test_shard shard;
    ws_client client = shard.connected("room");
    EXPECT_EQ(shard.publish("room", "{\n\"a\":\r\n1}"), 1u);
    EXPECT_EQ(client.heard(), words{R"({"push":{"channel":"room","pub":{"data":{ "a":  1}}}})"});
    shard.subscribers.publish("room", {"a \"text\"\n", false, {}});
    shard.subscribers.flush();
    EXPECT_EQ(client.heard(), words{R"({"push":{"channel":"room","pub":{"data":"a \"text\"\n"}}})"});
}

TEST(conversation, replies_beyond_a_frames_worth_go_out_in_several) {
    test_shard shard;
    ws_client client = shard.connected();
    std::string message;
    for (int i = 0; i < 1000; ++i)
        message += fmt::format(R"({{"id":{},"rpc":{{"method":"m"}}}})"
                               "\n",
                               i + 2);
    client.say(message);
    shard.settle();
    std::string lines;
    const words frames = client.heard();
    EXPECT_GT(frames.size(), 1u);
    for (const std::string& frame : frames) lines += frame + "\n";
    std::string expected;
    for (int i = 0; i < 1000; ++i) expected += error_reply(i + 2, 108, "not available") + "\n";
    EXPECT_EQ(lines, expected);
}

} // namespace
} // namespace carillon::test
