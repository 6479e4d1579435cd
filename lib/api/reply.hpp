#pragma once

#include "api/error.hpp"
#include "streams/position.hpp"
#include "streams/publication.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace carillon::api {

// What commands are answered with (protocol §8).

struct published {
    std::optional<std::uint32_t> receivers{}; ///< if the request wants to know
    streams::position at{};                   ///< in the channel's stream; no offset: it has none
};
using outcome = std::variant<published, error>;

struct broadcast_result {
    std::vector<outcome> responses; ///< of each channel, in the order of the request
};
struct done {}; ///< a result without members
struct channels_result {
    std::vector<std::pair<std::string, std::uint64_t>> channels; ///< name and number of clients, sorted by name
    bool more = false;                                           ///< there are others after the last of these
};
struct node_info {
    std::string uid;
    std::string name;
    std::string version;
    std::uint64_t clients = 0;
    std::uint64_t users = 0;
    std::uint64_t channels = 0;
    std::uint64_t subscriptions = 0;
    std::uint64_t uptime_s = 0;
    std::uint64_t resident_bytes = 0;
};
struct info_result {
    std::vector<node_info> nodes;
};

/// One that has connected, and what it has subscribed to.
struct connection_info {
    std::string client{};
    std::string user{};
    std::vector<std::string> channels{};
    std::string_view transport = "websocket"; ///< static text
    std::string address{};                    ///< empty: it is not known
};
/// Some of the process' connections.
struct connections_result {
    std::string node{};
    std::string boot{}; ///< of the process, as long as it runs
    std::vector<connection_info> connections{};
    std::string next{};                    ///< the cursor of the next page; empty: there is none
    std::optional<std::uint64_t> number{}; ///< of the event up to which they are true; none: nobody is told of events
};

/// A page of a channel's stream.
struct history_result {
    streams::position top{};              ///< where the stream stands
    streams::shared_batch publications{}; ///< null: none
};

/// Who is in a channel: client IDs, and ClientInfo as JSON.
struct presence_result {
    std::vector<std::pair<std::string, std::string>> clients;
};
struct presence_stats_result {
    std::uint64_t clients = 0;
    std::uint64_t users = 0;
};

using reply = std::variant<done, published, broadcast_result, history_result, presence_result, presence_stats_result,
                           channels_result, info_result, connections_result, error>;

/// `{"result":{...}}` or `{"error":{...}}`.
void append_reply(std::string& out, const reply& what);
/// One reply of a batch: `{"publish":{...}}` or `{"error":{...}}`.
void append_batch_reply(std::string& out, std::string_view method, const reply& what);
/// `{"code":107,"message":"bad request"}`
void append_error(std::string& out, error what);

} // namespace carillon::api
