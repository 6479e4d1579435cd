#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace carillon::api {

// The commands of the server API (protocol §8). They own what they hold: who carries one out takes his time.

/// What is published, and how; of publish and broadcast.
struct publication {
    std::string data;   ///< one JSON value as it was sent, or the bytes that `b64data` stood for
    bool given = false; ///< false: there was no data
    bool count = false; ///< the answer says how many connections got it
    bool skip_history = false;
    bool delta = false;
    std::vector<std::pair<std::string, std::string>> tags;
    std::string idempotency_key;
    std::uint64_t version = 0;
    std::string version_epoch;
};

struct publish_request {
    std::string channel;
    publication what;
};
struct broadcast_request {
    std::vector<std::string> channels;
    publication what;
};

/// Which connections are meant: all of a user, or one of them.
struct whom {
    std::string user{};
    std::string client{};
    std::string session{};
};

struct subscribe_request {
    whom who{};
    std::string channel{};
    std::string info{}; ///< JSON, or the bytes of `b64info`; empty: none
    std::string data{};
    std::optional<std::pair<std::uint64_t, std::string>> recover_since{}; ///< offset and epoch
    std::int64_t expire_at = 0;                                           ///< seconds since 1970; 0: never
};
struct unsubscribe_request {
    whom who{};
    std::string channel{};
};
struct disconnect_request {
    whom who{};
    std::vector<std::string> whitelist{}; ///< client IDs that stay
    std::uint32_t code = 3503;            ///< of the Close frame
    std::string reason = "force disconnect";
};
struct refresh_request {
    whom who{};
    bool expired = false;
    std::int64_t expire_at = 0;
    std::string info{};
};
struct presence_request {
    std::string channel;
};
struct presence_stats_request {
    std::string channel;
};
struct history_request {
    std::string channel;
    std::int32_t limit = 0; ///< 0: only where the stream stands; negative: as many as the server gives
    std::optional<std::pair<std::uint64_t, std::string>> since{}; ///< offset and epoch
    bool reverse = false;
};
struct history_remove_request {
    std::string channel;
};
struct channels_request {
    std::string pattern;     ///< empty: all
    std::string after;       ///< names that come after this one only
    std::uint32_t limit = 0; ///< 0: as many as the server allows
};
struct info_request {};
struct connections_request {
    std::string user{};      ///< of this user only; empty: of all
    std::string cursor{};    ///< where the page before has ended; empty: the first
    std::uint32_t limit = 0; ///< 0: as many as the server allows
};
struct unknown_request {}; ///< a command of a batch that names no method, or none that there is

/// One command. The order is that of `methods`.
using command =
    std::variant<publish_request, broadcast_request, subscribe_request, unsubscribe_request, disconnect_request,
                 refresh_request, presence_request, presence_stats_request, history_request, history_remove_request,
                 channels_request, info_request, connections_request, unknown_request>;

/// Several commands in one request, carried out one after another, or in any order.
struct batch_request {
    std::vector<command> commands;
    bool parallel = false;
};

using request = std::variant<command, batch_request>;

/// The name of a command's method; empty for an unknown one.
std::string_view method_of(const command& what) noexcept;
/// Where the method's alternative stands in `command`; that of unknown_request if there is no such method.
std::size_t method_index(std::string_view name) noexcept;
/// The methods that commands can have.
std::vector<std::string> method_names();
/// Whether there is a method of this name, "batch" included.
bool is_method(std::string_view name) noexcept;

} // namespace carillon::api
