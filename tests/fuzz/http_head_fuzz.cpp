/// \file
/// libFuzzer target of the request head: the first byte of the input says where the rest is split.

#include "base/check.hpp"
#include "http/request_head.hpp"
#include "http/upgrade.hpp"
#include "sayings.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace carillon::http {
namespace {

constexpr std::array<std::string_view, 16> sayings{
    "GET / HTTP/1.1\r\n",
    "GET /connection/websocket?a=b HTTP/1.1\r\n",
    "POST /api HTTP/1.0\r\n",
    "Host: a.example.com\r\n",
    "Upgrade: websocket\r\n",
    "Connection: keep-alive, Upgrade\r\n",
    "Sec-WebSocket-Version: 13\r\n",
    "Sec-WebSocket-Version: 8\r\n",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
    "Sec-WebSocket-Protocol: a, centrifuge-json\r\n",
    "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n",
    "Origin: https://a.example.com\r\n",
    "Origin: null\r\n",
    "Content-Length: 5\r\n",
    "Transfer-Encoding: chunked\r\n",
    "\r\n\r\n",
};

/// A buffer of exact size, so that the sanitizer sees a byte read too many.
struct exact_copy {
    explicit exact_copy(std::string_view text) : bytes{new char[text.size()]}, size{text.size()} {
        std::ranges::copy(text, bytes.get());
    }
    std::string_view view() const { return {bytes.get(), size}; }

    std::unique_ptr<char[]> bytes;
    std::size_t size;
};

bool lies_in(std::string_view part, std::string_view whole) {
    return part.empty() || (part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size());
}

void check_views(const request_head& head, std::string_view bytes) {
    const std::string_view read = bytes.substr(0, head.size());
    CHECK(read.ends_with("\r\n\r\n") && head.size() <= head_bytes_max);
    CHECK(lies_in(head.method(), read) && lies_in(head.target(), read) && lies_in(head.query(), head.target()));
    CHECK(head.headers().size() <= headers_max);
    for (const header_field& field : head.headers()) {
        CHECK(!field.name.empty() && lies_in(field.name, read) && lies_in(field.value, read));
        CHECK(field.value.find_first_of(std::string_view{"\r\n\0", 3}) == field.value.npos);
    }
}

void check_same(const request_head& left, const request_head& right) {
    CHECK(left.size() == right.size() && left.method() == right.method() && left.target() == right.target());
    CHECK(left.path() == right.path() && left.query() == right.query());
    CHECK(std::ranges::equal(left.headers(), right.headers(), [](const header_field& a, const header_field& b) {
        return a.name == b.name && a.value == b.value;
    }));
}

void check_verdict(const request_head& head) {
    static const std::array<std::string_view, 1> spoken{"centrifuge-json"};
    static const std::array<std::string, 1> origins{"https://*.example.*"};
    const upgrade_verdict verdict = decide_upgrade(head, {head.path(), spoken, origins});
    const bool accepted = verdict.code == status::switching_protocols;
    CHECK(accepted == verdict.reason.empty());
    CHECK(!accepted || wants_upgrade(head));
    std::array<char, reply_bytes_max> out;
    CHECK((accepted ? write_switching_protocols(out, verdict) : write_refusal(out, verdict.code, verdict.reason)) > 0);
}

void check_head(std::string_view input, std::size_t cut) {
    const exact_copy whole{input};
    const exact_copy part{input.substr(0, cut)};

    request_head head;
    std::size_t scanned = 0;
    const parse_result result = parse_head(whole.view(), scanned, head);

    request_head head_of_two;
    std::size_t scanned_of_two = 0;
    parse_result of_two = parse_head(part.view(), scanned_of_two, head_of_two);
    const bool ended_early = of_two.outcome != parse_outcome::need_more;
    if (!ended_early) of_two = parse_head(whole.view(), scanned_of_two, head_of_two);

    CHECK(of_two.outcome == result.outcome && of_two.refusal == result.refusal && of_two.reason == result.reason);
    CHECK((result.outcome == parse_outcome::refused) == !result.reason.empty());
    CHECK(scanned <= whole.size);
    if (result.outcome != parse_outcome::complete) return;
    check_views(head, whole.view());
    check_views(head_of_two, ended_early ? part.view() : whole.view());
    check_same(head, head_of_two);
    check_verdict(head);
}

} // namespace
} // namespace carillon::http

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string input =
        carillon::fuzz::spelled_out({reinterpret_cast<const char*>(data) + 1, size - 1}, carillon::http::sayings);
    carillon::http::check_head(input, input.size() * data[0] / 255);
    return 0;
}
