#include "session/server.hpp"

#include "auth/verifier.hpp"
#include "base/bytes.hpp"
#include "protocol/reply.hpp"

#include <boost/asio/post.hpp>

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
            .handshakes_max = how.handshakes_max};
}

// The codes that say "you did something that is not allowed".
bool is_fault_of_peer(std::uint16_t code) noexcept {
    switch (static_cast<ws::close_code>(code)) {
    case ws::close_code::protocol_error:
    case ws::close_code::unsupported_data:
    case ws::close_code::invalid_payload:
    case ws::close_code::message_too_big: return true;
    default: // terminal in the client protocol, and not what the application has asked for
        return code >= 3500 && code < 4000 &&
               code != static_cast<std::uint16_t>(protocol::disconnect::force_disconnect);
    }
}

metrics::protocol_failure failure_of(std::uint16_t close_code) noexcept {
    switch (static_cast<ws::close_code>(close_code)) {
    case ws::close_code::invalid_payload: return metrics::protocol_failure::not_utf8;
    case ws::close_code::message_too_big: return metrics::protocol_failure::message_too_big;
    default: return metrics::protocol_failure::malformed_frame;
    }
}

} // namespace

server::~server() = default;

server::server(const link::floor& shard, hub::hub& subscribers, bus::broker& bus, const session::options& how,
               handover plain_http)
    : link::server{shard, link_options(how)}, options_{how}, hub_{&subscribers}, bus_{&bus},
      plain_http_{std::move(plain_http)}, json_decoder_{how.message_bytes_max},
      rules_{channels::rules::of(how.name_spaces, how.dev, how.channel_bytes_max)}, verifier_{
                                                                                        make_verifier(how.tokens)} {
    take_rules();
    if (how.application != nullptr && rules_.any([](const auto& each) { return each.occupancy_events; }))
        hub_->watch(*this);
    for (std::size_t i = 0; i < pings_.size(); ++i) {
        const auto each = static_cast<hub::format>(i);
        if (each == hub::format::resp2 || each == hub::format::resp3) continue;
        hub_->attach(each, *this);
        hub_->attach(hub::with_joins(each), *this);
        std::string ping;
        encoder_of(each).ping(ping);
        append_wrapped(pings_[i], each, ping);
    }
}

void server::count_tokens(metrics::shard_counters& into) const {
    if (verifier_ == nullptr) return;
    for (const auth::memory_counters* each : {&verifier_->connection_memory(), &verifier_->subscription_memory()}) {
        into.token_memory_hits += each->hits;
        into.token_memory_misses += each->misses;
        into.token_memory_evictions += each->evictions;
        into.token_memory_entries += static_cast<std::int64_t>(each->entries);
        into.token_memory_bytes += static_cast<std::int64_t>(each->bytes);
    }
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
    serve(c);
    unhandled_ = {};
    if (c.where() == stage::upgrading) bytes = upgrade(c, bytes);
    // What else is sent where there are no frames is of no meaning.
    if (c.where() != stage::upgrading && !c.gone && !c.closing && (!bytes.empty() || c.waits()) &&
        is_framed(c.speaks()))
        read_frames(c, bytes);
    put_replies_aside(c);
}

void server::on_slow(link::record& r) {
    auto& c = static_cast<client&>(r);
    const auto code = protocol::disconnect::slow;
    close(c, static_cast<std::uint16_t>(code), protocol::reason_of(code), true);
}

