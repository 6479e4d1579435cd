#pragma once

#include <cstdint>
#include <string_view>

namespace carillon::http {

/// The status codes Carillon answers with (RFC 9110 §15; 431 is from RFC 6585 §5).
enum class status : std::uint16_t {
    switching_protocols = 101,
    ok = 200,
    no_content = 204,
    bad_request = 400,
    unauthorized = 401,
    forbidden = 403,
    not_found = 404,
    method_not_allowed = 405,
    request_timeout = 408,
    length_required = 411,
    payload_too_large = 413,
    uri_too_long = 414,
    upgrade_required = 426,
    too_many_requests = 429,
    header_fields_too_large = 431,
    internal_server_error = 500,
    service_unavailable = 503,
    http_version_not_supported = 505,
};

/// The words that follow the number in a status line: "Not Found". Static text.
std::string_view phrase(status code) noexcept;

} // namespace carillon::http
