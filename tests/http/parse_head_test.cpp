#include "http/heads.hpp"
#include "http/reference_parser.hpp"
#include "http/request_head.hpp"
#include "support/allocations.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <ostream>
#include <random>

namespace carillon::http::test {
namespace {

/// All that a parse says, copied, to be compared.
struct reading {
    parse_outcome outcome{};
    status refusal{};
    std::string reason, method, target;
    int minor_version = 0;
    std::vector<std::pair<std::string, std::string>> fields;
    std::size_t size = 0;
    bool operator==(const reading&) const = default;
};

std::ostream& operator<<(std::ostream& out, const reading& read) {
    return out << "outcome " << static_cast<int>(read.outcome) << " status " << static_cast<int>(read.refusal) << " '"
               << read.reason << "' " << read.fields.size() << " fields, " << read.size << " bytes";
}

reading reading_of(const parse_result& result, const request_head& head) {
    reading read{result.outcome, result.refusal, std::string{result.reason}, {}, {}, 0, {}, 0};
    if (result.outcome != parse_outcome::complete) return read;
    read.method = head.method();
    read.target = head.target();
    read.minor_version = head.minor_version();
    for (const auto& [name, value] : head.headers()) read.fields.emplace_back(name, value);
    read.size = head.size();
    return read;
}

/// Every piece arrives in a fresh buffer of exact size, so that the sanitizer sees a byte read too many or too late.
class arriving {
public:
    parse_result take(std::string_view so_far) {
        buffer_.reset(new char[so_far.size()]);
        std::ranges::copy(so_far, buffer_.get());
        return parse_head({buffer_.get(), so_far.size()}, scanned_, head_);
    }
    const request_head& head() const { return head_; }
    std::size_t scanned() const { return scanned_; }

private:
    std::unique_ptr<char[]> buffer_;
    std::size_t scanned_ = 0;
    request_head head_;
};

reading read_whole(std::string_view bytes) {
    arriving head;
    const parse_result result = head.take(bytes);
    return reading_of(result, head.head());
}

reading read_in_two(std::string_view bytes, std::size_t cut) {
    arriving head;
    parse_result result = head.take(bytes.substr(0, cut));
    if (result.outcome == parse_outcome::need_more) result = head.take(bytes);
    return reading_of(result, head.head());
}

reading read_byte_by_byte(std::string_view bytes) {
    arriving head;
    parse_result result = head.take({});
    for (std::size_t size = 1; size <= bytes.size() && result.outcome == parse_outcome::need_more; ++size)
        result = head.take(bytes.substr(0, size));
    return reading_of(result, head.head());
}

void expect_as_by_the_book(std::string_view bytes) {
    const reference_head expected = read_by_the_book(bytes);
    const reading read = read_whole(bytes);
    EXPECT_EQ(read.outcome, expected.outcome) << bytes;
    EXPECT_EQ(read.refusal, expected.refusal) << bytes;
    EXPECT_EQ(read.method, expected.outcome == parse_outcome::complete ? expected.method : "") << bytes;
    EXPECT_EQ(read.target, expected.outcome == parse_outcome::complete ? expected.target : "") << bytes;
    EXPECT_EQ(read.size, expected.size) << bytes;
    if (expected.outcome == parse_outcome::complete) {
        EXPECT_EQ(read.minor_version, expected.minor_version) << bytes;
        EXPECT_EQ(read.fields, expected.fields) << bytes;
    }
}

TEST(parse_head, reads_the_heads_of_real_clients) {
    for (const client_head& client : client_heads) {
        SCOPED_TRACE(client.name);
        const reading read = read_whole(client.bytes);
        ASSERT_EQ(read.outcome, parse_outcome::complete) << read.reason;
        EXPECT_EQ(read.fields.size(), client.fields);
        EXPECT_EQ(read.size, client.bytes.size());
        EXPECT_EQ(read.minor_version, 1);
        expect_as_by_the_book(client.bytes);
    }
}

TEST(parse_head, reads_every_split_like_the_whole) {
    for (const client_head& client : client_heads) {
        SCOPED_TRACE(client.name);
        const reading whole = read_whole(client.bytes);
        EXPECT_EQ(read_byte_by_byte(client.bytes), whole);
        for (std::size_t cut = 0; cut <= client.bytes.size(); ++cut)
            ASSERT_EQ(read_in_two(client.bytes, cut), whole) << "cut after " << cut;
    }
}

TEST(parse_head, leaves_what_follows_to_the_next_protocol) {
    const std::string bytes = upgrade_head() + "\x81\x85 a frame that came early";
    const reading read = read_whole(bytes);
    ASSERT_EQ(read.outcome, parse_outcome::complete);
    EXPECT_EQ(read.size, upgrade_head().size());
}

TEST(parse_head, views_point_into_the_buffer) {
    const std::string bytes = upgrade_head();
    request_head head;
    std::size_t scanned = 0;
    ASSERT_EQ(parse_head(bytes, scanned, head).outcome, parse_outcome::complete);
    EXPECT_EQ(head.method().data(), bytes.data());
    EXPECT_EQ(head.headers()[0].value.data(), bytes.data() + bytes.find("a.example"));
}

TEST(parse_head, does_not_look_again_at_finished_lines) {
    arriving head;
    EXPECT_EQ(head.take("GET / HT").outcome, parse_outcome::need_more);
    EXPECT_EQ(head.scanned(), 0U);
    EXPECT_EQ(head.take("GET / HTTP/1.1\r\nHost: a\r\nAcc").outcome, parse_outcome::need_more);
    EXPECT_EQ(head.scanned(), std::string_view{"GET / HTTP/1.1\r\nHost: a\r\n"}.size());
}

struct target_case {
    std::string_view name, target, path, query;
};
constexpr target_case targets[] = {
    {"a path", "/connection/websocket", "/connection/websocket", ""},
    {"a path with a query", "/ws?a=1&b=2", "/ws", "a=1&b=2"},
    {"a query with a question mark", "/ws?a?b", "/ws", "a?b"},
    {"an empty query", "/ws?", "/ws", ""},
    {"a path that is not decoded", "/%77s", "/%77s", ""},
    {"the server itself", "*", "*", ""},
    {"an absolute URI", "http://a.example/ws?x", "/ws", "x"},
    {"an absolute URI in upper case", "HTTPS://A.EXAMPLE:1/WS", "/WS", ""},
    {"an absolute URI of a WebSocket", "ws://a.example:8000/ws?x", "/ws", "x"},
    {"an absolute URI without a path", "http://a.example", "/", ""},
    {"an absolute URI with a query only", "http://a.example?x=/y", "/", "x=/y"},
};

TEST(parse_head, splits_the_target) {
    for (const target_case& item : targets) {
        SCOPED_TRACE(item.name);
        const std::string bytes = "GET " + std::string{item.target} + " HTTP/1.1\r\n\r\n";
        request_head head;
        std::size_t scanned = 0;
        ASSERT_EQ(parse_head(bytes, scanned, head).outcome, parse_outcome::complete);
        EXPECT_EQ(head.target(), item.target);
        EXPECT_EQ(head.path(), item.path);
        EXPECT_EQ(head.query(), item.query);
    }
}

TEST(parse_head, knows_the_fields_of_the_handshake_in_any_case) {
    const std::string bytes = "GET / HTTP/1.1\r\nHOST: h\r\noRIGIN: o\r\nUPGRADE: u\r\nupgrade: v\r\nconnection: c\r\n"
                              "CONTENT-length: 0\r\nsec-WebSocket-KEY: k\r\nSEC-websocket-version: 13\r\n"
                              "sec-websocket-protocol: p\r\nX-Host: no\r\nHosts: no\r\nOrigim: no\r\n\r\n";
    request_head head;
    std::size_t scanned = 0;
    ASSERT_EQ(parse_head(bytes, scanned, head).outcome, parse_outcome::complete);
    EXPECT_EQ(head.first(known_header::host), "h");
    EXPECT_EQ(head.first(known_header::origin), "o");
    EXPECT_EQ(head.first(known_header::upgrade), "u");
    EXPECT_EQ(head.first(known_header::connection), "c");
    EXPECT_EQ(head.first(known_header::content_length), "0");
    EXPECT_EQ(head.first(known_header::websocket_key), "k");
    EXPECT_EQ(head.first(known_header::websocket_version), "13");
    EXPECT_EQ(head.first(known_header::websocket_protocol), "p");
    EXPECT_FALSE(head.has(known_header::transfer_encoding));
    EXPECT_TRUE(head.repeated(known_header::upgrade));
    EXPECT_FALSE(head.repeated(known_header::connection));
}

struct syntax_case {
    std::string_view name, bytes;
    parse_outcome outcome;
    status refusal{};
};
using namespace std::string_view_literals;
constexpr auto ok = parse_outcome::complete;
constexpr auto no = parse_outcome::refused;
constexpr auto bad = status::bad_request;
constexpr syntax_case syntax[] = {
    {"an empty line first", "\r\nGET / HTTP/1.1\r\n\r\n", ok},
    {"a URI with a host", "GET http://a.example/ HTTP/1.1\r\n\r\n", ok},
    {"a URI with an empty port", "GET http://a-b.example:/ HTTP/1.1\r\n\r\n", ok},
    {"a URI with an address", "GET http://[::1]:8000/ HTTP/1.1\r\n\r\n", ok},
    {"a URI of a WebSocket", "GET wss://127.0.0.1:8000/ HTTP/1.1\r\n\r\n", ok},
    {"no fields at all", "GET / HTTP/1.1\r\n\r\n", ok},
    {"HTTP/1.0 and HTTP/1.9 are read", "GET / HTTP/1.9\r\n\r\n", ok},
    {"a method nobody knows", "RING / HTTP/1.1\r\n\r\n", ok},
    {"a method of 16 bytes", "ABCDEFGHIJKLMNOP / HTTP/1.1\r\n\r\n", ok},
    {"an empty value", "GET / HTTP/1.1\r\na:\r\n\r\n", ok},
    {"a value of blanks only", "GET / HTTP/1.1\r\na: \t \r\n\r\n", ok},
    {"tabs and high bytes in a value", "GET / HTTP/1.1\r\na: x\ty \xc3\xa9\xff\r\n\r\n", ok},
    {"all bytes of a token in a name", "GET / HTTP/1.1\r\n!#$%&'*+-.^_`|~09azAZ: x\r\n\r\n", ok},
    {"colons in a value", "GET / HTTP/1.1\r\na::b: c\r\n\r\n", ok},
    {"a field repeated that is a list", "GET / HTTP/1.1\r\nUpgrade: a\r\nUpgrade: b\r\n\r\n", ok},

    {"a TLS client hello", "\x16\x03\x01"sv, no, bad},
    {"two empty lines first", "\r\n\r\nGET / HTTP/1.1\r\n\r\n", no, bad},
    {"a line feed first", "\nGET / HTTP/1.1\r\n\r\n", no, bad},
    {"a carriage return first", "\rGET / HTTP/1.1\r\n\r\n", no, bad},
    {"a blank first", " GET / HTTP/1.1\r\n\r\n", no, bad},
    {"a zero byte", "\0"sv, no, bad},
    {"a method of 17 bytes", "ABCDEFGHIJKLMNOPQ", no, bad},
    {"a RESP command", "*1\r\n$4\r\nPING\r\n", no, bad},
    {"the request line of HTTP/0.9", "GET /\r\n", no, bad},
    {"no target", "GET  HTTP/1.1\r\n\r\n", no, bad},
    {"two blanks before the version", "GET /  HTTP/1.1\r\n\r\n", no, bad},
    {"a tab instead of a blank", "GET\t/ HTTP/1.1\r\n\r\n", no, bad},
    {"a blank after the version", "GET / HTTP/1.1 \r\n\r\n", no, bad},
    {"a control byte in the target", "GET /\x01 HTTP/1.1\r\n\r\n", no, bad},
    {"a delete byte in the target", "GET /\x7f HTTP/1.1\r\n\r\n", no, bad},
    {"a high byte in the target", "GET /\xc3\xa9 HTTP/1.1\r\n\r\n", no, bad},
    {"a fragment in the target", "GET /a#b HTTP/1.1\r\n\r\n", no, bad},
    {"a target that is no path", "GET a HTTP/1.1\r\n\r\n", no, bad},
    {"a target of CONNECT", "CONNECT a.example:443 HTTP/1.1\r\n\r\n", no, bad},
    {"a URI of another scheme", "GET ftp://a/ HTTP/1.1\r\n\r\n", no, bad},
    {"a URI without a host", "GET http:///a HTTP/1.1\r\n\r\n", no, bad},
    {"a URI that is only its scheme", "GET http:// HTTP/1.1\r\n\r\n", no, bad},
    {"a URI with a port only", "GET http://:80/ HTTP/1.1\r\n\r\n", no, bad},
    {"a URI with a user", "GET http://u@a.example/ HTTP/1.1\r\n\r\n", no, bad},
    {"a URI with a user and a password", "GET http://u:p@a.example/ HTTP/1.1\r\n\r\n", no, bad},
    {"a URI with a bracket in its host", "GET http://exa<mple/ HTTP/1.1\r\n\r\n", no, bad},
    {"a URI with a backslash in its host", "GET http://exa\\mple/ HTTP/1.1\r\n\r\n", no, bad},
    {"a URI with half an address", "GET http://[::1/ HTTP/1.1\r\n\r\n", no, bad},
    {"a URI with an empty address", "GET http://[]:80/ HTTP/1.1\r\n\r\n", no, bad},
    {"a URI with a port that is a word", "GET http://a.example:port/ HTTP/1.1\r\n\r\n", no, bad},
    {"a star and more", "OPTIONS *a HTTP/1.1\r\n\r\n", no, bad},
    {"the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", no, status::http_version_not_supported},
    {"HTTP/3", "GET / HTTP/3", no, status::http_version_not_supported},
    {"HTTP/0.9 by name", "GET / HTTP/0", no, status::http_version_not_supported},
    {"HTTP/11", "GET / HTTP/11.1\r\n\r\n", no, bad},
    {"HTTP/1.10", "GET / HTTP/1.10\r\n\r\n", no, bad},
    {"a version in lower case", "GET / http/1.1\r\n\r\n", no, bad},
    {"another protocol", "GET / ICAP/1.0\r\n\r\n", no, bad},

    {"smuggling: a line feed alone after the request line", "GET / HTTP/1.1\nHost: a\r\n\r\n", no, bad},
    {"smuggling: a line feed alone after a field", "GET / HTTP/1.1\r\nHost: a\nb: c\r\n\r\n", no, bad},
    {"smuggling: a line feed alone at the end", "GET / HTTP/1.1\r\nHost: a\r\n\n", no, bad},
    {"smuggling: a carriage return alone in a value", "GET / HTTP/1.1\r\na: b\rc: d\r\n\r\n", no, bad},
    {"smuggling: two carriage returns", "GET / HTTP/1.1\r\na: b\r\r\n\r\n", no, bad},
    {"smuggling: a carriage return alone at the end", "GET / HTTP/1.1\r\na: b\r\n\rX", no, bad},
    {"smuggling: a carriage return in a name", "GET / HTTP/1.1\r\na\r: b\r\n\r\n", no, bad},
    {"smuggling: a folded line", "GET / HTTP/1.1\r\na: b\r\n c\r\n\r\n", no, bad},
    {"smuggling: a line folded with a tab", "GET / HTTP/1.1\r\na: b\r\n\tc\r\n\r\n", no, bad},
    {"smuggling: a blank before the first field", "GET / HTTP/1.1\r\n Host: a\r\n\r\n", no, bad},
    {"smuggling: a blank before the colon", "GET / HTTP/1.1\r\nContent-Length : 5\r\n\r\n", no, bad},
    {"smuggling: a tab before the colon", "GET / HTTP/1.1\r\nContent-Length\t: 5\r\n\r\n", no, bad},
    {"smuggling: an empty name", "GET / HTTP/1.1\r\n: b\r\n\r\n", no, bad},
    {"smuggling: a line without a colon", "GET / HTTP/1.1\r\nabc\r\n\r\n", no, bad},
    {"smuggling: a zero byte in a name", "GET / HTTP/1.1\r\na\0b: c\r\n\r\n"sv, no, bad},
    {"smuggling: a zero byte in a value", "GET / HTTP/1.1\r\na: b\0c\r\n\r\n"sv, no, bad},
    {"smuggling: a delete byte in a value", "GET / HTTP/1.1\r\na: b\x7f\r\n\r\n", no, bad},
    {"smuggling: a vertical tab before a value", "GET / HTTP/1.1\r\nTransfer-Encoding:\vchunked\r\n\r\n", no, bad},
    {"smuggling: a high byte in a name", "GET / HTTP/1.1\r\n\xc3\xa9: c\r\n\r\n", no, bad},
    {"smuggling: a quote in a name", "GET / HTTP/1.1\r\na\"b: c\r\n\r\n", no, bad},
    {"smuggling: two Hosts", "GET / HTTP/1.1\r\nHost: a\r\nhost: b\r\n\r\n", no, bad},
    {"smuggling: two equal Hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", no, bad},
    {"smuggling: two lengths", "POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", no, bad},
    {"smuggling: two encodings", "POST / HTTP/1.1\r\nTransfer-Encoding: a\r\nTransfer-encoding: b\r\n\r\n", no, bad},
    {"smuggling: a length and an encoding",
     "POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", no, bad},
    {"smuggling: two Origins", "GET / HTTP/1.1\r\nOrigin: a\r\nOrigin: b\r\n\r\n", no, bad},
    {"smuggling: two keys", "GET / HTTP/1.1\r\nSec-WebSocket-Key: a\r\nSec-WebSocket-Key: a\r\n\r\n", no, bad},
    {"smuggling: two versions", "GET / HTTP/1.1\r\nSec-WebSocket-Version: 8\r\nSec-WebSocket-Version: 13\r\n\r\n", no,
     bad},
};

TEST(parse_head, accepts_and_refuses_by_the_table) {
    for (const syntax_case& item : syntax) {
        SCOPED_TRACE(item.name);
        const reading read = read_whole(item.bytes);
        EXPECT_EQ(read.outcome, item.outcome) << read.reason;
        EXPECT_EQ(read.refusal, item.refusal) << read.reason;
        EXPECT_EQ(read.reason.empty(), item.outcome == ok);
        expect_as_by_the_book(item.bytes);
        EXPECT_EQ(read_byte_by_byte(item.bytes), read);
        for (std::size_t cut = 0; cut <= item.bytes.size(); ++cut)
            EXPECT_EQ(read_in_two(item.bytes, cut), read) << "cut after " << cut;
    }
}

TEST(parse_head, refuses_at_the_first_impossible_byte) {
    for (const syntax_case& item : syntax) {
        SCOPED_TRACE(item.name);
        for (std::size_t size = 0; size <= item.bytes.size(); ++size)
            EXPECT_EQ(read_whole(item.bytes.substr(0, size)).outcome,
                      read_by_the_book(item.bytes.substr(0, size)).outcome)
                << "after " << size;
    }
}

std::string head_of_size(std::size_t size) {
    const std::string start = "GET / HTTP/1.1\r\nHost: a\r\nCookie: ";
    return start + std::string(size - start.size() - 4, 'c') + "\r\n\r\n";
}

TEST(parse_head, reaches_the_byte_limit_exactly) {
    EXPECT_EQ(read_whole(head_of_size(head_bytes_max)).outcome, parse_outcome::complete);
    EXPECT_EQ(read_whole(head_of_size(head_bytes_max) + "frame").size, head_bytes_max);
    EXPECT_EQ(read_whole(head_of_size(head_bytes_max + 1)).refusal, status::header_fields_too_large);
    EXPECT_EQ(read_byte_by_byte(head_of_size(head_bytes_max)).outcome, parse_outcome::complete);
    EXPECT_EQ(read_byte_by_byte(head_of_size(head_bytes_max + 1)).refusal, status::header_fields_too_large);
    const std::string unfinished = head_of_size(2 * head_bytes_max);
    EXPECT_EQ(read_whole(unfinished.substr(0, head_bytes_max - 1)).outcome, parse_outcome::need_more);
    EXPECT_EQ(read_whole(unfinished.substr(0, head_bytes_max)).refusal, status::header_fields_too_large);
}

TEST(parse_head, calls_a_request_line_without_an_end_a_long_uri) {
    const std::string line = "GET /" + std::string(2 * head_bytes_max, 'a');
    EXPECT_EQ(read_whole(line.substr(0, head_bytes_max - 1)).outcome, parse_outcome::need_more);
    EXPECT_EQ(read_whole(line.substr(0, head_bytes_max)).refusal, status::uri_too_long);
    EXPECT_EQ(read_byte_by_byte(line).refusal, status::uri_too_long);
}

std::string head_of_fields(std::size_t count) {
    std::string bytes = "GET / HTTP/1.1\r\n";
    for (std::size_t i = 0; i < count; ++i) bytes += "x-" + std::to_string(i) + ": " + std::to_string(i) + "\r\n";
    return bytes + "\r\n";
}

TEST(parse_head, reaches_the_field_limit_exactly) {
    const reading most = read_whole(head_of_fields(headers_max));
    ASSERT_EQ(most.outcome, parse_outcome::complete);
    EXPECT_EQ(most.fields.size(), headers_max);
    EXPECT_EQ(most.fields.back().first, "x-63");
    EXPECT_EQ(read_whole(head_of_fields(headers_max + 1)).refusal, status::header_fields_too_large);
    EXPECT_EQ(read_byte_by_byte(head_of_fields(headers_max + 1)).refusal, status::header_fields_too_large);
}

TEST(parse_head, keeps_to_the_limits_it_is_given) {
    const auto read = [](std::string_view bytes, head_limits limits) {
        request_head head;
        std::size_t scanned = 0;
        const parse_result result = parse_head(bytes, scanned, head, limits);
        return result.outcome == parse_outcome::complete ? status::ok : result.refusal;
    };
    EXPECT_EQ(read(head_of_size(20'000), {.bytes = 20'000}), status::ok);
    EXPECT_EQ(read(head_of_size(20'001), {.bytes = 20'000}), status::header_fields_too_large);
    EXPECT_EQ(read("GET /" + std::string(20'000, 'a'), {.bytes = 20'000}), status::uri_too_long);
    EXPECT_EQ(read(head_of_size(1'025), {.bytes = 1'024}), status::header_fields_too_large);
    EXPECT_EQ(read(head_of_fields(headers_most), {.fields = headers_most}), status::ok);
    EXPECT_EQ(read(head_of_fields(headers_most + 1), {.fields = headers_most}), status::header_fields_too_large);
    EXPECT_EQ(read(head_of_fields(17), {.fields = 16}), status::header_fields_too_large);
}

TEST(parse_head, judges_all_fields_together_wherever_the_head_is_split) {
    std::string bytes = "GET / HTTP/1.1\r\nHost: a\r\n";
    for (std::size_t i = 0; i < headers_max; ++i) bytes += "a:\r\n";
    bytes += "Host: b\r\nHost: c\r\n\r\n";
    const reading whole = read_whole(bytes);
    EXPECT_EQ(whole.refusal, status::header_fields_too_large); // comes before the repeated Host
    for (std::size_t cut = 0; cut <= bytes.size(); ++cut)
        ASSERT_EQ(read_in_two(bytes, cut), whole) << "cut after " << cut;
}

TEST(parse_head, agrees_with_the_reference_on_mutated_heads) {
    std::mt19937 random{20260601};
    const auto below = [&random](std::size_t limit) { return static_cast<std::size_t>(random() % limit); };
    constexpr std::string_view spice = "\r\n \t:,\0/*#?HTTP1.\x7f\x80\xff"sv;
    std::size_t completed = 0;
    std::size_t refused = 0;
    for (int round = 0; round < 60'000; ++round) {
        std::string bytes{client_heads[below(std::size(client_heads))].bytes};
        for (std::size_t edits = below(4); edits > 0; --edits) {
            const std::size_t at = below(bytes.size());
            switch (below(6)) {
            case 0: bytes[at] = spice[below(spice.size())]; break;
            case 1: bytes.insert(at, 1, spice[below(spice.size())]); break;
            case 2: bytes.erase(at, 1 + below(3)); break;
            case 3: bytes[at] = static_cast<char>(below(256)); break;
            case 4: bytes[at] ^= 0x20; break;
            case 5: bytes.insert(bytes.find('\n', below(bytes.size() - 1)) + 1, "Host: b\r\n"); break;
            }
        }
        bytes.resize(bytes.size() - (below(4) == 0 ? below(bytes.size()) : 0));
        expect_as_by_the_book(bytes);
        const reading whole = read_whole(bytes);
        ASSERT_EQ(read_in_two(bytes, below(bytes.size() + 1)), whole) << bytes;
        if (round % 16 == 0) { ASSERT_EQ(read_byte_by_byte(bytes), whole) << bytes; }
        completed += whole.outcome == parse_outcome::complete ? 1 : 0;
        refused += whole.outcome == parse_outcome::refused ? 1 : 0;
        if (HasFailure()) return;
    }
    EXPECT_GT(completed, 10'000U); // the mutations are mild enough to matter
    EXPECT_GT(refused, 10'000U);
}

TEST(parse_head, takes_nothing_from_the_heap) {
    const std::string bytes = upgrade_head();
    EXPECT_EQ(carillon::test::allocations_during([&] {
                  request_head head;
                  std::size_t scanned = 0;
                  EXPECT_EQ(parse_head(std::string_view{bytes}.substr(0, 70), scanned, head).outcome,
                            parse_outcome::need_more);
                  EXPECT_EQ(parse_head(bytes, scanned, head).outcome, parse_outcome::complete);
                  scanned = 0;
                  EXPECT_EQ(parse_head("GET\n", scanned, head).outcome, parse_outcome::refused);
              }),
              0U);
}

} // namespace
} // namespace carillon::http::test
