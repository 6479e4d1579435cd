#pragma once

#include <cstdint>
#include <string_view>

namespace carillon::protocol {

/// Why a command has failed (protocol §4.4). The numbers are on the wire.
enum class command_error : std::uint32_t {
    internal = 100,
    unauthorized = 101,
    unknown_channel = 102,
    permission_denied = 103,
    method_not_found = 104,
    already_subscribed = 105,
    limit_exceeded = 106,
    bad_request = 107,
    not_available = 108,
    token_expired = 109,
    expired = 110,
    too_many_requests = 111,
    unrecoverable_position = 112,
    concurrent_pagination = 113,
};

/// The words that go with it, as other servers of this protocol say them.
std::string_view message_of(command_error code) noexcept;
/// Whether a client may try the same again (§3: Error.temporary).
bool is_temporary(command_error code) noexcept;

/// Why the server has ended a subscription (protocol §4.3); clients subscribe again by themselves from 2500 on.
enum class unsubscription : std::uint32_t {
    by_server = 2000,
    insufficient_state = 2500,
    expired = 2501,
};

/// Whether an application may have a connection closed so: codes below 3000 are not for applications, and a Close frame
/// has room for 123 bytes of reason (RFC 6455 §5.5).
constexpr bool may_close_with(std::uint64_t code, std::string_view reason) noexcept {
    return code >= 3000 && code <= 4999 && reason.size() <= 123;
}

/// Why the server closes a connection (protocol §4.2); clients reconnect by themselves except from 3500 to 3999.
enum class disconnect : std::uint16_t {
    connection_closed = 3000,
    shutdown = 3001,
    internal_server_error = 3004,
    connection_expired = 3005,
    subscription_expired = 3006,
    slow = 3008,
    write_error = 3009,
    insufficient_state = 3010,
    force_reconnect = 3011,
    no_pong = 3012,
    too_many_requests = 3013,
    state_invalidated = 3014,
    invalid_token = 3500,
    bad_request = 3501,
    stale = 3502,
    force_disconnect = 3503,
    connection_limit = 3504,
    channel_limit = 3505,
    inappropriate_protocol = 3506,
    permission_denied = 3507,
    not_available = 3508,
    too_many_errors = 3509,
};

/// What takes the place of an error for who only listens, and cannot be told one (protocol §7.4).
disconnect disconnect_for(command_error why) noexcept;

/// The reason that stands in the Close frame.
std::string_view reason_of(disconnect code) noexcept;

} // namespace carillon::protocol
