#include "protocol/codes.hpp"

#include "base/check.hpp"

namespace carillon::protocol {

std::string_view message_of(error_code code) noexcept {
    switch (code) {
    case error_code::internal: return "internal server error";
    case error_code::unauthorized: return "unauthorized";
    case error_code::unknown_channel: return "unknown channel";
    case error_code::permission_denied: return "permission denied";
    case error_code::method_not_found: return "method not found";
    case error_code::already_subscribed: return "already subscribed";
    case error_code::limit_exceeded: return "limit exceeded";
    case error_code::bad_request: return "bad request";
    case error_code::not_available: return "not available";
    case error_code::token_expired: return "token expired";
    case error_code::expired: return "expired";
    case error_code::too_many_requests: return "too many requests";
    case error_code::unrecoverable_position: return "unrecoverable position";
    case error_code::concurrent_pagination: return "concurrent pagination";
    }
    CHECK(false);
}

bool is_temporary(error_code code) noexcept {
    return code == error_code::internal || code == error_code::too_many_requests ||
           code == error_code::concurrent_pagination;
}

std::string_view reason_of(disconnect code) noexcept {
    switch (code) {
    case disconnect::connection_closed: return "connection closed";
    case disconnect::shutdown: return "shutdown";
    case disconnect::internal_server_error: return "internal server error";
    case disconnect::connection_expired: return "connection expired";
    case disconnect::subscription_expired: return "subscription expired";
    case disconnect::slow: return "slow";
    case disconnect::write_error: return "write error";
    case disconnect::insufficient_state: return "insufficient state";
    case disconnect::force_reconnect: return "force reconnect";
    case disconnect::no_pong: return "no pong";
    case disconnect::too_many_requests: return "too many requests";
    case disconnect::state_invalidated: return "state invalidated";
    case disconnect::invalid_token: return "invalid token";
    case disconnect::bad_request: return "bad request";
    case disconnect::stale: return "stale";
    case disconnect::force_disconnect: return "force disconnect";
    case disconnect::connection_limit: return "connection limit";
    case disconnect::channel_limit: return "channel limit";
    case disconnect::inappropriate_protocol: return "inappropriate protocol";
    case disconnect::permission_denied: return "permission denied";
    case disconnect::not_available: return "not available";
    case disconnect::too_many_errors: return "too many errors";
    }
    CHECK(false);
}

} // namespace carillon::protocol
