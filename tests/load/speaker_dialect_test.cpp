#include "load/dialect.hpp"
#include "load/upgrade_reply.hpp"
#include "load/url.hpp"

#include <boost/json/parse.hpp>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace carillon::load {
namespace {

constexpr std::string_view accept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

std::string good_head() {
    return "HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\n"
           "Sec-WebSocket-Accept: " +
           std::string{accept} + "\r\nServer: x\r\n\r\n";
}

std::string good_head_with(std::string_view what, std::string_view instead) {
    std::string head = good_head();
    return head.replace(head.find(what), what.size(), instead);
}

TEST(upgrade_reply, is_read_when_it_is_whole_and_not_before) {
    const std::string head = good_head();
    for (std::size_t cut = 0; cut < head.size(); ++cut)
        EXPECT_EQ(read_upgrade_reply(std::string_view{head}.substr(0, cut), accept).what,
                  upgrade_reply::outcome::need_more)
            << cut;
    const auto reply = read_upgrade_reply(head + "\x81\x02{}", accept);
    EXPECT_EQ(reply.what, upgrade_reply::outcome::upgraded);
    EXPECT_EQ(reply.consumed, head.size());
    EXPECT_EQ(reply.status, 101);
}

struct refusal_case {
    const char* name;
    std::string head;
    int status;
    const char* why;
};

TEST(upgrade_reply, that_is_not_right_is_refused_and_says_why) {
    const refusal_case cases[] = {
        {"another status", "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\nfull", 503,
         "the answer is 503 Service Unavailable"},
        {"a plain 200", "HTTP/1.1 200 OK\r\n\r\n", 200, "the answer is 200 OK"},
        {"no Upgrade", good_head_with("Upgrade: WebSocket\r\n", ""), 101, "the 101 does not upgrade to websocket"},
        {"another Upgrade", good_head_with("WebSocket", "h2c"), 101, "the 101 does not upgrade to websocket"},
        {"no Connection", good_head_with("keep-alive, Upgrade", "keep-alive"), 101,
         "the 101 has no Connection: Upgrade"},
        {"another accept", good_head_with("s3pP", "s3pp"), 101, "Sec-WebSocket-Accept is not the answer to the key"},
        {"an extension", good_head_with("Server: x", "Sec-WebSocket-Extensions: permessage-deflate"), 101,
         "the server chose an extension that was not offered"},
        {"no HTTP", "-ERR what?\r\n\r\n", 0, "the answer is not HTTP: "},
        {"no end", std::string(reply_head_bytes_max, 'x'), 0, "the answer has no end"},
    };
    for (const auto& [name, head, status, why] : cases) {
        const auto reply = read_upgrade_reply(head, accept);
        EXPECT_EQ(reply.what, upgrade_reply::outcome::refused) << name;
        EXPECT_EQ(reply.status, status) << name;
        EXPECT_TRUE(reply.why.starts_with(why)) << name << ": " << reply.why;
    }
    const std::string almost(reply_head_bytes_max - 1, 'x');
    EXPECT_EQ(read_upgrade_reply(almost, accept).what, upgrade_reply::outcome::need_more);
}

TEST(upgrade_request, has_all_that_a_server_asks_for) {
    const url to = parse_url("ws://[::1]:8000/a?b=c").value();
    const std::vector<std::string> headers{"Origin: https://example.com", "X-A: b"};
    EXPECT_EQ(upgrade_request(to, headers, "dGhlIHNhbXBsZSBub25jZQ=="),
              "GET /a?b=c HTTP/1.1\r\nHost: [::1]:8000\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
              "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
              "Origin: https://example.com\r\nX-A: b\r\n\r\n");
}

TEST(client_frame, is_masked_and_says_what_it_was_given) {
    for (const std::size_t size : {0u, 1u, 125u, 126u, 65'536u}) {
        const std::string payload(size, 'p');
        std::string frame = client_frame(ws::opcode::text, payload);
        const auto header = ws::decode_header(as_bytes(frame), ws::role::server);
        ASSERT_TRUE(header && *header) << size;
        EXPECT_EQ((*header)->op, ws::opcode::text);
        EXPECT_TRUE((*header)->fin);
        EXPECT_NE((*header)->mask, 0u);
        ASSERT_EQ(frame.size(), (*header)->header_bytes + (*header)->payload_bytes);
        const auto body = std::as_writable_bytes(std::span{frame}).subspan((*header)->header_bytes);
        ws::apply_mask(body, (*header)->mask);
        EXPECT_EQ(as_text(body), payload);
    }
}

TEST(centrifuge, commands_are_lines_of_json) {
    EXPECT_EQ(centrifuge_hello("news"), "{\"id\":1,\"connect\":{}}\n{\"id\":2,\"subscribe\":{\"channel\":\"news\"}}");
    EXPECT_EQ(centrifuge_hello(""), "{\"id\":1,\"connect\":{}}");
    const std::string publish = centrifuge_publish(7, "news", R"({"a":1})");
    EXPECT_EQ(publish, R"({"id":7,"publish":{"channel":"news","data":{"a":1}}})");
    EXPECT_TRUE(boost::json::parse(publish).is_object());
}

struct line_case {
    const char* line;
    server_line::kind what;
    std::uint32_t command;
    bool wants_pongs;
};

TEST(centrifuge, lines_of_a_server_are_understood) {
    using kind = server_line::kind;
    const line_case cases[] = {
        {"{}", kind::ping, 0, false},
        {R"({"id":1,"connect":{"client":"c","version":"v","ping":25,"pong":true}})", kind::reply, 1, true},
        {R"({"id":1,"connect":{"client":"c","version":"v"}})", kind::reply, 1, false},
        {R"({"id":2,"subscribe":{}})", kind::reply, 2, false},
        {R"({"id":23,"publish":{}})", kind::reply, 23, false},
        {R"({"id":2,"error":{"code":103,"message":"permission denied"}})", kind::refusal, 2, false},
        {R"({"push":{"channel":"a","pub":{"data":{"id":1}}}})", kind::other, 0, false},
        {R"({"id":x})", kind::other, 0, false},
        {R"({"id":99999999999})", kind::other, 0, false},
        {"", kind::other, 0, false},
    };
    for (const auto& [line, what, command, wants_pongs] : cases) {
        const server_line read = read_server_line(line);
        EXPECT_EQ(read.what, what) << line;
        if (what != kind::other) { EXPECT_EQ(read.command, command) << line; }
        EXPECT_EQ(read.wants_pongs, wants_pongs) << line;
    }
}

TEST(with_channel, puts_the_channel_everywhere_it_is_asked_for) {
    EXPECT_EQ(with_channel("/sub/{channel}?c={channel}", "a"), "/sub/a?c=a");
    EXPECT_EQ(with_channel("{channel}", "{channel}"), "{channel}") << "once";
    EXPECT_EQ(with_channel("/none{}", "a"), "/none{}");
}

struct url_case {
    const char* text;
    const char* scheme;
    const char* user;
    const char* password;
    const char* host;
    int port;
    const char* target;
};

TEST(url, is_cut_into_its_parts) {
    const url_case cases[] = {
        {"ws://127.0.0.1:8000/a/b?c=d", "ws", "", "", "127.0.0.1", 8000, "/a/b?c=d"},
        {"ws://example.com", "ws", "", "", "example.com", 80, "/"},
        {"http://h?x=1", "http", "", "", "h", 80, "/?x=1"},
        {"http://[::1]:81/p", "http", "", "", "::1", 81, "/p"},
        {"redis://:secret@h", "redis", "", "secret", "h", 6379, "/"},
        {"redis://u:p@w:d@h:1", "redis", "u", "p@w:d", "h", 1, "/"},
    };
    for (const auto& [text, scheme, user, password, host, port, target] : cases) {
        const auto read = parse_url(text);
        ASSERT_TRUE(read) << text;
        EXPECT_EQ(read->scheme, scheme) << text;
        EXPECT_EQ(read->user, user) << text;
        EXPECT_EQ(read->password, password) << text;
        EXPECT_EQ(read->host, host) << text;
        EXPECT_EQ(read->port, port) << text;
        EXPECT_EQ(read->target, target) << text;
    }
    for (const char* text : {"", "h:80", "wss://h/", "ws://", "ws://:80", "ws://h:0", "ws://h:65536", "ws://h:x",
                             "ws://h:", "ws://[::1", "ws://[::1]x", "ws://h/a b", "ws://h/\r\nX: y"})
        EXPECT_FALSE(parse_url(text)) << text;
}

TEST(url, only_literals_and_localhost_are_this_machine) {
    for (const char* host : {"localhost", "127.0.0.1", "127.255.0.9", "::1"}) EXPECT_TRUE(is_loopback(host)) << host;
    for (const char* host : {"example.com", "10.0.0.1", "128.0.0.1", "0.0.0.0", "::", "::2", "localhost.example.com",
                             "127.0.0.1.example.com", "127.1", "0x7f.0.0.1", "LOCALHOST."})
        EXPECT_FALSE(is_loopback(host)) << host;
}

} // namespace
} // namespace carillon::load
