#include "support/allocations.hpp"
#include "support/test_shard.hpp"
#include "ws/deflater.hpp"

#include <string>
#include <vector>

namespace carillon::test {
namespace {

using words = std::vector<std::string>;
using ws::opcode;

shard_options with_compression(std::size_t bytes_min = 100) {
    shard_options how;
    how.clients.compression = {.on = true, .bytes_min = bytes_min};
    how.clients.transports.add(carriers::transport::uni_websocket);
    return how;
}

std::string request(std::string_view offer, std::string_view target = "/connection/websocket") {
    std::string head{upgrade_request};
    head.replace(head.find("/connection/websocket"), 21, target);
    head.insert(head.size() - 2, "Sec-WebSocket-Extensions: " + std::string{offer} + "\r\n");
    return head;
}

/// A client that has connected, on a WebSocket with this offer, and subscribed to "a".
ws_client subscriber(test_shard& shard, std::string_view offer = "permessage-deflate", std::string_view more = {}) {
    ws_client client{shard.open(shard.sessions, request(offer))};
    EXPECT_TRUE(client.response().starts_with("HTTP/1.1 101 "));
    client.say(R"({"id":1,"connect":{}})");
    client.say(R"({"id":2,"subscribe":{"channel":"a")" + std::string{more} + "}}");
    shard.settle();
    EXPECT_EQ(client.heard().size(), 1u);
    return client;
}

std::string deflated(std::string_view text) {
    std::string payload;
    ws::deflater writer{6};
    EXPECT_TRUE(writer.deflate(text, ws::deflate_window::wide, payload));
    return payload;
}

std::string rsv1(std::string frame) {
    frame[0] = static_cast<char>(frame[0] | ws::deflated_bit);
    return frame;
}

std::string json_of(std::size_t bytes) { return "\"" + std::string(bytes - 2, 'x') + "\""; }

std::string push_of(std::string_view json) {
    return R"({"push":{"channel":"a","pub":{"data":)" + std::string{json} + "}}}";
}

TEST(compression, a_publication_is_compressed_once_for_all_that_agreed) {
    test_shard shard{with_compression()};
    std::vector<ws_client> compressed;
    for (int i = 0; i < 20; ++i) compressed.push_back(subscriber(shard));
    ws_client plain = shard.connected("a");
    EXPECT_EQ(shard.counters.compressions_agreed, 20u);
    const metrics::shard_counters before = shard.counters; // their replies may have been long enough, too
    const std::string json = json_of(1000);
    EXPECT_EQ(shard.publish("a", json), 21u);
    for (ws_client& each : compressed) EXPECT_EQ(each.heard(), words{"deflated " + push_of(json)});
    EXPECT_EQ(plain.heard(), words{push_of(json)});
    EXPECT_EQ(shard.counters.messages_deflated - before.messages_deflated, 1u);
    EXPECT_EQ(shard.counters.deflated_bytes_before - before.deflated_bytes_before, push_of(json).size());
    EXPECT_GT(shard.counters.deflated_bytes_after, before.deflated_bytes_after);
    EXPECT_LT(shard.counters.deflated_bytes_after, before.deflated_bytes_after + 100);
    shard.expect_at_rest();
}

struct agreement {
    const char* name;
    const char* offer;
    const char* how; ///< a publication of 1000 bytes arrives
};
const agreement agreements[] = {
    {"as browsers do", "permessage-deflate; client_max_window_bits", "deflated "},
    {"with a small window", "permessage-deflate; server_max_window_bits=10", "deflated "},
    {"with one that is too small", "permessage-deflate; server_max_window_bits=8", ""},
    {"with a parameter that is not known", "permessage-deflate; x", ""},
    {"another extension", "x", ""},
};

TEST(compression, is_used_as_agreed) {
    test_shard shard{with_compression()};
    const std::string json = json_of(1000);
    for (const agreement& each : agreements) {
        SCOPED_TRACE(each.name);
        ws_client client = subscriber(shard, each.offer);
        shard.publish("a", json);
        EXPECT_EQ(client.heard(), words{each.how + push_of(json)});
        client.hang_up();
    }
    shard.expect_empty();
}

TEST(compression, both_windows_and_those_without_are_served_together) {
    test_shard shard{with_compression()};
    ws_client wide = subscriber(shard), narrow = subscriber(shard, "permessage-deflate; server_max_window_bits=9");
    ws_client plain = shard.connected("a");
    const std::string json = json_of(3000);
    for (int i = 0; i < 3; ++i) {
        shard.publish("a", json);
        EXPECT_EQ(wide.heard(), words{"deflated " + push_of(json)});
        EXPECT_EQ(narrow.heard(), words{"deflated " + push_of(json)});
        EXPECT_EQ(plain.heard(), words{push_of(json)});
    }
}

TEST(compression, is_declined_where_it_is_off) {
    test_shard shard;
    ws_client client{shard.open(shard.sessions, request("permessage-deflate"))};
    EXPECT_EQ(client.response().find("Extensions"), std::string::npos);
    client.write(rsv1(text_frame(deflated(R"({"id":1,"connect":{}})" + std::string(200, ' ')))));
    shard.settle();
    EXPECT_EQ(client.heard(), (words{"close 1002", "end"}));
}

TEST(compression, an_offer_that_is_no_list_of_extensions_is_400) {
    test_shard shard{with_compression()};
    peer client = shard.open(shard.sessions, request("permessage-deflate;"));
    client.read();
    EXPECT_TRUE(client.received().starts_with("HTTP/1.1 400 ")) << client.received();
    EXPECT_EQ(shard.counters.upgrade_refused(400), 1u);
}

TEST(compression, messages_below_the_limit_and_pings_go_out_as_they_are) {
    test_shard shard{with_compression(200)};
    ws_client client = subscriber(shard);
    const std::size_t around = push_of("").size();
    const std::string below = json_of(199 - around), at = json_of(200 - around);
    shard.publish("a", below);
    EXPECT_EQ(client.heard(), words{push_of(below)});
    shard.publish("a", at);
    EXPECT_EQ(client.heard(), words{"deflated " + push_of(at)});
    client.write(client_frame(opcode::ping, std::string(125, 'p')));
    shard.settle();
    EXPECT_EQ(client.heard(), words{"pong " + std::string(125, 'p')});
    shard.advance(std::chrono::milliseconds{25'100});
    EXPECT_EQ(client.heard(), words{"{}"});
}

TEST(compression, replies_that_go_out_together_are_compressed_together) {
    test_shard shard{with_compression()};
    ws_client client = subscriber(shard);
    std::string commands, replies;
    for (int id = 3; id < 30; ++id) {
        commands += fmt::format("{{\"id\":{},\"unsubscribe\":{{\"channel\":\"a\"}}}}\n", id);
        replies += fmt::format("{}{{\"id\":{},\"unsubscribe\":{{}}}}", id == 3 ? "" : "\n", id);
    }
    client.write(text_frame(commands) + client_frame(opcode::ping, "p") + text_frame(commands));
    shard.settle();
    EXPECT_EQ(client.heard(), (words{"deflated " + replies, "pong p", "deflated " + replies}));
    shard.expect_at_rest();
}

TEST(compression, who_only_listens_gets_it_too) {
    test_shard shard{with_compression(10)};
    ws_client client{shard.open(shard.sessions, request("permessage-deflate", "/connection/uni_websocket"))};
    EXPECT_TRUE(client.response().starts_with("HTTP/1.1 101 "));
    const std::string connect = R"({"name":")" + std::string(200, 'n') + "\"}";
    client.write(rsv1(text_frame(deflated(connect))));
    shard.settle();
    const words heard = client.heard();
    ASSERT_EQ(heard.size(), 1u);
    EXPECT_TRUE(heard[0].starts_with("deflated {\"connect\":{")) << heard[0];
    EXPECT_EQ(shard.counters.messages_inflated, 1u);
}

// --- what clients send

const std::string blanks(300, ' ');
const std::string subscribe = blanks + R"({"id":3,"subscribe":{"channel":"b"}})";
const std::string subscribed = R"({"id":3,"subscribe":{}})";

struct exchange {
    const char* name;
    std::string frames;
    words heard;
    metrics::protocol_failure failure = metrics::protocol_failure::other; ///< counted, unless other
};

const std::string packed = deflated(subscribe);
const exchange exchanges[] = {
    {"a command", rsv1(text_frame(packed)), {subscribed}},
    {"a command in fragments, with a ping between them",
     rsv1(text_frame(packed.substr(0, 5), false)) + client_frame(opcode::ping, "p") +
         client_frame(opcode::continuation, packed.substr(5)),
     {"pong p", subscribed}},
    {"one that is compressed and one that is not",
     rsv1(text_frame(packed)) + text_frame(R"({"id":4,"unsubscribe":{"channel":"b"}})"),
     {subscribed + "\n" + R"({"id":4,"unsubscribe":{}})"}},
    {"several commands behind one that waits for the bus",
     rsv1(text_frame(deflated(blanks + R"({"id":4,"publish":{"channel":"c","data":1}})" + "\n" +
                              R"({"id":3,"subscribe":{"channel":"b"}})"))),
     {R"({"id":4,"publish":{}})"
      "\n" +
      subscribed}},
    {"RSV1 on a continuation",
     rsv1(text_frame(packed.substr(0, 5), false)) + rsv1(client_frame(opcode::continuation, packed.substr(5))),
     {"close 1002", "end"},
     metrics::protocol_failure::malformed_frame},
    {"RSV1 on a ping",
     rsv1(client_frame(opcode::ping, "p")),
     {"close 1002", "end"},
     metrics::protocol_failure::malformed_frame},
    {"what is no DEFLATE",
     rsv1(text_frame("{\"id\":3}")),
     {"close 1007", "end"},
     metrics::protocol_failure::not_deflated},
    {"what needs the message before it",
     rsv1(text_frame(packed)) + rsv1(text_frame(std::string{"\xf2\x00\x11\x00\x00", 5})),
     {subscribed, "close 1007", "end"},
     metrics::protocol_failure::not_deflated},
    {"text that is not UTF-8",
     rsv1(text_frame(deflated("{\"id\":\"\xff\"}" + blanks))),
     {"close 1007", "end"},
     metrics::protocol_failure::not_utf8},
    {"a bomb",
     rsv1(text_frame(deflated(std::string(10'000'000, ' ')))),
     {"close 1009", "end"},
     metrics::protocol_failure::message_too_big},
};

TEST(compression, what_clients_send_means_the_same_however_it_is_cut) {
    for (const exchange& each : exchanges) {
        SCOPED_TRACE(each.name);
        const std::size_t step = each.frames.size() > 1000 ? 997 : 1;
        for (std::size_t cut = 0; cut <= each.frames.size(); cut += step) {
            SCOPED_TRACE(cut);
            test_shard shard{with_compression()};
            ws_client client = subscriber(shard);
            client.write(std::string_view{each.frames}.substr(0, cut));
            shard.settle();
            client.write(std::string_view{each.frames}.substr(cut));
            shard.settle();
            std::string heard, expected;
            for (const std::string& frame : client.heard()) heard += frame + "\n";
            for (const std::string& frame : each.heard) expected += frame + "\n";
            EXPECT_EQ(heard, expected);
            if (each.failure == metrics::protocol_failure::other) {
                shard.expect_at_rest();
                EXPECT_EQ(shard.counters.messages_inflated, 1u);
                EXPECT_LT(shard.counters.inflated_bytes_before, shard.counters.inflated_bytes_after);
            } else {
                EXPECT_EQ(shard.counters.protocol_failures(each.failure), 1u);
            }
            client.hang_up();
            shard.expect_empty();
        }
    }
}

// --- what it costs

// The heap that a thousand idle subscribers take.
std::int64_t idle_bytes(std::string_view head) {
    test_shard shard{with_compression()};
    std::vector<peer> clients; // no buffers of the test's own among what is counted
    clients.reserve(1100);
    const std::string hello = text_frame("{\"id\":1,\"connect\":{}}\n{\"id\":2,\"subscribe\":{\"channel\":\"a\"}}");
    const auto join = [&] {
        clients.push_back(shard.open(shard.sessions, head));
        clients.back().write(hello);
        shard.settle();
        std::array<char, 4096> buffer;
        while (::recv(clients.back().descriptor(), buffer.data(), buffer.size(), MSG_DONTWAIT) > 0) {}
    };
    for (int i = 0; i < 100; ++i) join();
    shard.publish("a", json_of(1000));
    const std::int64_t before = heap_use_now().live_bytes;
    for (int i = 0; i < 1000; ++i) join();
    return heap_use_now().live_bytes - before;
}

TEST(compression, an_idle_connection_keeps_nothing_for_it) {
    // Of a thousand: the heap itself may round one of its pieces differently, by less than a byte for each of them.
    EXPECT_LT(idle_bytes(request("permessage-deflate")), idle_bytes(upgrade_request) + 1000);
}

TEST(compression, a_delivery_to_many_allocates_nothing) {
    test_shard shard{with_compression()};
    std::vector<ws_client> clients;
    for (int i = 0; i < 50; ++i) clients.push_back(subscriber(shard));
    const std::string one = json_of(1000), other = json_of(1001);
    const auto publish_both = [&] {
        shard.publish("a", one);
        shard.publish("a", other);
        std::array<char, 16'384> buffer;
        for (const ws_client& each : clients) {
            while (::recv(each.descriptor(), buffer.data(), buffer.size(), MSG_DONTWAIT) > 0) {}
        }
    };
    for (int i = 0; i < 20; ++i) publish_both();
    EXPECT_EQ(allocations_during([&] {
                  for (int i = 0; i < 50; ++i) publish_both();
              }),
              0u);
}

} // namespace
} // namespace carillon::test
