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

// Whose replies are made from now on.
void server::serve(client& c) {
    active_ = &c;
    replies_.carry(c.speaks());
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

void server::encode(hub::format encoding, std::string_view channel, const hub::publication& message, std::string& out) {
    encoded_.clear();
    const protocol::encoder& with = encoder_of(encoding);
    using kind = hub::publication::kind;
    if (message.what == kind::join) with.join_push(encoded_, channel, message.payload);
    if (message.what == kind::leave) with.leave_push(encoded_, channel, message.payload);
    if (message.what == kind::message)
        with.publication_push(
            encoded_, channel,
            {message.payload, message.is_json, message.info, message.tags, message.offset, message.epoch});
    if (!message.is_json && !speaks_protobuf(encoding) && !protocol::is_utf8(message.payload))
        return end_unfit(channel); // bytes that have no place in JSON (§1.3)
    append_wrapped(out, encoding, encoded_);
}

// Those who cannot be told what has been published: afterwards, since what is published may not change who hears it.
void server::end_unfit(std::string_view channel) {
    if (std::ranges::find(unfit_, channel) != unfit_.end()) return;
    unfit_.emplace_back(channel);
    auto ended = std::make_shared<farewell>();
    ended->channel = channel;
    ended->unfit = true;
    for (const hub::subscriber each : hub_->subscribers_of(channel)) {
        if (!speaks_protobuf(each.encoding())) ended->whose.push_back(records().key_of(records().at(each.index())));
    }
    boost::asio::post(shard().context, [this, ended] {
        std::erase(unfit_, ended->channel);
        take_away(ended, 0);
    });
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
    client* const before = active_;
    serve(*c);
    reply(*c);
    flush_replies();
    active_ = nullptr;
    if (before != nullptr) serve(*before);
}

void server::on_published(bus::ticket whose, bus::publish_result receivers) {
    if (receivers) ++counters().publications(metrics::publication_source::client); // though its client may have gone
    auto* c = static_cast<client*>(find(net::connection_key::unpacked(whose.connection)));
    if (c == nullptr || c->closing) return;
    answer_waiting(*c, [&] {
        if (receivers) {
            encoder().empty_reply(next_reply(), whose.id, protocol::encoder::empty_result::publish);
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
    encoder().subscribe_reply(next_reply(), id, what);
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
    auto told = std::make_shared<farewell>();
    told->channel = channel;
    told->code = denied ? protocol::unsubscription::by_server : protocol::unsubscription::insufficient_state;
    told->reason = protocol::message_of(error_of(bus::make_error_code(why)));
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
        if (what->unfit) {
            disconnect(*c, protocol::disconnect::inappropriate_protocol);
            continue;
        }
        push(*c, [&](const protocol::encoder& with, std::string& message) {
            with.unsubscribe_push(message, what->channel, what->code, what->reason);
        });
    }
    if (end < what->whose.size()) boost::asio::post(shard().context, [this, what, end] { take_away(what, end); });
}

} // namespace carillon::session
