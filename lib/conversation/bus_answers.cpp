#include "conversation/host.hpp"
#include "protocol/reply.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <memory>
#include <utility>

// What a client is told when the bus has answered.
namespace carillon::conversation {

void host::on_published(bus::ticket whose, bus::publish_result receivers) {
    if (receivers) ++counters().publications(metrics::publication_source::client); // though its client may have gone
    auto* c = find(whose);
    if (c == nullptr) return;
    carrier_->answer(*c, [&] {
        if (receivers) {
            encoder().empty_reply(replies_.next(), whose.id, protocol::encoder::empty_result::publish);
        } else {
            fail(whose.id, error_of(receivers.error()));
        }
    });
}

void host::answer_subscribe(client& c, std::uint32_t id, protocol::subscribe_result what) {
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
    encoder().subscribe_reply(replies_.next(), id, what);
}

void host::on_subscribed(bus::ticket whose) {
    if (is_of_connect(whose)) return on_server_subscribed(whose);
    if (whose.by_server) {
        auto* c = find(whose);
        person* const more = c == nullptr ? nullptr : c->who.more();
        if (more == nullptr) return;
        if (grant* const asked = more->find_order(whose.id)) {
            const std::string channel = asked->channel;
            push_subscription(*c, *asked, nullptr);
            channels_.greet(*c, channel);
        }
        return;
    }
    const std::string channel = channels_.take_greeting(whose);
    answer_later(whose, [&](client& c) {
        answer_subscribe(c, whose.id, {.was_recovering = whose.recovers});
        // Who has left meanwhile is answered all the same.
        if (!channel.empty() && channels_.has(c, channel)) channels_.greet(c, channel);
    });
}

void host::on_subscribe_failed(bus::ticket whose, std::string_view channel, bus::error why) {
    if (is_of_connect(whose)) {
        auto& c = *find(whose);
        // It comes back, and finds what it has to have or waits longer; a channel that is denied stays denied.
        return disconnect(c, why == bus::error::denied ? protocol::disconnect::permission_denied
                                                       : protocol::disconnect::internal_server_error);
    }
    if (whose.by_server) { // nobody waits for an answer
        auto* c = find(whose);
        if (c == nullptr) return;
        forget_grant(*c, channel);
        channels_.leave(*c, channel);
        return;
    }
    channels_.take_greeting(whose);
    answer_later(whose, [&](client& c) {
        forget_grant(c, channel);
        channels_.leave(c, channel);
        fail(whose.id, error_of(bus::make_error_code(why)));
    });
}

// Who is not permitted the channel is not to try again; for any other reason, it may.
void host::on_unsubscribed(std::string_view channel, bus::error why) {
    const bool denied = why == bus::error::denied;
    auto told = std::make_shared<farewell>();
    told->channel = channel;
    told->code = denied ? protocol::unsubscription::by_server : protocol::unsubscription::insufficient_state;
    told->reason = protocol::message_of(error_of(bus::make_error_code(why)));
    // All of them leave at once: who heard the next publication and not the one before would not know what it lacks.
    for (const hub::subscriber each : hub_->subscribers_of(channel)) {
        auto& c = static_cast<client&>(shard_.records.at(each.index()));
        told->whose.push_back(key_of(c));
        channels_.leave(c, told->channel);
        forget_grant(c, told->channel);
    }
    take_away(told, 0);
}

// Some at a time, as all that concerns everybody.
void host::take_away(const std::shared_ptr<const farewell>& what, std::size_t from) {
    const std::size_t end = std::min(what->whose.size(), from + told_per_turn);
    for (std::size_t i = from; i < end; ++i) {
        auto* c = roster_.find(what->whose[i]);
        if (c == nullptr) continue;
        push(*c, [&](const protocol::encoder& with, std::string& message) {
            with.unsubscribe_push(message, what->channel, what->code, what->reason);
        });
    }
    if (end < what->whose.size()) boost::asio::post(shard_.context, [this, what, end] { take_away(what, end); });
}

} // namespace carillon::conversation
