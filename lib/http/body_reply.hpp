#pragma once

#include "http/request_head.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace carillon::http {

// Answers to requests that are no upgrade, for clients that are told over the body of a response. None of them has a
// length: a body ends with its connection (RFC 9112 §6.3), which every version of HTTP/1 knows and which needs no
// frames.

/// What an answer says to a browser that has asked from another origin
/// (https://fetch.spec.whatwg.org/#http-cors-protocol).
struct cross_origin {
    std::string_view origin{};        ///< of a request whose origin may connect; empty: it has none
    std::string_view asked_headers{}; ///< Access-Control-Request-Headers of a preflight
};

/// Whether the request has no Origin, or one that matches a pattern.
[[nodiscard]] bool origin_is_allowed(const request_head& head, std::span<const std::string> patterns) noexcept;

/// The first field of that name, which is in small letters; empty: there is none.
[[nodiscard]] std::string_view field_of(const request_head& head, std::string_view name) noexcept;

/// Appends the head of a 200 whose body goes on until the connection ends, and that nobody on the way may keep.
void append_stream_head(std::string& out, std::string_view content_type, const cross_origin& who,
                        std::int64_t unix_time_s);

/// Appends a 204; with `preflight`, it says what a browser may send.
void append_no_content(std::string& out, const cross_origin& who, bool preflight, std::int64_t unix_time_s);

/// A part of a form-encoded query as text: '+' is a space, %XX a byte. False: it is none.
[[nodiscard]] bool decode_form(std::string_view encoded, std::string& text);

} // namespace carillon::http