void server::on_gone(link::record& r, link::ending) {
    auto& c = static_cast<client&>(r);
    cancel_deadline(c);
    if (!c.closing && c.where() >= stage::live) on_left(c, ws::to_number(ws::close_code::abnormal), {});
    leave_all(c);
    c.who.clear();
    forget_answer(c);
    forget_fields(c);
    forget_token(c);
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
    case stage::connecting: disconnect(c, protocol::disconnect::stale); break;
    case stage::live:
        if (end_expired(c) || refresh_by_application(c)) break;
        c.move_to(stage::awaiting_pong);
        schedule(c, options_.pong_timeout);
        ++counters().pings_sent;
        send(c, pings_[static_cast<std::size_t>(c.speaks())]);
        if (only_listens(c.speaks()) && !c.gone) { // it cannot answer; the kernel finds out that nobody takes it
            c.move_to(stage::live);
            schedule_ping(c, false);
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

// The first ping at a random point in the second half of the interval (§4.1), so that a storm of connects does not
// become a storm of pings for ever.
void server::schedule_ping(client& c, bool first) {
    auto after = options_.ping_interval;
    if (first) {
        std::uniform_int_distribution<std::int64_t> part{after.count() / 2, after.count()};
        after = std::chrono::milliseconds{part(jitter_)};
    }
    schedule(c, until_next(c, after));
}

// --- from frames to commands

void server::read_frames(client& c, std::span<std::byte> bytes) {
    half_message* kept = c.busy != nullptr ? static_cast<half_message*>(c.busy->kept.get()) : nullptr;
    ws::assembler fresh{ws::role::server, {.message_bytes_max = options_.message_bytes_max}};
    ws::assembler& assembler = kept != nullptr ? kept->assembler : fresh;
    for (bool more = true; more && !c.gone && !c.closing && !c.waits();) {
        const ws::event event = assembler.next(bytes);
        switch (event.what) {
        case ws::event::kind::none: more = false; break;
        case ws::event::kind::message:
            ++counters().messages_received;
            on_message(c, event.payload); // JSON in a binary message is JSON, too
            break;
        case ws::event::kind::ping:
            if (replies_.size() > replies_bytes_max) flush_replies();
            replies_.append_control(ws::opcode::pong, event.payload);
            break;
        case ws::event::kind::pong: break; // unsolicited pongs are allowed (RFC 6455 §5.5.3)
        case ws::event::kind::close: answer_close(c, event.close_code); break;
        case ws::event::kind::failed:
            ++counters().protocol_failures(failure_of(event.close_code));
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
    if (only_listens(c.speaks())) return begin_listening(c, message);
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
        if (std::holds_alternative<protocol::publish_request>(command->what) && bus_->congested()) {
            return wait_for_turn(c, unhandled, commands - 1, true);
        }
        handle(c, *command);
        if (c.gone || c.closing) return;
        if (c.waits()) {
            const bool again = std::exchange(again_, false);
            unhandled_ = again ? unhandled : message;
            handled_ = again ? commands - 1 : commands;
            return;
        }
    }
    if (!message.empty()) break_off(c, metrics::protocol_failure::malformed_command); // what is left is torn
}

std::optional<std::string_view> server::next_command(const client& c, std::string_view& message) const {
    return speaks_protobuf(c.speaks()) ? protocol::next_delimited(message) : protocol::next_line(message);
}

result<protocol::command> server::decode(const client& c, std::string_view one) {
    return speaks_protobuf(c.speaks()) ? protobuf_decoder_.decode(one) : json_decoder_.decode(one);
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
    serve(c);
    go_on(c);
    put_replies_aside(c);
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

// --- closing

void server::on_bytes_after_close(link::record& r, std::span<std::byte> bytes) {
    auto& c = static_cast<client&>(r);
    if (c.where() == stage::upgrading || !is_framed(c.speaks())) return; // it is no WebSocket
    if (c.busy != nullptr && c.busy->kept != nullptr) {
        return await_close(c, static_cast<half_message&>(*c.busy->kept).assembler, bytes);
    }
    ws::assembler fresh{ws::role::server, {.message_bytes_max = options_.message_bytes_max}};
    await_close(c, fresh, bytes);
}

// We have said our last word, and whatever comes is dropped but the peer's: then the connection has ended, and there is
// nothing to wait for (RFC 6455 §7.1.1).
void server::await_close(client& c, ws::assembler& assembler, std::span<std::byte> bytes) {
    for (;;) {
        const ws::event event = assembler.next(bytes);
        if (event.what == ws::event::kind::close) {
            if (c.busy == nullptr || c.busy->outbox.empty()) drop(c, link::ending::by_peer);
            return;
        }
        if (event.what == ws::event::kind::none || event.what == ws::event::kind::failed) break;
    }
    if (c.busy != nullptr && c.busy->kept != nullptr) {
        keep_bytes(c, static_cast<half_message&>(*c.busy->kept).size());
    } else if (!assembler.idle()) {
        auto begun = std::make_unique<half_message>(std::move(assembler));
        const std::size_t size = begun->size();
        keep(c, std::move(begun), size);
    }
}

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
    if (c.where() >= stage::live) on_left(c, code, reason);
    ++counters().connections_closed(code);
    if (is_fault_of_peer(code)) tell_refusal({c.descriptor, code, reason, {}});
    leave_all(c);
    if (!is_framed(c.speaks())) {
        std::string message, last_word;
        encoder_of(c.speaks()).disconnect_push(message, code, reason);
        append_wrapped(last_word, c.speaks(), message);
        return link::server::close(c, last_word, forget_queued);
    }
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

} // namespace carillon::session
