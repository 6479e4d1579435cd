#include "support/test_shard.hpp"

#include <string>
#include <vector>

namespace carillon::test {
namespace {

using words = std::vector<std::string>;
using ws::opcode;

const std::string subscribe = R"({"id":2,"subscribe":{"channel":"a"}})";
const std::string subscribed = R"({"id":2,"subscribe":{}})";

// Frames of a connected client, and what it hears.
struct exchange {
    const char* name;
    std::string frames;
    words heard;
    metrics::protocol_failure failure = metrics::protocol_failure::other; ///< counted, unless other
};

const exchange exchanges[] = {
    {"a message in two fragments",
     client_frame(opcode::text, subscribe.substr(0, 9), false) +
         client_frame(opcode::continuation, subscribe.substr(9)),
     {subscribed}},
    {"a message in three fragments with a ping between them",
     client_frame(opcode::text, subscribe.substr(0, 9), false) + client_frame(opcode::ping, "p") +
         client_frame(opcode::continuation, subscribe.substr(9, 4), false) +
         client_frame(opcode::continuation, subscribe.substr(13)),
     {"pong p", subscribed}},
    {"empty fragments",
     client_frame(opcode::text, "", false) + client_frame(opcode::continuation, subscribe, false) +
         client_frame(opcode::continuation, ""),
     {subscribed}},
    {"two messages in one packet are answered in one frame",
     text_frame(subscribe) + text_frame(R"({"id":3,"unsubscribe":{"channel":"a"}})"),
     {subscribed + "\n"
                   R"({"id":3,"unsubscribe":{}})"}},
    {"a ping is answered with its payload", client_frame(opcode::ping, "12345"), {"pong 12345"}},
    {"a ping of 125 bytes is answered",
     client_frame(opcode::ping, std::string(125, 'x')),
     {"pong " + std::string(125, 'x')}},
    {"an empty ping is answered", client_frame(opcode::ping, ""), {"pong "}},
    {"a pong is no command and not minded", client_frame(opcode::pong, "x") + text_frame(subscribe), {subscribed}},
    {"replies before a ping go out before its pong",
     text_frame(subscribe) + client_frame(opcode::ping, "p"),
     {subscribed, "pong p"}},
    {"JSON in a binary message is JSON, too", client_frame(opcode::binary, subscribe), {subscribed}},
    {"JSON in a fragmented binary message is JSON, too",
     client_frame(opcode::binary, subscribe.substr(0, 9), false) +
         client_frame(opcode::continuation, subscribe.substr(9)),
     {subscribed}},
    {"a binary message that is no JSON ends the connection",
     client_frame(opcode::binary, "\x08\x01"),
     {"close 3501 bad request", "end"},
     metrics::protocol_failure::malformed_command},
    {"a binary message that is not UTF-8 ends the connection",
     client_frame(opcode::binary, "{\"id\":2,\"publish\":{\"channel\":\"a\",\"data\":\"\xff\"}}"),
     {"close 3501 bad request", "end"},
     metrics::protocol_failure::malformed_command},
    {"a frame without a mask ends the connection",
     [] {
         std::string frame;
         ws::append_frame(frame, opcode::text, subscribe);
         return frame;
     }(),
     {"close 1002", "end"},
     metrics::protocol_failure::malformed_frame},
    {"a reserved opcode ends the connection",
     "\x83\x80"
     "abcd",
     {"close 1002", "end"},
     metrics::protocol_failure::malformed_frame},
    {"a continuation of nothing ends the connection",
     client_frame(opcode::continuation, "x"),
     {"close 1002", "end"},
     metrics::protocol_failure::malformed_frame},
    {"a message within a message ends the connection",
     client_frame(opcode::text, "{", false) + text_frame(subscribe),
     {"close 1002", "end"},
     metrics::protocol_failure::malformed_frame},
    {"a ping of 126 bytes ends the connection",
     std::string{"\x89\xfe\x00\x7e", 4} + "abcd" + std::string(126, 'x'),
     {"close 1002", "end"},
     metrics::protocol_failure::malformed_frame},
    {"text that is no UTF-8 ends the connection",
     text_frame("{\"id\":\"\xff\"}"),
     {"close 1007", "end"},
     metrics::protocol_failure::not_utf8},
    {"a surrogate in UTF-8 ends the connection",
     text_frame("\xed\xa0\x80"),
     {"close 1007", "end"},
     metrics::protocol_failure::not_utf8},
    {"half a code point at the end of a message ends the connection",
     text_frame("{}\xc3"),
     {"close 1007", "end"},
     metrics::protocol_failure::not_utf8},
    {"replies before a broken frame are heard",
     text_frame(subscribe) + "\x83\x80"
                             "abcd",
     {subscribed, "close 1002", "end"},
     metrics::protocol_failure::malformed_frame},
    {"nothing after a broken frame is run",
     std::string{"\x83\x80"
                 "abcd"} +
         text_frame(subscribe),
     {"close 1002", "end"},
     metrics::protocol_failure::malformed_frame},
};

TEST(framing, frames_mean_the_same_however_they_are_cut) {
    for (const exchange& each : exchanges) {
        SCOPED_TRACE(each.name);
        for (std::size_t cut = 0; cut <= each.frames.size(); ++cut) {
            SCOPED_TRACE(cut);
            test_shard shard;
            ws_client client = shard.connected();
            const bool in_one = cut == each.frames.size();
            client.write(std::string_view{each.frames}.substr(0, cut));
            shard.settle();
            client.write(std::string_view{each.frames}.substr(cut));
            shard.settle();
            // Two bursts are two frames of replies; all of them together are the same lines.
            if (in_one) {
                EXPECT_EQ(client.heard(), each.heard);
            } else {
                std::string heard;
                std::string expected;
                for (const std::string& frame : client.heard()) heard += frame + "\n";
                for (const std::string& frame : each.heard) expected += frame + "\n";
                EXPECT_EQ(heard, expected);
            }
            if (each.failure == metrics::protocol_failure::other) {
                shard.expect_at_rest();
            } else {
                EXPECT_EQ(shard.counters.protocol_failures(each.failure), 1u);
            }
            client.hang_up();
            shard.expect_empty();
        }
    }
}

std::string message_of(std::size_t bytes) {
    const std::string head = R"({"id":2,"subscribe":{"channel":"a","data":")";
    const std::string tail = R"("}})";
    return head + std::string(bytes - head.size() - tail.size(), 'x') + tail;
}

