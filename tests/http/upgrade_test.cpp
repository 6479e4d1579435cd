#include "http/accept_key.hpp"
#include "http/date.hpp"
#include "http/heads.hpp"
#include "http/upgrade.hpp"
#include "support/allocations.hpp"

#include <gtest/gtest.h>

#include <array>
#include <vector>

namespace carillon::http::test {
namespace {

constexpr std::array<std::string_view, 2> spoken{"centrifuge-json", "centrifuge-protobuf"};
const std::vector<std::string> example_origins{"https://*.example.org", "http://localhost:3000"};

/// A verdict on `bytes`, which must be a complete head.
upgrade_verdict verdict_on(std::string_view bytes, const upgrade_rules& rules) {
    request_head head;
    std::size_t scanned = 0;
    const parse_result parsed = parse_head(bytes, scanned, head);
    EXPECT_EQ(parsed.outcome, parse_outcome::complete) << parsed.reason;
    return decide_upgrade(head, rules);
}

bool wanted(std::string_view bytes) {
    request_head head;
    std::size_t scanned = 0;
    EXPECT_EQ(parse_head(bytes, scanned, head).outcome, parse_outcome::complete);
    return wants_upgrade(head);
}

std::string accept_of(std::string_view key) {
    std::array<char, websocket_accept_bytes> out;
    write_accept(out, key);
    return {out.data(), out.size()};
}

TEST(accept_key, is_that_of_rfc_6455) {
    EXPECT_EQ(accept_of("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    EXPECT_EQ(accept_of("x3JJHMbDL1EzLkh9GBhXDw=="), "HSmrc0sMlYUkAGmm5OPpG2HaGWk=");
}

struct key_case {
    std::string_view name, key;
    bool valid;
};
constexpr key_case keys[] = {
    {"the sample of RFC 6455", "dGhlIHNhbXBsZSBub25jZQ==", true},
    {"all letters of base64", "+/0189AZazAAAAAAAAAAAA==", true},
    {"bits to spare that are not zero", "AAAAAAAAAAAAAAAAAAAAAB==", true},
    {"nothing", "", false},
    {"13 bytes", "SGVsbG8sIHdvcmxkIQ==", false},
    {"15 bytes", "AAAAAAAAAAAAAAAAAAAA", false},
    {"17 bytes", "AAAAAAAAAAAAAAAAAAAAAAA=", false},
    {"18 bytes", "AAAAAAAAAAAAAAAAAAAAAAAA", false},
    {"no padding", "AAAAAAAAAAAAAAAAAAAAAA", false},
    {"padding too early", "AAAAAAAAAAAAAAAAAAAAA===", false},
    {"padding in the middle", "AAAA=AAAAAAAAAAAAAAAAA==", false},
    {"letters of base64url", "-_AAAAAAAAAAAAAAAAAAAA==", false},
    {"a blank before", " AAAAAAAAAAAAAAAAAAAAA==", false},
    {"a tab before", "\tAAAAAAAAAAAAAAAAAAAAA==", false},
    {"a blank inside", "AAAAAAAAAA AAAAAAAAAAA==", false},
    {"a high byte",
     "AAAAAAAAAA\xc3"
     "AAAAAAAAAAA==",
     false},
};

TEST(accept_key, asks_for_sixteen_bytes_in_base64) {
    for (const key_case& item : keys) EXPECT_EQ(is_websocket_key(item.key), item.valid) << item.name;
}

TEST(wants_upgrade, tells_websockets_from_plain_http) {
    for (const client_head& client : client_heads) EXPECT_EQ(wanted(client.bytes), client.upgrade) << client.name;
    EXPECT_TRUE(wanted("GET / HTTP/1.1\r\nConnection: keep-alive, UPGRADE\r\n\r\n"));
    EXPECT_TRUE(wanted("GET / HTTP/1.1\r\nUpgrade: h2c, websocket\r\n\r\n"));
    EXPECT_TRUE(wanted("GET / HTTP/1.1\r\nSec-WebSocket-Version: 13\r\n\r\n")); // a proxy took Upgrade away
    EXPECT_FALSE(wanted("GET / HTTP/1.1\r\nConnection: keep-alive\r\n\r\n"));
}

TEST(decide_upgrade, accepts_real_clients) {
    for (const client_head& client : client_heads) {
        if (!client.upgrade) continue;
        SCOPED_TRACE(client.name);
        const upgrade_verdict verdict = verdict_on(client.bytes, {"/connection/websocket", spoken, example_origins});
        EXPECT_EQ(verdict.code, status::switching_protocols) << verdict.reason;
        EXPECT_EQ(verdict.key.size(), websocket_key_bytes);
        EXPECT_TRUE(verdict.reason.empty());
    }
}

struct verdict_case {
    std::string_view name;
    std::string_view take_away; ///< from upgrade_head()
    std::string_view put;       ///< in its place; at the end if nothing is taken away
    status code;
};
constexpr auto accepted = status::switching_protocols;
constexpr verdict_case verdicts[] = {
    {"a minimal handshake", "", "", accepted},
    {"a query", "/ws ", "/ws?token=1 ", accepted},
    {"an absolute target", "/ws ", "http://a.example/ws ", accepted},
    {"HTTP/1.2", "HTTP/1.1", "HTTP/1.2", accepted},
    {"HTTP/1.0", "HTTP/1.1", "HTTP/1.0", status::http_version_not_supported},
    {"another path", "/ws ", "/wss ", status::not_found},
    {"a body for another path", "/ws HTTP/1.1\r\n", "/x HTTP/1.1\r\nContent-Length: 4\r\n", status::not_found},
    {"a body with another method", "GET /ws HTTP/1.1\r\n", "POST /ws HTTP/1.1\r\nContent-Length: 4\r\n",
     status::method_not_allowed},
    {"a longer path", "/ws ", "/ws/ ", status::not_found},
    {"another path before another method", "GET /ws ", "POST /x ", status::not_found},
    {"POST", "GET ", "POST ", status::method_not_allowed},
    {"GET in lower case", "GET ", "get ", status::method_not_allowed},

    {"no Host", "Host: a.example\r\n", "", status::bad_request},
    {"an empty Host", "a.example", "", status::bad_request},
    {"a Host with a port", "a.example", "a.example:8443", accepted},
    {"a Host with an empty port", "a.example", "a.example:", accepted},
    {"a Host that is an IPv6 address", "a.example", "[2001:db8::1]:80", accepted},
    {"a Host with a path", "a.example", "a.example/b", status::bad_request},
    {"a Host with a user", "a.example", "u@a.example", status::bad_request},
    {"a Host with a blank", "a.example", "a b", status::bad_request},
    {"two Hosts on one line", "a.example", "a.example b.example", status::bad_request},
    {"a Host with a port that is no number", "a.example", "a.example:8o", status::bad_request},
    {"a Host with a port too long", "a.example", "a.example:123456", status::bad_request},
    {"a Host that is a port only", "a.example", ":80", status::bad_request},
    {"an address without an end", "a.example", "[::1", status::bad_request},
    {"an empty address", "a.example", "[]", status::bad_request},
    {"a word after an address", "a.example", "[::1]x", status::bad_request},
    {"a high byte in Host", "a.example", "\xc3\xa9.example", status::bad_request},

    {"no body by length", "", "Content-Length: 0\r\n", accepted},
    {"a body by length", "", "Content-Length: 1\r\n", status::bad_request},
    {"a length that is no number", "", "Content-Length: +0\r\n", status::bad_request},
    {"an empty length", "", "Content-Length:\r\n", status::bad_request},
    {"a body by encoding", "", "Transfer-Encoding: chunked\r\n", status::bad_request},

    {"no Upgrade", "Upgrade: websocket\r\n", "", status::upgrade_required},
    {"Upgrade to something else", "websocket\r\n", "h2c\r\n", status::upgrade_required},
    {"Upgrade to something longer", "websocket\r\n", "websockets\r\n", status::upgrade_required},
    {"Upgrade in upper case", "websocket\r\n", "WEBSOCKET\r\n", accepted},
    {"Upgrade to several", "websocket\r\n", "h2c,\t WebSocket ,,foo\r\n", accepted},
    {"Upgrade on several lines", "websocket\r\n", "h2c\r\nupGRADE: foo, websocket\r\n", accepted},
    {"no Connection", "Connection: Upgrade\r\n", "", status::upgrade_required},
    {"Connection without Upgrade", "Connection: Upgrade", "Connection: close", status::upgrade_required},
    {"Connection as a list", "Connection: Upgrade", "Connection: keep-alive \t,UPGRADE", accepted},
    {"Connection on three lines", "Connection: Upgrade", "Connection: close\r\nConnection:\r\nconnection:,upgrade,",
     accepted},
    {"Connection on two lines without Upgrade", "Connection: Upgrade", "Connection: close\r\nConnection: upgraded",
     status::upgrade_required},

    {"no version", "Sec-WebSocket-Version: 13\r\n", "", status::upgrade_required},
    {"version 8", ": 13", ": 8", status::upgrade_required},
    {"version 13 with a zero", ": 13", ": 013", status::upgrade_required},
    {"two versions on one line", ": 13", ": 13, 8", status::upgrade_required},
    {"no key", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", "", status::bad_request},
    {"a key that is too short", "dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZQ==", status::bad_request},

    {"an allowed Origin", "", "Origin: https://app.example.org\r\n", accepted},
    {"an allowed Origin in upper case", "", "Origin: HTTPS://APP.EXAMPLE.ORG\r\n", accepted},
    {"an allowed Origin without a star", "", "Origin: http://localhost:3000\r\n", accepted},
    {"a foreign Origin", "", "Origin: https://example.com\r\n", status::forbidden},
    {"an Origin that ends too late", "", "Origin: https://app.example.org.evil.test\r\n", status::forbidden},
    {"an Origin that is null", "", "Origin: null\r\n", status::forbidden},
    {"an empty Origin", "", "Origin:\r\n", status::forbidden},
    {"extensions, which are ignored", "", "Sec-WebSocket-Extensions: permessage-deflate; foo=\"\r\n", accepted},
};

TEST(decide_upgrade, accepts_and_refuses_by_the_table) {
    for (const verdict_case& item : verdicts) {
        SCOPED_TRACE(item.name);
        std::string bytes = upgrade_head(item.take_away.empty() ? item.put : "");
        if (!item.take_away.empty()) {
            const std::size_t at = bytes.find(item.take_away);
            ASSERT_NE(at, bytes.npos);
            bytes.replace(at, item.take_away.size(), item.put);
        }
        const upgrade_verdict verdict = verdict_on(bytes, {"/ws", spoken, example_origins});
        EXPECT_EQ(verdict.code, item.code) << verdict.reason;
        EXPECT_EQ(verdict.reason.empty(), item.code == accepted);
        EXPECT_EQ(verdict.key.empty(), item.code != accepted);
    }
}

TEST(decide_upgrade, refuses_every_origin_when_none_is_listed) {
    const upgrade_rules none{"/ws", spoken, {}};
    EXPECT_EQ(verdict_on(upgrade_head("Origin: https://app.example.org\r\n"), none).code, status::forbidden);
    EXPECT_EQ(verdict_on(upgrade_head(), none).code, accepted);
    const std::vector<std::string> any{"*"};
    EXPECT_EQ(verdict_on(upgrade_head("Origin: null\r\n"), {"/ws", spoken, any}).code, accepted);
    EXPECT_EQ(verdict_on(upgrade_head("Origin:\r\n"), {"/ws", spoken, any}).code, accepted);
}

struct subprotocol_case {
    std::string_view name, lines, chosen;
};
constexpr subprotocol_case subprotocols[] = {
    {"none is offered", "", ""},
    {"one that is spoken", "Sec-WebSocket-Protocol: centrifuge-protobuf\r\n", "centrifuge-protobuf"},
    {"the client's order decides", "Sec-WebSocket-Protocol: x, centrifuge-protobuf ,centrifuge-json\r\n",
     "centrifuge-protobuf"},
    {"the lines are one list", "Sec-WebSocket-Protocol: x\r\nsec-websocket-protocol: centrifuge-json\r\n",
     "centrifuge-json"},
    {"none that is spoken", "Sec-WebSocket-Protocol: graphql-ws\r\n", ""},
    {"case matters", "Sec-WebSocket-Protocol: Centrifuge-JSON\r\n", ""},
    {"an empty list", "Sec-WebSocket-Protocol: ,,\r\n", ""},
};

TEST(decide_upgrade, chooses_the_first_subprotocol_that_is_spoken) {
    for (const subprotocol_case& item : subprotocols) {
        SCOPED_TRACE(item.name);
        const upgrade_verdict verdict = verdict_on(upgrade_head(item.lines), {"/ws", spoken, {}});
        EXPECT_EQ(verdict.code, accepted);
        EXPECT_EQ(verdict.subprotocol, item.chosen);
    }
    EXPECT_EQ(verdict_on(upgrade_head(subprotocols[1].lines), {"/ws", {}, {}}).subprotocol, "");
}

std::string switching(const upgrade_verdict& verdict) {
    std::array<char, reply_bytes_max> out;
    return {out.data(), write_switching_protocols(out, verdict)};
}

std::string refusal(status code, std::string_view reason, refusal_form form = {}) {
    std::array<char, reply_bytes_max> out;
    return {out.data(), write_refusal(out, code, reason, form)};
}

TEST(reply, switches_protocols) {
    upgrade_verdict verdict{accepted, {}, "dGhlIHNhbXBsZSBub25jZQ==", {}};
    EXPECT_EQ(switching(verdict), "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                                  "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n");
    verdict.subprotocol = "centrifuge-json";
    EXPECT_EQ(switching(verdict), "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                                  "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
                                  "Sec-WebSocket-Protocol: centrifuge-json\r\n\r\n");
}

TEST(reply, refuses_with_a_reason) {
    EXPECT_EQ(refusal(status::not_found, "Nothing here."),
              "HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Length: 14\r\n\r\n"
              "Nothing here.\n");
    EXPECT_EQ(refusal(status::method_not_allowed, ""),
              "HTTP/1.1 405 Method Not Allowed\r\nAllow: GET\r\nConnection: close\r\nContent-Type: text/plain\r\n"
              "Content-Length: 1\r\n\r\n\n");
    EXPECT_EQ(refusal(status::upgrade_required, "No."),
              "HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\nConnection: Upgrade, close\r\n"
              "Sec-WebSocket-Version: 13\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\nNo.\n");
}

TEST(reply, refuses_with_a_date_and_to_head_without_a_body) {
    EXPECT_EQ(refusal(status::not_found, "Nothing here.", {.unix_time_s = 784'111'777, .head_only = true}),
              "HTTP/1.1 404 Not Found\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nConnection: close\r\n"
              "Content-Type: text/plain\r\nContent-Length: 14\r\n\r\n");
}

struct date_case {
    std::int64_t unix_time_s;
    std::string_view text;
};
constexpr date_case dates[] = {
    {0, "Thu, 01 Jan 1970 00:00:00 GMT"},           {784'111'777, "Sun, 06 Nov 1994 08:49:37 GMT"},
    {951'827'696, "Tue, 29 Feb 2000 12:34:56 GMT"}, {1'798'761'599, "Thu, 31 Dec 2026 23:59:59 GMT"},
    {-1, "Wed, 31 Dec 1969 23:59:59 GMT"},          {253'402'300'799, "Fri, 31 Dec 9999 23:59:59 GMT"},
};

TEST(date, is_written_as_rfc_9110_wants_it) {
    for (const date_case& item : dates) {
        std::array<char, date_bytes> out;
        write_date(out, item.unix_time_s);
        EXPECT_EQ(std::string_view(out.data(), out.size()), item.text);
    }
}

TEST(reply, fits_the_promised_size_and_never_writes_beyond_a_smaller_one) {
    const std::string longest_name(subprotocol_bytes_max, 'p');
    const upgrade_verdict verdict{accepted, {}, "dGhlIHNhbXBsZSBub25jZQ==", longest_name};
    const std::string reply = switching(verdict);
    EXPECT_FALSE(reply.empty());
    std::vector<char> exact(reply.size());
    EXPECT_EQ(write_switching_protocols(exact, verdict), reply.size());
    std::vector<char> short_by_one(reply.size() - 1);
    EXPECT_EQ(write_switching_protocols(short_by_one, verdict), 0U);

    for (const status code : {status::bad_request, status::method_not_allowed, status::upgrade_required,
                              status::header_fields_too_large, status::http_version_not_supported}) {
        const refusal_form dated{.unix_time_s = 1, .head_only = false};
        const std::string text = refusal(code, std::string(1000, 'r'), dated);
        EXPECT_TRUE(text.ends_with(std::string(reason_bytes_max, 'r') + "\n"));
        std::vector<char> space(text.size());
        EXPECT_EQ(write_refusal(space, code, std::string(1000, 'r'), dated), text.size());
        space.pop_back();
        space.shrink_to_fit();
        EXPECT_EQ(write_refusal(space, code, std::string(1000, 'r'), dated), 0U);
    }
}

TEST(offers_subprotocol, looks_at_every_line) {
    for (const subprotocol_case& item : subprotocols) {
        const std::string bytes = upgrade_head(item.lines);
        request_head head;
        std::size_t scanned = 0;
        ASSERT_EQ(parse_head(bytes, scanned, head).outcome, parse_outcome::complete);
        const bool offered = item.lines.find("-json") != item.lines.npos;
        EXPECT_EQ(offers_subprotocol(head, "centrifuge-json"), offered) << item.name;
    }
}

struct query_case {
    std::string_view query;
    bool has;
};
constexpr query_case queries[] = {
    {"", false},     {"a=b", true},  {"a=b&c=d", true}, {"c=d&a=b", true}, {"c=d&a=b&e", true}, {"a=bc", false},
    {"xa=b", false}, {"a=B", false}, {"a", false},      {"&&a=b&", true},  {"c=a=b", false},    {"?a=b", false},
};

TEST(query_has, compares_whole_parts) {
    for (const query_case& item : queries) EXPECT_EQ(query_has(item.query, "a=b"), item.has) << item.query;
}

TEST(upgrade, takes_nothing_from_the_heap) {
    const upgrade_rules rules{"/connection/websocket", spoken, example_origins};
    EXPECT_EQ(carillon::test::allocations_during([&] {
                  std::array<char, reply_bytes_max> out;
                  request_head head;
                  std::size_t scanned = 0;
                  EXPECT_EQ(parse_head(client_heads[1].bytes, scanned, head).outcome, parse_outcome::complete);
                  EXPECT_GT(write_switching_protocols(out, decide_upgrade(head, rules)), 0U);
                  EXPECT_GT(write_refusal(out, status::forbidden, "This origin may not connect."), 0U);
              }),
              0U);
}

TEST(upgrade, judges_the_same_however_the_head_is_split) {
    const std::string bytes = upgrade_head("Origin: https://app.example.org\r\nSec-WebSocket-Protocol: "
                                           "centrifuge-json\r\n");
    const upgrade_rules rules{"/ws", spoken, example_origins};
    const std::string expected = switching(verdict_on(bytes, rules));
    for (std::size_t cut = 0; cut < bytes.size(); ++cut) {
        request_head head;
        std::size_t scanned = 0;
        ASSERT_EQ(parse_head(std::string_view{bytes}.substr(0, cut), scanned, head).outcome, parse_outcome::need_more);
        ASSERT_EQ(parse_head(bytes, scanned, head).outcome, parse_outcome::complete);
        EXPECT_EQ(switching(decide_upgrade(head, rules)), expected) << "cut after " << cut;
    }
}

} // namespace
} // namespace carillon::http::test
