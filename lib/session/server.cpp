#include "session/server.hpp"

#include "base/bytes.hpp"
#include "session/half.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <utility>
#include <variant>

namespace carillon::session {

namespace {

link::server::options link_options(const options& how) {
    return {.who = net::owner::websocket,
            .kind = metrics::connection_kind::websocket,
            .outbox_bytes_max = how.outbox_bytes_max,
            .close_timeout = how.close_timeout,
            .connections_max = how.connections_max,
            .farewells_max = how.farewells_max,
            .entrance = how.entrance,
            .handshakes_max = how.handshakes_max,
            .proxy_header = how.door.proxy_header,
            .proxies = how.door.proxies,
            .admission = how.door.admission};
}

metrics::protocol_failure failure_of(const ws::event& failed) noexcept {
    if (failed.why == ws::error::not_deflated) return metrics::protocol_failure::not_deflated;
    switch (static_cast<ws::close_code>(failed.close_code)) {
    case ws::close_code::invalid_payload: return metrics::protocol_failure::not_utf8;
    case ws::close_code::message_too_big: return metrics::protocol_failure::message_too_big;
    default: return metrics::protocol_failure::malformed_frame;
    }
}

} // namespace

server::~server() = default;

server::server(const link::floor& shard, hub::hub& subscribers, bus::broker& bus, const session::options& how,
               handover plain_http)
    : link::server{shard, link_options(how)}, options_{how}, hub_{&subscribers},
      plain_http_{std::move(plain_http)}, talks_{shard, subscribers, bus, how, *this},
      json_decoder_{how.message_bytes_max}, giving_{talks_.household()}, taking_{talks_.household(), talks_} {
    for (std::size_t i = 0; i < pings_.size(); ++i) {
        const auto each = static_cast<hub::format>(i);
        if (each == hub::format::resp2 || each == hub::format::resp3) continue;
        hub_->attach(each, *this);
        hub_->attach(hub::with_joins(each), *this);
        std::string ping;
        carriers::encoder_of(each).ping(ping);
        carriers::append_wrapped(pings_[i], each, ping);
    }
}

void server::reconfigure(const session::options& now) {
    talks_.reconfigure(now);
    options_.allowed_origins = now.allowed_origins;
    options_.commands_per_message_max = now.commands_per_message_max;
    options_.handshake_timeout = now.handshake_timeout;
    options_.connect_timeout = now.connect_timeout;
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
    replies().serve(c);
    unhandled_ = {};
    if (c.where() == stage::upgrading) bytes = upgrade(c, bytes);
    // What else is sent where there are no frames is of no meaning.
    if (c.where() != stage::upgrading && !c.gone && !c.closing && (!bytes.empty() || c.waits()) &&
        carriers::is_framed(c.speaks()))
        read_frames(c, bytes);
    end_burst();
}

void server::on_slow(link::record& r) {
    auto& c = static_cast<client&>(r);
    const auto code = protocol::disconnect::slow;
    close(c, static_cast<std::uint16_t>(code), protocol::reason_of(code), true);
}

void server::on_gone(link::record& r, link::ending) {
    auto& c = static_cast<client&>(r);
    cancel_deadline(c);
    if (!c.closing) talks_.on_leaving(c, ws::to_number(ws::close_code::abnormal), {}); // else it has left
    talks_.forget(c);
    // Whoever closed it has counted it, with the code it chose; the others went without a word.
    if (c.closing) return;
    const bool was_web_socket = c.where() != stage::upgrading;
    ++counters().connections_closed(was_web_socket ? ws::to_number(ws::close_code::abnormal) : 0);
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
            refuse_upgrade(c, http::status::request_timeout, "The request head did not arrive in time.");
        }
        break;
    case stage::connecting:
    case stage::refused: disconnect(c, protocol::disconnect::stale); break;
    case stage::live:
        if (talks_.on_deadline(c)) break;
        c.move_to(stage::awaiting_pong);
        schedule(c, options_.pong_timeout);
        ++counters().pings_sent;
        send(c, pings_[static_cast<std::size_t>(c.speaks())]);
        if (carriers::only_listens(c.speaks()) &&
            !c.gone) { // it cannot answer; the kernel finds out that nobody takes it
            c.move_to(stage::live);
            talks_.schedule_ping(c, false);
        }
        break;
    case stage::awaiting_pong:
        if (c.paused) { // so we have not looked whether it is there
            schedule(c, options_.pong_timeout);
            break;
        }
        ++counters().pong_timeouts;
        disconnect(c, protocol::disconnect::no_pong);
        break;
    }
}

// --- from frames to commands

