#pragma once

#include "protocol/codes.hpp"
#include "protocol/reply.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace carillon::protocol {

/// How replies and pushes (protocol §2, §3) are written for one kind of client. Each function appends one message: in
/// JSON a line without its line break, in protobuf a Reply with its length in front (§1.2). Stateless; may be used by
/// all threads at once.
class encoder {
public:
    enum class empty_result : std::uint8_t { unsubscribe, publish };

    virtual void connect_reply(std::string& out, std::uint32_t id, const connect_result& what) const = 0;
    virtual void empty_reply(std::string& out, std::uint32_t id, empty_result of) const = 0;
    virtual void subscribe_reply(std::string& out, std::uint32_t id, const subscribe_result& what) const = 0;
    virtual void refresh_reply(std::string& out, std::uint32_t id, std::string_view client, std::string_view version,
                               time_left left) const = 0;
    virtual void sub_refresh_reply(std::string& out, std::uint32_t id, time_left left) const = 0;
    virtual void rpc_reply(std::string& out, std::uint32_t id, std::string_view data) const = 0;
    virtual void error_reply(std::string& out, std::uint32_t id, std::uint32_t code, std::string_view message,
                             bool temporary) const = 0;
    void error_reply(std::string& out, std::uint32_t id, command_error code) const {
        error_reply(out, id, static_cast<std::uint32_t>(code), message_of(code), is_temporary(code));
    }
    /// `publications` as listed_publication() makes them.
    virtual void history_reply(std::string& out, std::uint32_t id, const stream_position& top,
                               std::string_view publications) const = 0;
    /// `clients` as presence_entry() makes them.
    virtual void presence_reply(std::string& out, std::uint32_t id, std::string_view clients) const = 0;
    virtual void presence_stats_reply(std::string& out, std::uint32_t id, std::size_t clients,
                                      std::size_t users) const = 0;

    virtual void publication_push(std::string& out, std::string_view channel, const publication& what) const = 0;
    /// `info`: ClientInfo as append_client_info() makes it.
    virtual void join_push(std::string& out, std::string_view channel, std::string_view info) const = 0;
    virtual void leave_push(std::string& out, std::string_view channel, std::string_view info) const = 0;
    virtual void unsubscribe_push(std::string& out, std::string_view channel, unsubscription code,
                                  std::string_view reason) const = 0;
    virtual void subscribe_push(std::string& out, std::string_view channel, const subscribe_result& what) const = 0;
    virtual void refresh_push(std::string& out, time_left left) const = 0;
    /// The last word where there is no Close frame (§7).
    virtual void disconnect_push(std::string& out, std::uint32_t code, std::string_view reason) const = 0;
    virtual void ping(std::string& out) const = 0;

    /// Appends a publication to a list of them, which stream_place and history_reply() take.
    virtual void listed_publication(std::string& list, const publication& what) const = 0;
    /// Appends somebody to a list of who is in a channel.
    virtual void presence_entry(std::string& list, std::string_view client, std::string_view info) const = 0;

protected:
    ~encoder() = default;
};

/// JSON (§1.3): a Reply in each line.
const encoder& json_encoder() noexcept;
/// JSON for clients that only listen (§7.4): a Push in each line, and no reply but the connection's.
const encoder& push_encoder() noexcept;

} // namespace carillon::protocol
