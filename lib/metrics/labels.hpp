#pragma once

#include <boost/describe/enum.hpp>

#include <cstdint>

/// The values of every label that is not a number. An enumerator's name is what Prometheus shows, so it is written
/// once.
namespace carillon::metrics {

/// Who is at the other end: a browser, or a program that speaks RESP on the bus door.
BOOST_DEFINE_FIXED_ENUM_CLASS(connection_kind, std::uint8_t, websocket, resp)

/// Why a connection was not accepted, or had to wait in the backlog.
BOOST_DEFINE_FIXED_ENUM_CLASS(accept_error, std::uint8_t, no_lease, fd_limit, connection_limit, other)

/// What a client asked for (client protocol, `Command`).
BOOST_DEFINE_FIXED_ENUM_CLASS(command_method, std::uint8_t, connect, subscribe, unsubscribe, publish, presence,
                              presence_stats, history, ping, send, rpc, refresh, sub_refresh, pong, other)

/// What was wrong with the bytes of a client.
BOOST_DEFINE_FIXED_ENUM_CLASS(protocol_failure, std::uint8_t, malformed_frame, not_utf8, message_too_big,
                              malformed_command, too_many_commands, unexpected_command, other)

/// Who published.
BOOST_DEFINE_FIXED_ENUM_CLASS(publication_source, std::uint8_t, resp, client, api)

/// Why a payload cannot be sent to clients.
BOOST_DEFINE_FIXED_ENUM_CLASS(publication_refusal, std::uint8_t, not_utf8, not_json, too_big, too_deep, other)

/// The commands of the bus door, lower case as they are shown.
BOOST_DEFINE_FIXED_ENUM_CLASS(resp_command, std::uint8_t, publish, spublish, subscribe, ssubscribe, psubscribe,
                              unsubscribe, sunsubscribe, punsubscribe, pubsub, ping, echo, hello, auth, client, command,
                              config, info, select, multi, exec, discard, watch, unwatch, eval, evalsha, script, role,
                              reset, quit, other)

/// Why the bus door answered with an error.
BOOST_DEFINE_FIXED_ENUM_CLASS(resp_error, std::uint8_t, protocol, unknown_command, wrong_arguments, not_allowed,
                              not_authenticated, wrong_password, limit, refused_payload, other)

} // namespace carillon::metrics