void server::read_frames(client& c, std::span<std::byte> bytes) {
    half_message* kept = c.busy != nullptr ? static_cast<half_message*>(c.busy->kept.get()) : nullptr;
    ws::assembler fresh{ws::role::server, compression().limits_of(c.speaks(), options_.message_bytes_max)};
    ws::assembler& assembler = kept != nullptr ? kept->assembler : fresh;
    for (bool more = true; more && !c.gone && !c.closing && !c.waits();) {
        const ws::event event = assembler.next(bytes);
        switch (event.what) {
        case ws::event::kind::none: more = false; break;
        case ws::event::kind::message:
            ++counters().messages_received;
            if (event.deflated_bytes > 0) compression().on_inflated(event.deflated_bytes, event.payload.size());
            on_message(c, event.payload); // JSON in a binary message is JSON, too
            break;
        case ws::event::kind::ping: replies().append_control(ws::opcode::pong, event.payload); break;
        case ws::event::kind::pong: break; // unsolicited pongs are allowed (RFC 6455 §5.5.3)
        case ws::event::kind::close: answer_close(c, event.close_code); break;
        case ws::event::kind::failed:
            ++counters().protocol_failures(failure_of(event));
            close(c, event.close_code, {});
            break;
        }
    }
    if (c.gone) return;
    if (c.closing) return await_close(c, assembler, bytes);
    if (kept == nullptr && assembler.idle() && !c.waits()) return; // as nearly always: nothing is kept
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
    if (c.waits()) pause(c);
    if (!c.waits() && kept->assembler.idle()) {
        forget_kept(c);
        settle(c);
    } else {
        keep_bytes(c, kept->size());
    }
}

void server::on_message(client& c, std::span<std::byte> payload) {
    std::string_view message = as_text(payload);
    if (carriers::only_listens(c.speaks())) return begin_listening(c, message);
    if (message.empty()) return break_off(c, metrics::protocol_failure::malformed_command);
    handle_lines(c, message, 0);
}

void server::handle_lines(client& c, std::string_view message, std::size_t commands) {
    std::string_view unhandled = message;
    for (; const auto line = next_command(c, message); unhandled = message) {
        if (++commands > options_.commands_per_message_max) {
            return break_off(c, metrics::protocol_failure::too_many_commands);
        }
        if (shard().turns.over()) return wait_for_turn(c, unhandled, commands - 1, false);
        const result<protocol::command> command = decode(c, *line);
        if (!command) return break_off(c, metrics::protocol_failure::malformed_command);
        if (std::holds_alternative<protocol::publish_request>(command->what) && talks_.is_congested()) {
            return wait_for_turn(c, unhandled, commands - 1, true);
        }
        const auto came_to = talks_.handle(c, *command);
        if (c.gone || c.closing) return;
        if (came_to != conversation::host::progress::done) {
            const bool again = came_to == conversation::host::progress::waits_again;
            unhandled_ = again ? unhandled : message;
            handled_ = again ? commands - 1 : commands;
            return;
        }
    }
    if (!message.empty()) break_off(c, metrics::protocol_failure::malformed_command); // what is left is torn
}

std::optional<std::string_view> server::next_command(const client& c, std::string_view& message) const {
    return carriers::speaks_protobuf(c.speaks()) ? protobuf::next_delimited(message) : protocol::next_line(message);
}

result<protocol::command> server::decode(const client& c, std::string_view one) {
    return carriers::speaks_protobuf(c.speaks()) ? protobuf_decoder_.decode(one) : json_decoder_.decode(one);
}

// The rest of a message that begins with a command that there is no time or no room for now.
void server::wait_for_turn(client& c, std::string_view unhandled, std::size_t handled, bool for_room) {
    c.wait(true);
    unhandled_ = unhandled;
    handled_ = handled;
    link::server::wait_for_turn(c, for_room);
}

void server::on_turn(link::record& r) {
    auto& c = static_cast<client&>(r);
    if (!c.waits()) return resume(c);
    const hold kept{*this, c}; // what waited may end the connection
    replies().serve(c);
    go_on(c);
    end_burst();
    if (!c.gone && !c.closing && !c.waits()) resume(c);
}

// The commands that waited, for the bus to answer a publish or for a turn, then the bytes behind them. Replies stay in
// the order of the commands (§4.5).
void server::go_on(client& c) {
    c.wait(false);
    unhandled_ = {};
    auto& kept = static_cast<half_message&>(*c.busy->kept);
    std::string lines = std::exchange(kept.lines, {});
    std::string bytes = std::exchange(kept.bytes, {});
    lines.reserve(lines.size() + work::work_pool::readable_padding);
    bytes.reserve(bytes.size() + work::work_pool::readable_padding);
    handle_lines(c, lines, std::exchange(kept.commands, 0));
    if (c.gone) return;
    if (c.closing) return await_close(c, kept.assembler, std::as_writable_bytes(std::span{bytes}));
    if (!c.waits()) return read_frames(c, std::as_writable_bytes(std::span{bytes}));
    kept.lines.assign(unhandled_);
    kept.commands = std::exchange(handled_, 0);
    kept.bytes = std::move(bytes);
    keep_bytes(c, kept.size());
}

} // namespace carillon::session
