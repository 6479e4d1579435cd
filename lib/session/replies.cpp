#include "base/bytes.hpp"
#include "protocol/reply.hpp"
#include "session/server.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <memory>
#include <utility>

// What a client is told: replies, publications, and what the bus answers.
namespace carillon::session {

namespace {

protocol::command_error error_of(const error_code& why) noexcept {
    return why == bus::error::denied ? protocol::command_error::permission_denied : protocol::command_error::internal;
}

} // namespace

std::string& server::next_reply() {
    if (replies_.size() > replies_bytes_max) flush_replies();
    return replies_.next_line();
}

void server::flush_replies() {
    if (replies_.empty()) return;
    CHECK(active_ != nullptr);
    send(*active_, replies_.bytes());
    replies_.clear();
}

// They go out when the turn ends, and what has been published, too.
void server::put_replies_aside(client& c) {
    if (!replies_.empty()) send_later(c, replies_.bytes());
    replies_.clear();
    active_ = nullptr;
    shard().turns.join();
}

void server::encode(hub::format, std::string_view channel, const hub::publication& message, std::string& out) {
    encoded_.clear();
    using kind = hub::publication::kind;
    if (message.what == kind::join) protocol::append_join_push(encoded_, channel, message.payload);
    if (message.what == kind::leave) protocol::append_leave_push(encoded_, channel, message.payload);
    if (message.what == kind::message)
        protocol::append_publication(
            encoded_, channel,
            {message.payload, message.is_json, message.info, message.tags, message.offset, message.epoch});
    ws::append_frame(out, ws::opcode::text, encoded_);
}

void server::deliver(hub::subscriber to, hub::frames& what) {
    auto& c = static_cast<client&>(records().at(to.index()));
    // Its earlier replies go first: a client must know that it has subscribed before it hears of the channel (§4.7).
    if (&c == active_) flush_replies();
    // And that it has connected, before it hears of channels that the server has subscribed it to.
    person* const more = c.waits() ? c.who.more() : nullptr;
    if (more != nullptr && more->connect != 0) return hold_back(*more, what.bytes());
    send(c, what.bytes(), [&] { return what.share(); });
}

// Too much makes a slow consumer of it, when it is answered.
void server::hold_back(person& whose, std::string_view frames) {
    whose.has_overflowed = whose.has_overflowed || whose.held.size() + frames.size() > options_.outbox_bytes_max;
    if (whose.has_overflowed) {
        whose.held.clear();
    } else {
        whose.held += frames;
    }
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
    answer_waiting(*c, [&] {
        if (receivers) {
            protocol::append_empty_reply(next_reply(), whose.id, "publish");
        } else {
            fail(whose.id, error_of(receivers.error()));
        }
    });
}

void server::answer_subscribe(client& c, std::uint32_t id, protocol::subscribe_result what) {
    std::string data; // told once, and not kept
    if (person* more = c.who.more()) {
        const auto shown = std::ranges::find_if(
            more->grants, [&](const grant& each) { return !each.by_server && each.command == id; });
        if (shown != more->grants.end()) {
            shown->command = 0;
            what.left = told_left(shown->expires, hooks::event::sub_refresh, shown->channel);
            data = std::exchange(shown->data, {});
            what.data = data;
        }
    }
    protocol::append_subscribe_reply(next_reply(), id, what);
}

void server::on_subscribed(bus::ticket whose) {
    if (is_of_connect(whose)) return on_server_subscribed(whose);
    if (whose.by_server) {
        auto* c = static_cast<client*>(find(net::connection_key::unpacked(whose.connection)));
        person* const more = c == nullptr || c->closing ? nullptr : c->who.more();
        if (more == nullptr) return;
        if (grant* const asked = more->find_order(whose.id)) {
            const std::string channel = asked->channel;
            push_subscription(*c, *asked, nullptr);
            greet(*c, channel);
        }
        return;
    }
    const std::string channel = take_greeting(whose);
    answer_later(whose, [&](client& c) {
        answer_subscribe(c, whose.id, {.was_recovering = whose.recovers});
        // Who has left meanwhile is answered all the same.
        if (!channel.empty() && hub_->subscribed(subscriber_of(c), c.channels, channel)) greet(c, channel);
    });
}

void server::on_subscribe_failed(bus::ticket whose, std::string_view channel, bus::error why) {
    if (is_of_connect(whose)) {
        auto& c = static_cast<client&>(*find(net::connection_key::unpacked(whose.connection)));
        // It comes back, and finds what it has to have or waits longer; a channel that is denied stays denied.
        return disconnect(c, why == bus::error::denied ? protocol::disconnect::permission_denied
                                                       : protocol::disconnect::internal_server_error);
    }
    if (whose.by_server) { // nobody waits for an answer
        auto* c = static_cast<client*>(find(net::connection_key::unpacked(whose.connection)));
        if (c == nullptr || c->closing) return;
        forget_grant(*c, channel);
        leave_channel(*c, channel);
        return;
    }
    take_greeting(whose);
    answer_later(whose, [&](client& c) {
        forget_grant(c, channel);
        leave_channel(c, channel);
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
    auto told = std::make_shared<farewell>(farewell{std::string{channel}, std::move(frame), {}});
    // All of them leave at once: who heard the next publication and not the one before would not know what it lacks.
    for (const hub::subscriber each : hub_->subscribers_of(channel)) {
        auto& c = static_cast<client&>(records().at(each.index()));
        told->whose.push_back(records().key_of(c));
        leave_channel(c, told->channel);
        forget_grant(c, told->channel);
    }
    take_away(told, 0);
}

// Some at a time, as all that concerns everybody.
void server::take_away(const std::shared_ptr<const farewell>& what, std::size_t from) {
    const std::size_t end = std::min(what->whose.size(), from + closed_per_turn);
    for (std::size_t i = from; i < end; ++i) {
        auto* c = static_cast<client*>(find(what->whose[i]));
        if (c == nullptr || c->closing) continue;
        send(*c, what->frame);
    }
    if (end < what->whose.size()) boost::asio::post(shard().context, [this, what, end] { take_away(what, end); });
}

} // namespace carillon::session
