#pragma once

#include "hub.hpp"
#include "protocol/codes.hpp"
#include "protocol/command.hpp"

#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/websocket/stream.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace idiomatic {

namespace beast = boost::beast;
namespace protocol = carillon::protocol;

inline constexpr std::chrono::seconds ping_interval{25};
inline constexpr std::chrono::seconds pong_timeout{8};
inline constexpr std::size_t queue_bytes_max = 1024 * 1024;
inline constexpr std::size_t subscriptions_max = 128;
inline constexpr std::size_t channel_bytes_max = 255;

/// One client: a reader and a writer, each a coroutine that lives as long as the connection. Thread: its worker's.
class session : public std::enable_shared_from_this<session> {
public:
    session(net::ip::tcp::socket socket, hub& all, worker& mine);

    /// Starts both coroutines; they keep the session alive.
    void start();

    /// Queues a message for the writer. Somebody who does not read loses the connection.
    void send(shared_message message);

private:
    net::awaitable<void> read(std::shared_ptr<session> self);
    net::awaitable<void> write(std::shared_ptr<session> self);
    /// Whether the request was one for a WebSocket and is answered.
    net::awaitable<bool> upgrade();
    /// All commands of one message. False when the conversation is over.
    net::awaitable<bool> handle_message(std::string_view lines);
    net::awaitable<void> publish(std::uint32_t id, std::string channel, shared_message message);

    /// Everything but publish.
    void handle(const protocol::command& command);
    void connect(std::uint32_t id);
    void subscribe(std::uint32_t id, std::string_view channel);
    void unsubscribe(std::uint32_t id, std::string_view channel);
    void take_pong();
    bool channel_is_refused(std::uint32_t id, std::string_view channel);
    void reply_empty(std::uint32_t id, std::string_view method);
    void reply_error(std::uint32_t id, protocol::command_error why);
    /// The writer closes, once it has sent what is queued.
    void close_with(protocol::disconnect why);
    void on_deadline();
    void send_replies();
    void leave_everything();

    beast::websocket::stream<beast::tcp_stream> websocket_;
    hub& all_;
    worker& mine_;
    beast::flat_buffer input_;
    std::vector<std::string> channels_;
    std::string client_id_; // empty until connected
    std::string replies_;   // to the message at hand

    net::steady_timer wake_; // cancelled when there is something to write; expires when something is due
    std::vector<shared_message> queue_;
    std::size_t queued_bytes_ = 0;
    std::optional<protocol::disconnect> closing_;
    bool ping_sent_ = false; // within pong_timeout
    bool awaiting_pong_ = false;
    bool gone_ = false;
};

} // namespace idiomatic
