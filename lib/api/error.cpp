#include "api/error.hpp"

#include "base/check.hpp"

namespace carillon::api {

error error_of(std::uint64_t number) noexcept {
    const auto code = static_cast<error>(static_cast<std::uint32_t>(number));
    switch (code) {
    case error::internal:
    case error::unknown_channel:
    case error::not_found:
    case error::bad_request:
    case error::not_available:
    case error::unrecoverable_position:
    case error::conflict:
        if (number == static_cast<std::uint32_t>(code)) return code;
    }
    return error::internal;
}

std::string_view message_of(error code) noexcept {
    switch (code) {
    case error::internal: return "internal server error";
    case error::unknown_channel: return "unknown channel";
    case error::not_found: return "not found";
    case error::bad_request: return "bad request";
    case error::not_available: return "not available";
    case error::unrecoverable_position: return "unrecoverable position";
    case error::conflict: return "conflict";
    }
    CHECK(false);
}

unsigned status_of(error code) noexcept {
    switch (code) {
    case error::internal: return 500;
    case error::unknown_channel:
    case error::not_found: return 404;
    case error::bad_request:
    case error::not_available: return 400;
    case error::unrecoverable_position: return 416;
    case error::conflict: return 409;
    }
    CHECK(false);
}

} // namespace carillon::api