TEST(framing, a_message_of_the_limit_is_taken_and_one_byte_more_is_1009) {
    shard_options how;
    how.clients.message_bytes_max = 20'000; // more than one buffer
    for (const std::size_t bytes : {std::size_t{16'384}, std::size_t{16'385}, std::size_t{20'000}}) {
        test_shard shard{how};
        ws_client client = shard.connected();
        client.say(message_of(bytes));
        shard.settle();
        EXPECT_EQ(client.heard(), words{subscribed}) << bytes;
        shard.expect_at_rest();
    }
    test_shard shard{how};
    ws_client client = shard.connected();
    client.say(message_of(20'001));
    shard.settle();
    EXPECT_EQ(client.heard(), (words{"close 1009", "end"}));
    EXPECT_EQ(shard.counters.protocol_failures(metrics::protocol_failure::message_too_big), 1u);
}

TEST(framing, a_header_that_announces_too_much_is_1009_before_its_payload_comes) {
    test_shard shard;
    ws_client client = shard.connected();
    client.write(client_frame(opcode::text, std::string(1 << 17, 'x')).substr(0, 14));
    shard.settle();
    EXPECT_EQ(client.heard(), (words{"close 1009", "end"}));
}

TEST(framing, fragments_that_grow_together_beyond_the_limit_are_1009) {
    shard_options how;
    how.clients.message_bytes_max = 100;
    test_shard shard{how};
    ws_client client = shard.connected();
    client.write(client_frame(opcode::text, std::string(60, ' '), false));
    shard.settle();
    EXPECT_EQ(shard.counters.partial_bytes, 60);
    client.write(client_frame(opcode::continuation, std::string(41, ' '), false));
    shard.settle();
    EXPECT_EQ(client.heard(), (words{"close 1009", "end"}));
}

TEST(framing, a_peer_that_goes_within_a_message_leaves_nothing) {
    const std::string frame = text_frame(subscribe);
    constexpr std::size_t header_bytes = 6;
    for (std::size_t bytes = 1; bytes < frame.size(); ++bytes) {
        test_shard shard;
        ws_client client = shard.connected("b");
        client.write(std::string_view{frame}.substr(0, bytes));
        shard.settle();
        EXPECT_EQ(shard.counters.partial_bytes,
                  static_cast<std::int64_t>(bytes < header_bytes ? bytes : bytes - header_bytes));
        client.hang_up();
        shard.expect_empty();
    }
}

TEST(framing, many_messages_that_fill_many_buffers_are_all_answered_in_order) {
    shard_options how;
    how.buffer_bytes = 64; // so that every message spans several, and turns are yielded
    how.leases = 1;
    test_shard shard{how};
    ws_client client = shard.connected();
    std::string bytes;
    std::string expected;
    for (int i = 2; i < 400; ++i) {
        bytes += text_frame(fmt::format(R"({{"id":{},"unsubscribe":{{"channel":"some channel or other"}}}})", i));
        expected += fmt::format(R"({{"id":{},"unsubscribe":{{}}}})"
                                "\n",
                                i);
    }
    client.write(bytes);
    shard.settle();
    std::string heard;
    for (words frames = client.heard(); !frames.empty(); frames = client.heard()) {
        for (const std::string& frame : frames) heard += frame + "\n";
        shard.settle(); // so many small frames may have filled the socket
    }
    EXPECT_EQ(heard, expected);
    shard.expect_at_rest();
}

// One send for all of them, and one connection does not take the turn of the others (its share is one buffer).
TEST(framing, a_burst_of_pings_is_answered_by_one_send_in_order_with_the_replies_between) {
    test_shard shard;
    ws_client client = shard.connected();
    std::string burst;
    std::vector<std::string> expected;
    for (int i = 0; i < 500; ++i) {
        burst += client_frame(ws::opcode::ping, std::to_string(i));
        expected.push_back("pong " + std::to_string(i));
        if (i % 100 != 0) continue;
        burst += text_frame(fmt::format(R"({{"id":{},"unsubscribe":{{"channel":"a"}}}})", i + 2));
        expected.push_back(fmt::format(R"({{"id":{},"unsubscribe":{{}}}})", i + 2));
    }
    const std::uint64_t sends = shard.counters.sends;
    client.write(burst);
    shard.settle();
    EXPECT_EQ(client.heard(), expected);
    EXPECT_EQ(shard.counters.sends, sends + 1);
}

} // namespace
} // namespace carillon::test
