#pragma once

#include "protocol/filter_node.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <variant>

namespace carillon::protocol {

// The commands of a client (protocol §3). Every view is valid until the decoder that made it decodes again, or the
// bytes it decoded are used again. Members that Carillon does not act on yet are checked, but not kept. What is said of
// `data` is so in JSON; in protobuf it is whatever the client has sent.

/// A place in a channel's stream (§3.1).
struct stream_position {
    std::uint64_t offset = 0;
    std::string_view epoch;
};

struct subscribe_request { ///< §3.3
    std::string_view channel;
    std::string_view token;
    std::string_view delta;              ///< how publications may be shortened; empty when not asked for
    std::int32_t type = 0;               ///< 0: publications as they come
    std::int64_t flag = 0;               ///< bits: see subscribe_flag
    stream_position since;               ///< with `recover`: what the client has
    bool recover = false;                ///< the client asks for what it has missed
    bool positioned = false;             ///< it asks for a subscription that it could recover, or whose holes are seen
    bool join_leave = false;             ///< it asks to be told who comes and goes
    const filter_node* filter = nullptr; ///< it wants some publications only, by their tags; null: all
    std::string_view data;               ///< as that of a connect
};
/// Bits of subscribe_request::flag.
enum subscribe_flag : std::int64_t {
    compaction_wanted = 1,      ///< of channels to numbers, which is not granted
    error_if_unrecoverable = 2, ///< rather than a subscription with a hole
};

/// A field that the client would have given its upgrade request, had it been able to.
struct emulated_header {
    std::string_view name;
    std::string_view value;
};

/// The first command of every connection (§3.2).
struct connect_request {
    std::string_view token;
    std::string_view name;
    std::string_view version;
    std::span<const subscribe_request> subscriptions; ///< what the client has of those that the server subscribes it to
    std::string_view data; ///< for the application: one valid JSON value; empty when the client gave none
    std::span<const emulated_header> headers{};
};
struct unsubscribe_request {
    std::string_view channel;
};
struct publish_request {
    std::string_view channel;
    std::string_view data; ///< one valid JSON value; empty when the client gave none
    std::int32_t type = 0; ///< 0: to all who have subscribed
};
struct presence_request {
    std::string_view channel;
};
struct presence_stats_request {
    std::string_view channel;
};
struct history_request {
    std::string_view channel;
    std::int32_t limit = 0; ///< 0: only where the stream stands; negative: as many as the server gives
    std::optional<stream_position> since{};
    bool reverse = false;
};
struct rpc_request {
    std::string_view method;
    std::string_view data; ///< as that of a connect
};
struct send_request {
    std::string_view data; ///< as that of a connect
};
struct refresh_request {
    std::string_view token;
};
struct sub_refresh_request {
    std::string_view channel;
    std::string_view token;
};
struct ping_request {}; ///< in the schema, but no server takes it (§2)
struct pong {};         ///< a command without an id that is no `send` (§2)

using request = std::variant<pong, connect_request, subscribe_request, unsubscribe_request, publish_request,
                             presence_request, presence_stats_request, history_request, ping_request, send_request,
                             rpc_request, refresh_request, sub_refresh_request>;

/// One command and the id that its reply carries.
struct command {
    std::uint32_t id = 0;
    bool too_deep = false; ///< something in it nests deeper than json_depth_max, and was not checked further
    request what;
};

} // namespace carillon::protocol
