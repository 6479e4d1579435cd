#include "support/test_shard.hpp"

#include <deque>
#include <string>
#include <vector>

namespace carillon::test {
namespace {

using words = std::vector<std::string>;

std::string replaced(std::string_view what, std::string_view with) {
    std::string head{upgrade_request};
    const std::size_t at = head.find(what);
    EXPECT_NE(at, std::string::npos);
    head.replace(at, what.size(), with);
    return head;
}

std::string with_field(std::string_view line) {
    return replaced("Host: example.org\r\n", fmt::format("Host: example.org\r\n{}\r\n", line));
}

TEST(upgrade, a_head_in_one_piece_becomes_a_web_socket_with_the_accept_key_of_the_rfc) {
    test_shard shard;
    peer client = shard.open(shard.sessions, upgrade_request);
    EXPECT_EQ(client.take(), "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                             "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n");
    EXPECT_EQ(shard.counters.upgrades, 1u);
    EXPECT_FALSE(client.ended());
}

TEST(upgrade, the_subprotocol_is_named_when_it_was_offered) {
    test_shard shard;
    peer client = shard.open(shard.sessions, with_field("Sec-WebSocket-Protocol: other, centrifuge-json"));
    EXPECT_NE(client.take().find("Sec-WebSocket-Protocol: centrifuge-json\r\n"), std::string::npos);
}

struct good_head {
    const char* name;
    std::string head;
};
const good_head good_heads[] = {
    {"an absolute target", replaced("/connection/websocket", "http://[::1]:8000/connection/websocket")},
    {"an absolute target of a WebSocket", replaced("/connection/websocket", "ws://a.example/connection/websocket")},
    {"an empty line before", "\r\n" + std::string{upgrade_request}},
    {"JSON and protobuf", with_field("Sec-WebSocket-Protocol: centrifuge-protobuf, centrifuge-json")},
    {"another query", replaced("/connection/websocket", "/connection/websocket?format=json")},
    {"protobuf by subprotocol", with_field("Sec-WebSocket-Protocol: centrifuge-protobuf")},
    {"protobuf by query", replaced("/connection/websocket", "/connection/websocket?format=protobuf")},
};

TEST(upgrade, what_differs_only_in_spelling_is_upgraded) {
    for (const good_head& each : good_heads) {
        test_shard shard;
        peer client = shard.open(shard.sessions, each.head);
        EXPECT_TRUE(client.take().starts_with("HTTP/1.1 101 ")) << each.name;
    }
}

TEST(upgrade, a_refusal_has_a_date_and_for_head_no_body) {
    for (const char* path : {"/nothing", "/connection/websocket"}) {
        test_shard shard;
        peer client = shard.open(shard.sessions, fmt::format("HEAD {} HTTP/1.1\r\nHost: a\r\n\r\n", path));
        client.read();
        EXPECT_NE(client.received().find("\r\nDate: "), std::string::npos) << client.received();
        EXPECT_NE(client.received().find("\r\nContent-Length: "), std::string::npos);
        EXPECT_TRUE(client.received().ends_with("\r\n\r\n")) << client.received();
        EXPECT_EQ(client.received().find("\r\n\r\n"), client.received().size() - 4);
    }
}

TEST(upgrade, the_limits_of_heads_are_options) {
    shard_options how;
    how.clients.head = {.bytes = 16'384, .fields = 100};
    test_shard shard{how};
    peer large = shard.open(shard.sessions, replaced("\r\n\r\n", "\r\nCookie: " + std::string(9000, 'a') + "\r\n\r\n"));
    EXPECT_TRUE(large.take().starts_with("HTTP/1.1 101 "));
    std::string fields = "X: y";
    for (int i = 0; i < 70; ++i) fields += "\r\nX: y";
    EXPECT_TRUE(shard.open(shard.sessions, with_field(fields)).take().starts_with("HTTP/1.1 101 "));
    for (int i = 0; i < 70; ++i) fields += "\r\nX: y";
    EXPECT_TRUE(shard.open(shard.sessions, with_field(fields)).take().starts_with("HTTP/1.1 431 "));
}

TEST(upgrade, a_head_cut_anywhere_says_the_same) {
    for (std::size_t cut = 0; cut <= upgrade_request.size(); ++cut) {
        test_shard shard;
        ws_client client{shard.open(shard.sessions, upgrade_request.substr(0, cut))};
        EXPECT_EQ(client.response().empty(), cut < upgrade_request.size());
        client.write(upgrade_request.substr(cut));
        client.say(R"({"id":1,"connect":{}})");
        shard.settle();
        if (cut < upgrade_request.size()) { EXPECT_TRUE(client.response().starts_with("HTTP/1.1 101 ")); }
        EXPECT_EQ(client.heard().size(), 1u) << "cut at " << cut;
        shard.expect_at_rest();
    }
}

TEST(upgrade, a_head_and_a_message_may_come_byte_by_byte) {
    test_shard shard;
    ws_client client{shard.open(shard.sessions)};
    const std::string bytes = std::string{upgrade_request} + text_frame(R"({"id":1,"connect":{}})");
    for (const char each : bytes) {
        client.write({&each, 1});
        shard.settle();
    }
    EXPECT_TRUE(client.response().starts_with("HTTP/1.1 101 "));
    EXPECT_EQ(client.heard().size(), 1u);
    shard.expect_at_rest();
}

TEST(upgrade, messages_in_the_packet_of_the_head_are_answered) {
    test_shard shard;
    const std::string bytes = std::string{upgrade_request} + text_frame(R"({"id":1,"connect":{}})") +
                              text_frame(R"({"id":2,"subscribe":{"channel":"a"}})");
    for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
        ws_client client{shard.open(shard.sessions, std::string_view{bytes}.substr(0, cut))};
        client.write(std::string_view{bytes}.substr(cut));
        shard.settle();
        EXPECT_TRUE(client.response().starts_with("HTTP/1.1 101 "));
        std::string lines;
        for (const std::string& frame : client.heard()) lines += frame + "\n";
        EXPECT_TRUE(lines.ends_with("}}\n"
                                    R"({"id":2,"subscribe":{}})"
                                    "\n"))
            << lines;
        client.hang_up();
        shard.expect_empty();
    }
}

struct bad_head {
    const char* name;
    std::string head;
    std::string_view status;
    int counted;
};

const bad_head bad_heads[] = {
    {"no HTTP", "\x16\x03\x01 hello", "400 Bad Request", 400},
    {"a bare line feed", "GET / HTTP/1.1\nHost: a\n\n", "400 Bad Request", 400},
    {"HTTP/1.0", replaced("HTTP/1.1", "HTTP/1.0"), "505 HTTP Version Not Supported", 505},
    {"no Host", replaced("Host: example.org\r\n", ""), "400 Bad Request", 400},
    {"two Hosts", with_field("Host: b"), "400 Bad Request", 400},
    {"a body", with_field("Content-Length: 5"), "400 Bad Request", 400},
    {"another path", replaced("/connection/websocket", "/other"), "404 Not Found", 404},
    {"a body for a path where nothing is", "POST /other HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody",
     "404 Not Found", 404},
    {"an absolute target with a user", replaced("/connection/websocket", "http://u@a/connection/websocket"),
     "400 Bad Request", 400},
    {"POST", replaced("GET", "POST"), "405 Method Not Allowed", 405},
    {"no Upgrade", replaced("Upgrade: websocket\r\n", ""), "426 Upgrade Required", 426},
    {"no Connection", replaced("Connection: Upgrade\r\n", ""), "426 Upgrade Required", 426},
    {"an old version", replaced("Version: 13", "Version: 8"), "426 Upgrade Required", 426},
    {"plain HTTP on the path of WebSockets", "GET /connection/websocket HTTP/1.1\r\nHost: a\r\n\r\n",
     "426 Upgrade Required", 426},
    {"a key that is too short", replaced("dGhlIHNhbXBsZSBub25jZQ==", "dGhl"), "400 Bad Request", 400},
    {"a request line without end", "GET /" + std::string(9000, 'a'), "414 URI Too Long", 414},
    {"a head without end", replaced("\r\n\r\n", "\r\nCookie: " + std::string(9000, 'a')),
     "431 Request Header Fields Too Large", 431},
    {"too many fields",
     [] {
         std::string fields = "X: y";
         for (int i = 0; i < 70; ++i) fields += "\r\nX: y";
         return with_field(fields);
     }(),
     "431 Request Header Fields Too Large", 431},
};

TEST(upgrade, a_bad_head_gets_its_status_and_the_end_of_the_connection) {
    for (const bad_head& each : bad_heads) {
        SCOPED_TRACE(each.name);
        test_shard shard;
        peer client = shard.open(shard.sessions, each.head);
        client.read();
        EXPECT_TRUE(client.received().starts_with(fmt::format("HTTP/1.1 {}\r\n", each.status))) << client.received();
        EXPECT_NE(client.received().find("close"), std::string::npos);
        EXPECT_TRUE(client.ended());
        if (each.counted != 0) { EXPECT_EQ(shard.counters.upgrade_refused(each.counted), 1u); }
        EXPECT_EQ(shard.counters.upgrades, 0u);
        // The connection waits for the peer to end its side, and not for ever.
        EXPECT_EQ(shard.records.size(), 1u);
        client.hang_up();
        shard.expect_empty();
    }
}

TEST(upgrade, a_bad_head_says_the_same_byte_by_byte) {
    for (const bad_head& each : bad_heads) {
        SCOPED_TRACE(each.name);
        test_shard shard;
        peer client = shard.open(shard.sessions);
        for (const char byte : each.head) {
            client.write({&byte, 1});
            shard.settle();
        }
        client.read();
        EXPECT_TRUE(client.received().starts_with(fmt::format("HTTP/1.1 {}\r\n", each.status))) << client.received();
        client.hang_up();
        shard.expect_empty();
    }
}

struct origin_case {
    const char* name;
    bool dev;
    std::vector<std::string> allowed;
    const char* origin; // null: none
    bool passes;
};
const origin_case origins[] = {
    {"no Origin passes an empty list", false, {}, nullptr, true},
    {"an Origin does not pass an empty list", false, {}, "https://example.org", false},
    {"an Origin that is listed passes", false, {"https://a.org", "https://example.org"}, "https://example.org", true},
    {"an Origin that matches a pattern passes", false, {"https://*.example.org"}, "https://www.example.org", true},
    {"an Origin that is not listed does not", false, {"https://example.org"}, "https://example.com", false},
    {"in development mode every Origin passes", true, {}, "https://anybody.net", true},
};

TEST(upgrade, origins_are_checked) {
    for (const origin_case& each : origins) {
        SCOPED_TRACE(each.name);
        shard_options how;
        how.clients.dev = each.dev;
        how.clients.allowed_origins = each.allowed;
        test_shard shard{how};
        const std::string head =
            each.origin == nullptr ? std::string{upgrade_request} : with_field(fmt::format("Origin: {}", each.origin));
        peer client = shard.open(shard.sessions, head);
        EXPECT_TRUE(client.take().starts_with(each.passes ? "HTTP/1.1 101 " : "HTTP/1.1 403 "));
    }
}

TEST(upgrade, plain_http_is_handed_over_with_all_its_bytes_wherever_it_is_cut) {
    const std::string request = "POST /page?x=1 HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody";
    const std::size_t head_bytes = request.size() - 4;
    for (std::size_t cut = 0; cut <= request.size(); ++cut) {
        test_shard shard;
        peer client = shard.open(shard.sessions, std::string_view{request}.substr(0, cut));
        client.write(std::string_view{request}.substr(cut));
        shard.settle();
        ASSERT_EQ(shard.plain_http.size(), 1u) << "cut at " << cut;
        const auto& given = shard.plain_http.front();
        // What has come after the head is given or left in the socket, but not lost.
        EXPECT_EQ(given.bytes, request.substr(0, cut >= head_bytes ? cut : request.size()));
        EXPECT_EQ(given.descriptor, client.far());
        shard.expect_empty();
        // The descriptor is open, and the shard does not listen to it any more.
        client.write("more");
        shard.settle();
        std::array<char, 16> unread;
        EXPECT_EQ(::recv(given.descriptor, unread.data(), unread.size(), MSG_DONTWAIT),
                  static_cast<ssize_t>(4 + (cut >= head_bytes ? request.size() - cut : 0)));
        ::close(given.descriptor);
    }
}

TEST(upgrade, connections_over_the_limit_get_503_and_the_others_stay) {
    shard_options how;
    how.clients.connections_max = 2;
    test_shard shard{how};
    ws_client first = shard.connected("a");
    peer second = shard.open(shard.sessions);
    const std::uint64_t closes = script.closes;
    // Longer than what is read at once.
    peer third = shard.open(shard.sessions, replaced("\r\n\r\n", "\r\nCookie: " + std::string(6000, 'a') + "\r\n\r\n"));
    third.read();
    EXPECT_TRUE(third.received().starts_with("HTTP/1.1 503 Service Unavailable\r\n"));
    EXPECT_TRUE(third.ended());
    // What it sends on is no reason for a reset: its descriptor is kept for a while, but no record.
    EXPECT_EQ(script.closes, closes);
    EXPECT_EQ(shard.records.size(), 2u);
    third.write("more");
    third.read();
    EXPECT_TRUE(third.ended());
    EXPECT_EQ(shard.counters.upgrade_refused(503), 1u);
    EXPECT_EQ(shard.counters.accept_errors(metrics::accept_error::connection_limit), 1u);
    EXPECT_EQ(shard.sessions.open(), 2u);
    // A place that has become free is used.
    second.hang_up();
    shard.settle();
    ws_client fourth = shard.connected("a");
    EXPECT_EQ(shard.publish("a", "1"), 2u);
}

TEST(upgrade, of_the_refused_only_so_many_are_waited_for) {
    shard_options how;
    how.clients.connections_max = 1;
    constexpr std::size_t most = 5;
    how.clients.farewells_max = most;
    test_shard shard{how};
    ws_client first = shard.connected();
    const std::uint64_t closes = script.closes;
    std::deque<peer> refused;
    for (std::size_t i = 0; i < most; ++i) refused.push_back(shard.open(shard.sessions, upgrade_request));
    EXPECT_EQ(script.closes, closes);
    EXPECT_EQ(shard.counters.farewells_cut_short, 0u);
    for (std::size_t i = 0; i < 3; ++i) refused.push_back(shard.open(shard.sessions, upgrade_request));
    EXPECT_EQ(script.closes, closes + 3); // the oldest
    EXPECT_EQ(shard.counters.farewells_cut_short, 3u);
    EXPECT_EQ(shard.counters.farewells, static_cast<std::int64_t>(most));
    // Who has ended its side already is not waited for.
    {
        auto [mine, near] = socket_pair();
        near.hang_up();
        shard.accept(shard.sessions, mine);
    }
    EXPECT_EQ(script.closes, closes + 4);
    shard.sessions.drop_all();
    EXPECT_EQ(script.closes, closes + 4 + most + 1); // and the first client
    EXPECT_EQ(shard.counters.farewells, 0);
    EXPECT_EQ(shard.counters.farewells_cut_short, 3u);
}

struct told {
    unsigned code;
    std::string reason;
    std::string detail;
    bool operator==(const told&) const = default;
};

TEST(upgrade, refusals_and_faults_are_told_with_their_reason) {
    std::vector<told> heard;
    shard_options how;
    how.clients.dev = false;
    how.clients.connections_max = 1;
    how.clients.on_refusal = [&](const session::refusal& what) {
        EXPECT_GE(what.descriptor, 0);
        heard.push_back({what.code, std::string{what.reason}, std::string{what.detail}});
    };
    {
        test_shard shard{how};
        shard.open(shard.sessions, with_field("Origin: https://evil.test")).hang_up();
        shard.settle();
        shard.open(shard.sessions, "GET /other?token=1 HTTP/1.1\r\nHost: a\r\n\r\n").hang_up();
        shard.settle();
        shard.open(shard.sessions, "hello\r\n").hang_up();
        shard.settle();
        ws_client client = shard.upgraded();
        peer second = shard.open(shard.sessions, upgrade_request);
        client.say("no command");
        shard.settle();
    }
    const std::vector<told> expected{{403, "This origin may not connect.", "https://evil.test"},
                                     {404, "There is nothing at this path.", "/other"},
                                     {400, "The first bytes are not an HTTP method.", ""},
                                     {503, "Too many connections.", ""},
                                     {3501, "bad request", ""}};
    EXPECT_EQ(heard, expected);
}

TEST(upgrade, a_full_slab_refuses_like_the_limit) {
    shard_options how;
    how.capacity = 1;
    test_shard shard{how};
    ws_client first = shard.connected();
    peer second = shard.open(shard.sessions, upgrade_request);
    EXPECT_TRUE(second.take().starts_with("HTTP/1.1 503 "));
}

TEST(upgrade, a_peer_that_goes_before_or_within_its_head_leaves_nothing) {
    for (const std::size_t bytes : {std::size_t{0}, std::size_t{10}, upgrade_request.size() - 1}) {
        test_shard shard;
        peer client = shard.open(shard.sessions, upgrade_request.substr(0, bytes));
        EXPECT_EQ(shard.counters.partial_bytes, static_cast<std::int64_t>(bytes));
        client.hang_up();
        shard.expect_empty();
        // It never was a WebSocket.
        EXPECT_EQ(shard.counters.connections_closed(1006), 0u);
        EXPECT_EQ(shard.counters.connections_closed(0), 1u);
    }
}

} // namespace
} // namespace carillon::test
