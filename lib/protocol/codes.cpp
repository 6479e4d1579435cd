#include "protocol/codes.hpp"

#include "base/check.hpp"

namespace carillon::protocol {

std::string_view message_of(command_error code) noexcept {
    switch (code) {
    case command_error::internal: return "internal server error";
    case command_error::unauthorized: return "unauthorized";
    case command_error::unknown_channel: return "unknown channel";
    case command_error::permission_denied: return "permission denied";
    case command_error::method_not_found: return "method not found";
    case command_error::already_subscribed: return "already subscribed";
    case command_error::limit_exceeded: return "limit exceeded";
    case command_error::bad_request: return "bad request";
    case command_error::not_available: return "not available";
    case command_error::token_expired: return "token expired";
    case command_error::expired: return "expired";
    case command_error::too_many_requests: return "too many requests";
    case command_error::unrecoverable_position: return "unrecoverable position";
    case command_error::concurrent_pagination: return "concurrent pagination";
    }
    CHECK(false);
}

bool is_temporary(command_error code) noexcept {
    return code == command_error::internal || code == command_error::too_many_requests ||
           code == command_error::concurrent_pagination;
}

disconnect disconnect_for(command_error why) noexcept {
    switch (why) {
    case command_error::token_expired:
    case command_error::expired: return disconnect::connection_expired;
    case command_error::too_many_requests: return disconnect::too_many_requests;
    case command_error::permission_denied: return disconnect::permission_denied;
    default: return disconnect::internal_server_error;
    }
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
