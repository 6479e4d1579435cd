#include "http/status.hpp"

#include "base/check.hpp"

namespace carillon::http {

std::string_view phrase(status code) noexcept {
    switch (code) {
    case status::switching_protocols: return "Switching Protocols";
    case status::ok: return "OK";
    case status::no_content: return "No Content";
    case status::length_required: return "Length Required";
    case status::bad_request: return "Bad Request";
    case status::unauthorized: return "Unauthorized";
    case status::forbidden: return "Forbidden";
    case status::not_found: return "Not Found";
    case status::method_not_allowed: return "Method Not Allowed";
    case status::request_timeout: return "Request Timeout";
    case status::payload_too_large: return "Content Too Large";
    case status::uri_too_long: return "URI Too Long";
    case status::upgrade_required: return "Upgrade Required";
    case status::too_many_requests: return "Too Many Requests";
    case status::header_fields_too_large: return "Request Header Fields Too Large";
    case status::internal_server_error: return "Internal Server Error";
    case status::service_unavailable: return "Service Unavailable";
    case status::http_version_not_supported: return "HTTP Version Not Supported";
    }
    CHECK(false);
}

} // namespace carillon::http
