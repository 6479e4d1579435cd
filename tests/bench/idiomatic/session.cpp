#include "session.hpp"

#include "protocol/reply.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <boost/beast/websocket/rfc6455.hpp>
#include <boost/uuid/uuid_io.hpp>
#include <simdjson.h>

#include <algorithm>
#include <utility>
#include <variant>

namespace idiomatic {
namespace {

namespace http = beast::http;
namespace websocket = beast::websocket;

constexpr std::string_view websocket_path = "/connection/websocket";
constexpr std::string_view subprotocol = "centrifuge-json";
constexpr std::chrono::seconds handshake_timeout{10};

const shared_message ping_message = std::make_shared<const std::string>(protocol::ping_line);

} // namespace

session::session(net::ip::tcp::socket socket, hub& all, worker& mine)
    : websocket_{std::move(socket)}, all_{all}, mine_{mine}, wake_{mine.context} {}

void session::start() { net::co_spawn(mine_.context, read(shared_from_this()), net::detached); }

void session::send(shared_message message) {
    if (closing_ || gone_) return;
    if (queued_bytes_ + message->size() > queue_bytes_max) {
        // The writer waits for the same peer, so there is no way to tell it why.
        close_with(protocol::disconnect::slow);
        beast::get_lowest_layer(websocket_).close();
        return;
    }
    queued_bytes_ += message->size();
    queue_.push_back(std::move(message));
    if (queue_.size() == 1) wake_.cancel();
}

net::awaitable<void> session::read(std::shared_ptr<session> self) {
    const bool upgraded = co_await upgrade();
    if (!upgraded) co_return;
    net::co_spawn(mine_.context, write(self), net::detached);

    bool talking = true;
    while (talking) {
        beast::error_code failed;
        co_await websocket_.async_read(input_, net::redirect_error(net::use_awaitable, failed));
        if (failed) break;
        input_.prepare(simdjson::SIMDJSON_PADDING); // the decoder may look at what follows the message
        const auto bytes = input_.cdata();
        const std::string_view lines{static_cast<const char*>(bytes.data()), bytes.size()};
        talking = co_await handle_message(lines);
        send_replies();
        input_.consume(input_.size());
    }
    leave_everything();
    // After close_with() the writer still has to send, and reads the peer's Close frame itself.
    if (!closing_) gone_ = true;
    wake_.cancel();
}

net::awaitable<bool> session::upgrade() {
    beast::error_code failed;
    http::request<http::empty_body> request;
    auto& stream = beast::get_lowest_layer(websocket_);
    stream.expires_after(handshake_timeout);
    co_await http::async_read(stream, input_, request, net::redirect_error(net::use_awaitable, failed));
    if (failed) co_return false;
    const auto target = std::string_view{request.target().data(), request.target().size()};
    if (!websocket::is_upgrade(request) || target.substr(0, target.find('?')) != websocket_path) {
        http::response<http::string_body> refusal{http::status::not_found, request.version(), "no such page\n"};
        refusal.keep_alive(false);
        refusal.prepare_payload();
        co_await http::async_write(stream, refusal, net::redirect_error(net::use_awaitable, failed));
        co_return false;
    }

    stream.expires_never(); // the WebSocket has timeouts of its own
    websocket_.set_option(websocket::stream_base::timeout::suggested(beast::role_type::server));
    const bool offered = request[http::field::sec_websocket_protocol].find(subprotocol) != std::string_view::npos;
    websocket_.set_option(websocket::stream_base::decorator{[offered](websocket::response_type& response) {
        response.set(http::field::server, "carillon-idiomatic");
        if (offered) response.set(http::field::sec_websocket_protocol, subprotocol);
    }});
    websocket_.text(true);
    websocket_.read_message_max(message_bytes_max);
    co_await websocket_.async_accept(request, net::redirect_error(net::use_awaitable, failed));
    co_return !failed;
}

// Waits for messages, for the next ping, and for its pong, one timer for all of them.
net::awaitable<void> session::write([[maybe_unused]] std::shared_ptr<session> self) {
    std::vector<shared_message> batch;
    beast::error_code failed;
    wake_.expires_after(ping_interval);
    while (!failed && !gone_) {
        if (queue_.empty()) {
            if (closing_) break;
            beast::error_code woken;
            co_await wake_.async_wait(net::redirect_error(net::use_awaitable, woken));
            if (!woken) on_deadline();
            continue;
        }
        batch.swap(queue_);
        for (const shared_message& message : batch) {
            co_await websocket_.async_write(net::buffer(*message), net::redirect_error(net::use_awaitable, failed));
            if (failed) break;
            queued_bytes_ -= message->size();
        }
        batch.clear();
    }
    if (!failed && closing_) {
        const auto code = static_cast<websocket::close_code>(*closing_);
        const std::string_view reason = protocol::reason_of(*closing_);
        const websocket::close_reason why{code, beast::string_view{reason.data(), reason.size()}};
        co_await websocket_.async_close(why, net::redirect_error(net::use_awaitable, failed));
    }
    beast::get_lowest_layer(websocket_).close(); // ends the reader too
}

net::awaitable<bool> session::handle_message(std::string_view lines) {
    if (lines.empty()) close_with(protocol::disconnect::bad_request);
    while (auto line = carillon::protocol::next_line(lines)) {
        const auto command = mine_.decoder.decode(*line);
        const bool connects = command && std::holds_alternative<protocol::connect_request>(command->what);
        if (!command || connects != client_id_.empty()) {
            close_with(protocol::disconnect::bad_request);
            break;
        }
        if (const auto* asked = std::get_if<protocol::publish_request>(&command->what)) {
            if (channel_is_refused(command->id, asked->channel)) continue;
            std::string info;
            protocol::append_client_info(info, {{}, client_id_});
            std::string text;
            protocol::append_publication(text, asked->channel, {.data = asked->data, .info = info});
            const std::uint32_t id = command->id;
            std::string channel{asked->channel};
            auto message = std::make_shared<const std::string>(std::move(text));
            co_await publish(id, std::move(channel), std::move(message));
        } else {
            handle(*command);
        }
        if (closing_) break;
    }
    co_return !closing_;
}

net::awaitable<void> session::publish(std::uint32_t id, std::string channel, shared_message message) {
    co_await all_.publish(mine_, std::move(channel), std::move(message));
    reply_empty(id, "publish");
}

void session::handle(const protocol::command& command) {
    using protocol::command_error;
    struct visitor {
        session& me;
        std::uint32_t id;

        void operator()(const protocol::pong&) const { me.take_pong(); }
        void operator()(const protocol::connect_request&) const { me.connect(id); }
        void operator()(const protocol::subscribe_request& asked) const { me.subscribe(id, asked.channel); }
        void operator()(const protocol::unsubscribe_request& asked) const { me.unsubscribe(id, asked.channel); }
        void operator()(const protocol::publish_request&) const {}
        void operator()(const protocol::ping_request&) const { me.close_with(protocol::disconnect::bad_request); }
        void operator()(const protocol::send_request&) const { me.close_with(protocol::disconnect::not_available); }
        void operator()(const protocol::rpc_request&) const { me.reply_error(id, command_error::method_not_found); }
        void operator()(const protocol::presence_request&) const { not_available(); }
        void operator()(const protocol::presence_stats_request&) const { not_available(); }
        void operator()(const protocol::history_request&) const { not_available(); }
        void operator()(const protocol::refresh_request&) const { not_available(); }
        void operator()(const protocol::sub_refresh_request&) const { not_available(); }
        void not_available() const { me.reply_error(id, command_error::not_available); }
    };
    std::visit(visitor{*this, command.id}, command.what);
}

void session::connect(std::uint32_t id) {
    client_id_ = to_string(mine_.client_ids());
    if (!replies_.empty()) replies_ += '\n';
    protocol::append_connect_reply(replies_, id,
                                   {.client = client_id_, .version = "idiomatic", .ping = ping_interval, .pong = true});
}

void session::subscribe(std::uint32_t id, std::string_view channel) {
    if (channel_is_refused(id, channel)) return;
    if (std::find(channels_.begin(), channels_.end(), channel) != channels_.end())
        return reply_error(id, protocol::command_error::already_subscribed);
    if (channels_.size() >= subscriptions_max) return reply_error(id, protocol::command_error::limit_exceeded);
    mine_.join(*this, channels_.emplace_back(channel));
    reply_empty(id, "subscribe");
}

void session::unsubscribe(std::uint32_t id, std::string_view channel) {
    if (channel_is_refused(id, channel)) return;
    if (const auto found = std::find(channels_.begin(), channels_.end(), channel); found != channels_.end()) {
        mine_.leave(*this, *found);
        channels_.erase(found);
    }
    reply_empty(id, "unsubscribe");
}

void session::take_pong() {
    if (!awaiting_pong_) return close_with(protocol::disconnect::bad_request);
    awaiting_pong_ = false;
}

bool session::channel_is_refused(std::uint32_t id, std::string_view channel) {
    if (channel.empty()) {
        close_with(protocol::disconnect::bad_request);
        return true;
    }
    if (channel.size() <= channel_bytes_max) return false;
    reply_error(id, protocol::command_error::bad_request);
    return true;
}

void session::reply_empty(std::uint32_t id, std::string_view method) {
    if (!replies_.empty()) replies_ += '\n';
    protocol::append_empty_reply(replies_, id, method);
}

void session::reply_error(std::uint32_t id, protocol::command_error why) {
    if (!replies_.empty()) replies_ += '\n';
    protocol::append_error_reply(replies_, id, why);
}

void session::close_with(protocol::disconnect why) {
    if (closing_) return;
    send_replies();
    closing_ = why;
    wake_.cancel();
}

// Every ping_interval a ping, and pong_timeout after each a look whether the pong has come.
void session::on_deadline() {
    if (client_id_.empty()) return close_with(protocol::disconnect::stale);
    if (ping_sent_) {
        if (awaiting_pong_) return close_with(protocol::disconnect::no_pong);
        ping_sent_ = false;
        wake_.expires_at(wake_.expiry() + ping_interval - pong_timeout);
        return;
    }
    ping_sent_ = awaiting_pong_ = true;
    wake_.expires_at(wake_.expiry() + pong_timeout);
    send(ping_message);
}

void session::send_replies() {
    if (!replies_.empty()) send(std::make_shared<const std::string>(std::exchange(replies_, {})));
}

void session::leave_everything() {
    for (const std::string& channel : channels_) mine_.leave(*this, channel);
    channels_.clear();
}

} // namespace idiomatic
