#include "session/server.hpp"

#include "base/bytes.hpp"
#include "protocol/reply.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

namespace carillon::session {

namespace {

// Room in front of the replies for the header of the frame that will hold them.
constexpr std::size_t header_room = 10;
// Replies beyond this go out before the others are made.
constexpr std::size_t replies_bytes_max = 32 * 1024;
// Connections closed before other events get their turn.
constexpr std::uint32_t closed_per_turn = 512;

link::server::options link_options(const options& how) {
    return {.who = net::owner::websocket,
            .kind = metrics::connection_kind::websocket,
            .outbox_bytes_max = how.outbox_bytes_max,
            .close_timeout = how.close_timeout,
            .connections_max = how.connections_max};
}

protocol::command_error error_of(const error_code& why) noexcept {
    return why == bus::error::denied ? protocol::command_error::permission_denied : protocol::command_error::internal;
}

metrics::protocol_failure failure_of(std::uint16_t close_code) noexcept {
    switch (static_cast<ws::close_code>(close_code)) {
    case ws::close_code::invalid_payload: return metrics::protocol_failure::not_utf8;
    case ws::close_code::message_too_big: return metrics::protocol_failure::message_too_big;
    default: return metrics::protocol_failure::malformed_frame;
    }
}

} // namespace

server::server(const link::floor& shard, hub::hub& subscribers, bus::broker& bus, const session::options& how,
               handover plain_http)
    : link::server{shard, link_options(how)}, options_{how}, hub_{&subscribers}, bus_{&bus},
      plain_http_{std::move(plain_http)}, decoder_{how.message_bytes_max} {
    hub_->attach(hub::format::websocket_json, *this);
    ws::append_frame(ping_frame_, ws::opcode::text, protocol::ping_line);
    replies_.assign(header_room, '\0');
}

// --- the life of a connection

link::record* server::make_record() { return records().emplace<client>(net::owner::websocket); }

void server::on_open(link::record& r) {
    auto& c = static_cast<client&>(r);
    c.move_to(stage::upgrading);
    schedule(c, options_.handshake_timeout);
}

void server::on_bytes(link::record& r, std::span<std::byte> bytes) {
    auto& c = static_cast<client&>(r);
    // What was published before its commands comes before their replies.
    if (c.channels.count > 0) hub_->flush();
    active_ = &c;
    unhandled_ = {};
    if (c.where() == stage::upgrading) bytes = upgrade(c, bytes);
    if (c.where() != stage::upgrading && !c.gone && !c.closing && !bytes.empty()) read_frames(c, bytes);
    // These go out when the turn ends, and what has been published, too.
    send_later(c, framed_replies());
    replies_.resize(header_room);
    active_ = nullptr;
    shard().poll.want_turn_end();
}

void server::on_slow(link::record& r) {
    auto& c = static_cast<client&>(r);
    const auto code = protocol::disconnect::slow;
    close(c, static_cast<std::uint16_t>(code), protocol::reason_of(code), true);
}

void server::on_gone(link::record& r, link::ending) {
    auto& c = static_cast<client&>(r);
    cancel_deadline(c);
    hub_->unsubscribe_all(c.channels, [this](std::string_view channel) { bus_->unsubscribe(channel); });
    // Whoever closed it has counted it, with the code it chose; the others went without a word.
    if (!c.closing) ++counters().connections_closed(ws::to_number(ws::close_code::abnormal));
}

void server::on_deadline(net::connection& connection) {
    auto& c = static_cast<client&>(connection);
    if (c.gone) return;
    if (c.closing) {
        drop(c, link::ending::by_us);
        return;
    }
    switch (c.where()) {
    case stage::upgrading:
        // Who has sent nothing has asked for nothing: a browser's spare connection, a load balancer's check.
        if (c.busy == nullptr) {
            drop(c, link::ending::by_us);
        } else {
            refuse_upgrade(c, 408, "The request head did not arrive in time.");
        }
        break;
    case stage::connecting: disconnect(c, protocol::disconnect::stale); break;
    case stage::live:
        c.move_to(stage::awaiting_pong);
        schedule(c, options_.pong_timeout);
        ++counters().pings_sent;
        send(c, ping_frame_);
        break;
    case stage::awaiting_pong:
        ++counters().pong_timeouts;
        disconnect(c, protocol::disconnect::no_pong);
        break;
    }
}

// The first ping at a random point in the second half of the interval (§4.1), so that a storm of connects does not
// become a storm of pings for ever.
void server::schedule_ping(client& c, bool first) {
    auto after = options_.ping_interval;
    if (first) {
        std::uniform_int_distribution<std::int64_t> part{after.count() / 2, after.count()};
        after = std::chrono::milliseconds{part(jitter_)};
    }
    schedule(c, after);
}

// --- from frames to commands

void server::read_frames(client& c, std::span<std::byte> bytes) {
    half_message* kept = c.busy != nullptr ? static_cast<half_message*>(c.busy->kept.get()) : nullptr;
    ws::assembler fresh{ws::role::server, {.message_bytes_max = options_.message_bytes_max}};
    ws::assembler& assembler = kept != nullptr ? kept->assembler : fresh;
    for (bool more = true; more && !c.gone && !c.closing && !c.waits;) {
        const ws::event event = assembler.next(bytes);
        switch (event.what) {
        case ws::event::kind::none: more = false; break;
        case ws::event::kind::message:
            ++counters().messages_received;
            on_message(c, event.payload); // JSON in a binary message is JSON, too
            break;
        case ws::event::kind::ping: {
            flush_replies();
            std::array<std::byte, ws::header_bytes_max + ws::control_payload_bytes_max> pong;
            const std::size_t head = ws::encode_header(pong, ws::opcode::pong, event.payload.size());
            std::copy(event.payload.begin(), event.payload.end(), pong.begin() + static_cast<std::ptrdiff_t>(head));
            send(c, as_text(std::span{pong}.first(head + event.payload.size())));
            break;
        }
        case ws::event::kind::pong: break; // unsolicited pongs are allowed (RFC 6455 §5.5.3)
        case ws::event::kind::close: answer_close(c, event.close_code); break;
        case ws::event::kind::failed:
            ++counters().protocol_failures(failure_of(event.close_code));
            close(c, event.close_code, {});
            break;
        }
    }
    if (c.gone || c.closing) return;
    if (kept == nullptr && assembler.idle() && !c.waits) return; // as nearly always: nothing is kept
    if (kept == nullptr) {
        std::string lines{unhandled_}; // before the assembler moves, whose memory it may be in
        auto begun = std::make_unique<half_message>(std::move(assembler));
        kept = begun.get();
        kept->lines = std::move(lines);
        keep(c, std::move(begun), 0);
    } else {
        kept->lines.assign(unhandled_);
    }
    kept->commands = std::exchange(handled_, 0);
    kept->bytes.assign(as_text(bytes));
    if (c.waits) pause(c);
    if (!c.waits && kept->assembler.idle()) {
        forget_kept(c);
        settle(c);
    } else {
        keep_bytes(c, kept->size());
    }
}

void server::on_message(client& c, std::span<std::byte> payload) {
    std::string_view message = as_text(payload);
    if (message.empty()) return break_off(c, metrics::protocol_failure::malformed_command);
    handle_lines(c, message, 0);
}

void server::handle_lines(client& c, std::string_view message, std::size_t commands) {
    while (const auto line = protocol::next_line(message)) {
        if (++commands > options_.commands_per_message_max) {
            return break_off(c, metrics::protocol_failure::too_many_commands);
        }
        const result<protocol::command> command = decoder_.decode(*line);
        if (!command) return break_off(c, metrics::protocol_failure::malformed_command);
        handle(c, *command);
        if (c.gone || c.closing) return;
        if (c.waits) {
            unhandled_ = message;
            handled_ = commands;
            return;
        }
    }
}

// The bus has answered: the commands that waited behind the publish, then the bytes behind them. Replies stay in the
// order of the commands (§4.5).
void server::go_on(client& c) {
    c.waits = false;
    unhandled_ = {};
    auto& kept = static_cast<half_message&>(*c.busy->kept);
    std::string lines = std::exchange(kept.lines, {});
    std::string bytes = std::exchange(kept.bytes, {});
    lines.reserve(lines.size() + work::work_pool::readable_padding);
    bytes.reserve(bytes.size() + work::work_pool::readable_padding);
    handle_lines(c, lines, std::exchange(kept.commands, 0));
    if (c.gone || c.closing) return;
    if (!c.waits) return read_frames(c, std::as_writable_bytes(std::span{bytes}));
    kept.lines.assign(unhandled_);
    kept.commands = std::exchange(handled_, 0);
    kept.bytes = std::move(bytes);
    keep_bytes(c, kept.size());
}

// --- closing

void server::break_off(client& c, metrics::protocol_failure what) {
    ++counters().protocol_failures(what);
    disconnect(c, protocol::disconnect::bad_request);
}

void server::disconnect(client& c, protocol::disconnect code) {
    close(c, static_cast<std::uint16_t>(code), protocol::reason_of(code));
}

void server::close(client& c, std::uint16_t code, std::string_view reason, bool forget_queued) {
    if (c.gone || c.closing) return;
    if (&c == active_) flush_replies();
    ++counters().connections_closed(code);
    hub_->unsubscribe_all(c.channels, [this](std::string_view channel) { bus_->unsubscribe(channel); });
    std::array<std::byte, ws::close_frame_bytes_max> frame;
    const std::size_t size = ws::encode_close(frame, code, reason);
    link::server::close(c, as_text(std::span{frame}.first(size)), forget_queued);
}

// The peer has said its last word: say ours and end the TCP connection, as a server should first (RFC 6455 §7.1.1).
void server::answer_close(client& c, std::uint16_t code) {
    close(c, code, {});
    if (c.busy == nullptr || c.busy->outbox.empty()) drop(c, link::ending::by_peer);
}

void server::close_all(protocol::disconnect code) { close_some(0, code); }

void server::close_some(std::uint32_t first, protocol::disconnect code) {
    const std::uint32_t next = for_some(first, closed_per_turn, [&](link::record& r) {
        auto& c = static_cast<client&>(r);
        if (c.where() == stage::upgrading) {
            drop(c, link::ending::by_us);
        } else {
            disconnect(c, code);
        }
    });
    if (next != net::no_index) boost::asio::post(shard().context, [this, next, code] { close_some(next, code); });
}

// --- replies and deliveries

std::string& server::next_reply() {
    if (replies_.size() > replies_bytes_max) flush_replies();
    if (replies_.size() > header_room) replies_ += '\n';
    return replies_;
}

void server::flush_replies() {
    const std::string_view frame = framed_replies();
    if (frame.empty()) return;
    CHECK(active_ != nullptr);
    send(*active_, frame);
    replies_.resize(header_room);
}

// The replies in one frame, with its header in the room before them; empty when there are none.
std::string_view server::framed_replies() {
    if (replies_.size() == header_room) return {};
    std::array<std::byte, ws::header_bytes_max> header;
    const std::size_t size = ws::encode_header(header, ws::opcode::text, replies_.size() - header_room);
    std::memcpy(replies_.data() + header_room - size, header.data(), size);
    return std::string_view{replies_}.substr(header_room - size);
}

void server::encode(hub::format, std::string_view channel, const hub::publication& message, std::string& out) {
    encoded_.clear();
    if (message.is_json) {
        protocol::append_publication(encoded_, channel, message.payload, message.info);
    } else {
        protocol::append_text_publication(encoded_, channel, message.payload, message.info);
    }
    ws::append_frame(out, ws::opcode::text, encoded_);
}

void server::deliver(hub::subscriber to, hub::frames& what) {
    auto& c = static_cast<client&>(records().at(to.index()));
    // Its earlier replies go first: a client must know that it has subscribed before it hears of the channel (§4.7).
    if (&c == active_) flush_replies();
    send(c, what.bytes(), [&] { return what.share(); });
}

void server::prefetch(hub::subscriber to) noexcept { __builtin_prefetch(&records().at(to.index())); }

// Adds the reply of a command that had to wait, whatever is being done just now; who has gone needs none.
template <class Reply>
void server::answer_later(bus::ticket whose, Reply&& reply) {
    auto* c = static_cast<client*>(find(net::connection_key::unpacked(whose.connection)));
    if (c == nullptr || c->closing) return;
    if (c == active_) return reply(*c);
    if (active_ != nullptr) flush_replies();
    client* const before = std::exchange(active_, c);
    reply(*c);
    flush_replies();
    active_ = before;
}

void server::on_published(bus::ticket whose, bus::publish_result receivers) {
    if (receivers) ++counters().publications(metrics::publication_source::client); // though its client may have gone
    auto* c = static_cast<client*>(find(net::connection_key::unpacked(whose.connection)));
    if (c == nullptr || c->closing) return;
    CHECK(c->waits && active_ == nullptr);
    const hold kept{*this, *c}; // what waited behind the publish may end the connection
    active_ = c;
    if (receivers) {
        protocol::append_empty_reply(next_reply(), whose.id, "publish");
    } else {
        fail(whose.id, error_of(receivers.error()));
    }
    go_on(*c);
    flush_replies();
    active_ = nullptr;
    if (!c->gone && !c->closing && !c->waits) resume(*c);
}

void server::on_subscribed(bus::ticket whose) {
    answer_later(whose, [&](client&) { protocol::append_subscribe_reply(next_reply(), whose.id, whose.recovers); });
}

void server::on_subscribe_failed(bus::ticket whose, std::string_view channel, bus::error why) {
    answer_later(whose, [&](client& c) {
        const auto outcome = hub_->unsubscribe(subscriber_of(c), c.channels, channel);
        if (outcome == hub::unsubscribe_outcome::left_last) bus_->unsubscribe(channel);
        fail(whose.id, error_of(bus::make_error_code(why)));
    });
}

// Who is not permitted the channel is not to try again; for any other reason, it may.
void server::on_unsubscribed(std::string_view channel, bus::error why) {
    const bool denied = why == bus::error::denied;
    std::string push;
    protocol::append_unsubscribe_push(
        push, channel, denied ? protocol::unsubscription::by_server : protocol::unsubscription::insufficient_state,
        protocol::message_of(error_of(bus::make_error_code(why))));
    std::string frame;
    ws::append_frame(frame, ws::opcode::text, push);
    for (const hub::subscriber each : hub_->subscribers_of(channel)) {
        auto& c = static_cast<client&>(records().at(each.index()));
        const auto outcome = hub_->unsubscribe(each, c.channels, channel);
        if (outcome == hub::unsubscribe_outcome::left_last) bus_->unsubscribe(channel);
        send(c, frame);
    }
}

} // namespace carillon::session
