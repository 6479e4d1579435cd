#include "base/bytes.hpp"
#include "session/half.hpp"
#include "session/server.hpp"

#include <boost/asio/post.hpp>

#include <array>
#include <memory>
#include <utility>

// Every way in which a conversation ends.
namespace carillon::session {

namespace {

// Those below are WebSocket's own (RFC 6455 §7.4.2).
constexpr std::uint16_t application_codes_min = 3000;

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

} // namespace

void server::on_bytes_after_close(link::record& r, std::span<std::byte> bytes) {
    auto& c = static_cast<client&>(r);
    if (c.where() == stage::upgrading || !carriers::is_framed(c.speaks())) return; // it is no WebSocket
    if (c.busy != nullptr && c.busy->kept != nullptr) {
        return await_close(c, static_cast<half_message&>(*c.busy->kept).assembler, bytes);
    }
    ws::assembler fresh{ws::role::server, compression().limits_of(c.speaks(), options_.message_bytes_max)};
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

void server::close(client& c, std::uint16_t code, std::string_view reason) { close(c, code, reason, false); }

void server::close(client& c, std::uint16_t code, std::string_view reason, bool forget_queued) {
    if (c.gone || c.closing) return;
    if (&c == replies().served()) replies().flush();
    ++counters().connections_closed(code);
    if (is_fault_of_peer(code)) tell_refusal({c.descriptor, code, reason, {}, kept_address(c)});
    talks_.on_leaving(c, code, reason);
    if (!carriers::is_framed(c.speaks())) {
        std::string message, last_word;
        carriers::encoder_of(c.speaks()).disconnect_push(message, code, reason);
        carriers::append_wrapped(last_word, c.speaks(), message);
        return link::server::close(c, last_word, forget_queued);
    }
    std::array<std::byte, ws::close_frame_bytes_max> frame;
    const std::string_view close_frame = as_text(std::span{frame}.first(ws::encode_close(frame, code, reason)));
    if (!carriers::only_listens(c.speaks()) || code < application_codes_min)
        return link::server::close(c, close_frame, forget_queued);
    std::string message, last_word; // it may look at messages only (§7.4)
    carriers::encoder_of(c.speaks()).disconnect_push(message, code, reason);
    carriers::append_wrapped(last_word, c.speaks(), message);
    last_word += close_frame;
    link::server::close(c, last_word, forget_queued);
}

// The peer has said its last word: say ours and end the TCP connection, as a server should first (RFC 6455 §7.1.1).
void server::answer_close(client& c, std::uint16_t code) {
    close(c, code, {});
    if (c.busy == nullptr || c.busy->outbox.empty()) drop(c, link::ending::by_peer);
}

void server::close_all(protocol::disconnect code) { close_some(0, code); }

void server::close_some(std::uint32_t first, protocol::disconnect code) {
    const std::uint32_t next = for_some(first, closed_per_turn, [&](client& c) {
        if (c.where() == stage::upgrading) {
            drop(c, link::ending::by_us);
        } else {
            disconnect(c, code);
        }
    });
    if (next != net::no_index) boost::asio::post(shard().context, [this, next, code] { close_some(next, code); });
}

} // namespace carillon::session
