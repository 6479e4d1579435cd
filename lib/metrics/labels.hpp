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

/// Why a connection was not let in: the PROXY header is malformed or too long, or comes from who may not send one; the
/// process has too little memory left; too many came in this second, or of its address; its address has enough.
BOOST_DEFINE_FIXED_ENUM_CLASS(connection_refusal, std::uint8_t, proxy_header, untrusted_proxy, memory, handshakes,
                              handshakes_of_address, connections_of_address)

/// What became of a TLS handshake: a whole one, or one that a session ticket made short; it went wrong, the peer went
/// away, we ended it (its time was over, or the process ends), or there were as many as allowed.
BOOST_DEFINE_FIXED_ENUM_CLASS(tls_handshake, std::uint8_t, full, resumed, failed, abandoned, cut, refused)

/// What a client asked for (client protocol, `Command`).
BOOST_DEFINE_FIXED_ENUM_CLASS(command_method, std::uint8_t, connect, subscribe, unsubscribe, publish, presence,
                              presence_stats, history, ping, send, rpc, refresh, sub_refresh, pong, other)

/// What was wrong with the bytes of a client.
BOOST_DEFINE_FIXED_ENUM_CLASS(protocol_failure, std::uint8_t, malformed_frame, not_utf8, not_deflated, message_too_big,
                              malformed_command, too_many_commands, unexpected_command, other)

/// Why a token was refused: auth::error's own names; or it is another client's or channel's.
BOOST_DEFINE_FIXED_ENUM_CLASS(token_refusal, std::uint8_t, oversize, malformed, encrypted, base64url, header_json,
                              header_duplicate, header_type, header_critical, header_compressed, header_nested,
                              algorithm_none, algorithm_unknown, key_unknown, signature, claims_json, claim_duplicate,
                              claim_type, claim_value, user_missing, audience, issuer, channel_unexpected,
                              channel_missing, expired, not_yet_valid, for_another, no_keys, other)

/// What became of a client's question what it has missed: streams::verdict's own names.
BOOST_DEFINE_FIXED_ENUM_CLASS(recovery_outcome, std::uint8_t, recovered, wrong_epoch, ahead, gone, too_many)

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
