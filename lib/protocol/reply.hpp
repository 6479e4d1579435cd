#pragma once

#include "protocol/codes.hpp"
#include "protocol/command.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace carillon::protocol {

// Replies and pushes in the JSON form (protocol §2, §3), each appended to `out` as one line without its line break.

/// What expires and when: `"expires":true,"ttl":60`. None: it does not.
using time_left = std::optional<std::chrono::seconds>;

/// Where a subscription stands in its channel's stream (§5).
struct stream_place {
    std::string_view epoch{};
    std::uint64_t offset = 0;
    bool recovered = false;          ///< `publications` is all that the client has missed
    std::string_view publications{}; ///< as append_listed_publication makes them, with commas between
};

struct subscribe_result {
    bool was_recovering = false;          ///< the client has asked for what it has missed
    time_left left{};                     ///< of the subscription
    std::string_view data{};              ///< one JSON value; empty: none
    std::optional<stream_place> stream{}; ///< none: the channel has no stream that can be recovered
    bool delta = false;                   ///< publications come as publication::as_text says
};

/// A channel that the server has subscribed the client to.
struct server_subscription {
    std::string_view channel;
    subscribe_result what{};
};

struct connect_result {
    std::string_view client;      ///< the connection's UUID
    std::string_view version;     ///< the server's
    std::chrono::seconds ping{0}; ///< 0: the server sends none
    bool pong = false;            ///< the client must answer each
    time_left left{};             ///< of the connection
    std::span<const server_subscription> subscriptions{};
    std::string_view data{};    ///< the application's: one JSON value; empty: none
    std::string_view session{}; ///< where commands come by requests of their own (§7.3): which connection they are of
    std::string_view node{};    ///< and which node has it
};

void append_connect_reply(std::string& out, std::uint32_t id, const connect_result& what);

/// The reply of a command whose result has no members: `{"id":3,"subscribe":{}}`.
void append_empty_reply(std::string& out, std::uint32_t id, std::string_view method);

void append_subscribe_reply(std::string& out, std::uint32_t id, const subscribe_result& what);

/// The reply to a refresh of the connection (§3.2).
void append_refresh_reply(std::string& out, std::uint32_t id, std::string_view client, std::string_view version,
                          time_left left);
/// The reply to a refresh of a subscription (§3.3).
void append_sub_refresh_reply(std::string& out, std::uint32_t id, time_left left);

/// The reply to an RPC; `data` is one JSON value or empty.
void append_rpc_reply(std::string& out, std::uint32_t id, std::string_view data);

void append_error_reply(std::string& out, std::uint32_t id, command_error code);
/// The same with an error of the application's own.
void append_error_reply(std::string& out, std::uint32_t id, std::uint32_t code, std::string_view message,
                        bool temporary);

/// A page of a channel's history; `publications` as in stream_place.
void append_history_reply(std::string& out, std::uint32_t id, const stream_position& top,
                          std::string_view publications);

struct publication {
    std::string_view data{}; ///< one JSON value, or UTF-8 text, which becomes a JSON string
    bool is_json = true;
    std::string_view info{};  ///< the publisher's ClientInfo as JSON; empty: none
    std::string_view tags{};  ///< a JSON object; empty: none
    std::uint64_t offset = 0; ///< in the channel's stream; 0: none
    std::string_view epoch{}; ///< of the stream; told with its first publication only (§3.1)
    std::string_view patch{}; ///< what makes `data` of the publication before it, told in its place; empty: nothing
    bool as_text = false;     ///< for who gets deltas: in JSON, `data` is a string with the JSON in it (§5)
    std::string_view to{};    ///< the channel, where the push has the name of a wildcard that stands for it; else empty
};

/// The push of a publication.
void append_publication(std::string& out, std::string_view channel, const publication& what);

/// The same without its channel, as an element of a list.
void append_listed_publication(std::string& out, const publication& what);

/// Who has published (§3.1).
struct client_info {
    std::string_view user;
    std::string_view client;
    std::string_view conn_info{}; ///< one JSON value; empty: none
    std::string_view chan_info{}; ///< the same
};

/// The ClientInfo of a publisher, as append_publication takes it.
void append_client_info(std::string& out, const client_info& who);

/// The push that somebody has come to a channel, or left it; `info` is ClientInfo as JSON.
void append_join_push(std::string& out, std::string_view channel, std::string_view info);
void append_leave_push(std::string& out, std::string_view channel, std::string_view info);

/// One of them: appends `"ID":{...}`, after a comma where it is not the first.
void append_presence_entry(std::string& list, std::string_view client, std::string_view info);

/// Who is in a channel: `clients` is `"ID":{...}` for each, with commas between.
void append_presence_reply(std::string& out, std::uint32_t id, std::string_view clients);
void append_presence_stats_reply(std::string& out, std::uint32_t id, std::size_t clients, std::size_t users);

/// The push that tells a client that the server has ended its subscription.
void append_unsubscribe_push(std::string& out, std::string_view channel, unsubscription code, std::string_view reason);

/// The push that tells a client that the server has subscribed it to a channel; nothing was recovered, and it has no
/// end that is told.
void append_subscribe_push(std::string& out, std::string_view channel, const subscribe_result& what);

/// The push that tells a client that its connection has another end, or none.
void append_refresh_push(std::string& out, time_left left);

/// The last word where there is no Close frame (§7).
void append_disconnect_push(std::string& out, std::uint32_t code, std::string_view reason);

/// The server's ping (§2): a reply with nothing in it.
inline constexpr std::string_view ping_line = "{}";

} // namespace carillon::protocol
