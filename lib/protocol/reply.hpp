#pragma once

#include "protocol/codes.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace carillon::protocol {

// Replies and pushes in the JSON form (protocol §2, §3), each appended to `out` as one line without its line break.

struct connect_result {
    std::string_view client;      ///< the connection's UUID
    std::string_view version;     ///< the server's
    std::chrono::seconds ping{0}; ///< 0: the server sends none
    bool pong = false;            ///< the client must answer each
};

void append_connect_reply(std::string& out, std::uint32_t id, const connect_result& what);

/// The reply of a command whose result has no members: `{"id":3,"subscribe":{}}`.
void append_empty_reply(std::string& out, std::uint32_t id, std::string_view method);

/// The reply to a subscribe. `was_recovering`: the client asked for what it has missed, and does not get it.
void append_subscribe_reply(std::string& out, std::uint32_t id, bool was_recovering);

void append_error_reply(std::string& out, std::uint32_t id, command_error code);

/// `data` is one JSON value, `info` the publisher's ClientInfo as JSON or empty.
void append_publication(std::string& out, std::string_view channel, std::string_view data, std::string_view info);

/// The same for data that is UTF-8 text: it becomes a JSON string.
void append_text_publication(std::string& out, std::string_view channel, std::string_view text, std::string_view info);

/// The ClientInfo of a publisher (§3.1), as append_publication takes it.
void append_client_info(std::string& out, std::string_view user, std::string_view client);

/// The push that tells a client that the server has ended its subscription.
void append_unsubscribe_push(std::string& out, std::string_view channel, unsubscription code, std::string_view reason);

/// The server's ping (§2): a reply with nothing in it.
inline constexpr std::string_view ping_line = "{}";

} // namespace carillon::protocol
