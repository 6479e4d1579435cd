#include "http/body_reply.hpp"

#include "http/ascii.hpp"
#include "http/date.hpp"
#include "http/origin.hpp"

#include <algorithm>
#include <array>

namespace carillon::http {

namespace {

void append_date(std::string& out, std::int64_t unix_time_s) {
    std::array<char, date_bytes> date;
    write_date(date, unix_time_s);
    out += "Date: ";
    out.append(date.data(), date.size());
    out += "\r\n";
}

void append_cross_origin(std::string& out, const cross_origin& who) {
    if (who.origin.empty()) return;
    out += "Access-Control-Allow-Origin: ";
    out += who.origin;
    out += "\r\nAccess-Control-Allow-Credentials: true\r\nVary: Origin\r\n";
}

int digit_of(char letter) noexcept {
    if (is_digit(letter)) return letter - '0';
    const char small = to_lower(letter);
    return small >= 'a' && small <= 'f' ? small - 'a' + 10 : -1;
}

} // namespace

bool origin_is_allowed(const request_head& head, std::span<const std::string> patterns) noexcept {
    if (!head.has(known_header::origin)) return true;
    const std::string_view origin = head.first(known_header::origin);
    return std::ranges::any_of(patterns, [&](const std::string& pattern) { return matches_origin(origin, pattern); });
}

std::string_view field_of(const request_head& head, std::string_view name) noexcept {
    const auto found = std::ranges::find_if(
        head.headers(), [&](const header_field& each) { return same_ignoring_case(each.name, name); });
    return found == head.headers().end() ? std::string_view{} : found->value;
}

void append_stream_head(std::string& out, std::string_view content_type, const cross_origin& who,
                        std::int64_t unix_time_s) {
    out += "HTTP/1.1 200 OK\r\n";
    append_date(out, unix_time_s);
    out += "Content-Type: ";
    out += content_type;
    // The last but one is for nginx, which would keep the bytes until it has many (X-Accel-Buffering).
    out += "\r\nCache-Control: private, no-cache, no-store, must-revalidate, max-age=0\r\nPragma: no-cache\r\n"
           "X-Content-Type-Options: nosniff\r\nX-Accel-Buffering: no\r\nConnection: close\r\n";
    append_cross_origin(out, who);
    out += "\r\n";
}

void append_no_content(std::string& out, const cross_origin& who, bool preflight, std::int64_t unix_time_s) {
    out += "HTTP/1.1 204 No Content\r\n";
    append_date(out, unix_time_s);
    out += "Connection: close\r\n";
    append_cross_origin(out, who);
    if (preflight) {
        out += "Access-Control-Allow-Methods: GET, POST, OPTIONS\r\nAccess-Control-Max-Age: 300\r\n";
        if (!who.asked_headers.empty()) {
            out += "Access-Control-Allow-Headers: ";
            out += who.asked_headers;
            out += "\r\n";
        }
    }
    out += "\r\n";
}

bool decode_form(std::string_view encoded, std::string& text) {
    text.clear();
    text.reserve(encoded.size());
    for (std::size_t at = 0; at < encoded.size(); ++at) {
        if (encoded[at] == '+') {
            text += ' ';
        } else if (encoded[at] != '%') {
            text += encoded[at];
        } else {
            if (encoded.size() - at < 3) return false;
            const int high = digit_of(encoded[at + 1]), low = digit_of(encoded[at + 2]);
            if (high < 0 || low < 0) return false;
            text += static_cast<char>(high * 16 + low);
            at += 2;
        }
    }
    return true;
}

} // namespace carillon::http
