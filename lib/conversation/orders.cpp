#include "conversation/host.hpp"
#include "protocol/payload.hpp"
#include "protocol/reply.hpp"

#include <algorithm>
#include <utility>

// What the server API asks of a user's connections on this shard (protocol §8).
namespace carillon::conversation {

namespace {

bool is_json_or_nothing(const std::string& text) { return text.empty() || protocol::is_json(text); }

} // namespace

std::uint32_t host::carry_out(const api::disconnect_request& what) {
    return roster_.visit_each(what.who, [this, what](client& c) {
        const uuid_text id{ids_.id_of(key_of(c))};
        if (std::ranges::find(what.whitelist, id.view()) != what.whitelist.end()) return false;
        carrier_->close(c, static_cast<std::uint16_t>(what.code), what.reason);
        return true;
    });
}

std::uint32_t host::carry_out(const api::unsubscribe_request& what) {
    return roster_.visit_each(what.who, [this, channel = what.channel](client& c) {
        return end_subscription(c, channel, "server unsubscribe");
    });
}

std::uint32_t host::carry_out(const api::subscribe_request& what) {
    if (!is_json_or_nothing(what.info) || !is_json_or_nothing(what.data)) return 0;
    return roster_.visit_each(what.who, [this, what](client& c) { return subscribe_by_order(c, what); });
}

// As the server: permissions are for what clients ask. False: it had subscribed already, or the shard has no room.
bool host::subscribe_by_order(client& c, const api::subscribe_request& what) {
    if (channels_.has(c, what.channel) || !has_room_for(what.channel)) return false;
    if (c.channels.count >= options_.subscriptions_max) return disconnect(c, protocol::disconnect::channel_limit), true;
    const std::uint32_t number = ++orders_ == 0 ? ++orders_ : orders_;
    auto& grants = c.who.need_more().grants;
    grants.push_back({.channel = what.channel,
                      .command = number,
                      .by_server = true,
                      .expires = expiry_at(what.expire_at),
                      .info = what.info,
                      .data = what.data});
    const bus::ticket whose{.connection = key_of(c).packed(), .id = number, .by_server = true};
    if (channels_.can_recover(what.channel)) {
        bus::home_question asked{.joins = true};
        const auto said = bus_->ask_home(what.channel, asked, *this, whose);
        if (said) on_stream_of_order(c, whose, what.channel, *said);
        return !said || channels_.has(c, what.channel);
    }
    const auto outcome = channels_.join(c, what.channel, false, 0);
    if (outcome == hub::subscribe_outcome::clashes) return forget_grant(c, what.channel), false;
    switch (bus_->subscribe(what.channel, outcome == hub::subscribe_outcome::joined_first, *this, whose)) {
    case bus::interest::confirmed:
        push_subscription(c, grants.back(), nullptr);
        channels_.greet(c, what.channel);
        break;
    case bus::interest::pending: break;
    case bus::interest::refused:
        forget_grant(c, what.channel);
        channels_.take_back(c, what.channel);
        return false;
    }
    return true;
}

void host::push_subscription(client& c, grant& what, const bus::home_answer* stands) {
    what.command = 0;
    const std::string data = std::exchange(what.data, {});
    protocol::subscribe_result told{.data = data};
    if (stands != nullptr) told.stream = place_of(*stands, false, carriers::encoder_of(c.speaks()));
    push(c, [&](const protocol::encoder& with, std::string& message) {
        with.subscribe_push(message, what.channel, told);
    });
    look_in_time(c);
}

std::uint32_t host::carry_out(const api::refresh_request& what) {
    if (!is_json_or_nothing(what.info)) return 0;
    return roster_.visit_each(what.who, [this, what](client& c) {
        const expiry end = expiry_at(what.expire_at);
        if (what.expired || (end != 0 && left_until(end) == std::chrono::seconds::zero())) {
            disconnect(c, protocol::disconnect::connection_expired);
            return true;
        }
        c.who.expires = end;
        if (!what.info.empty()) c.who.need_more().info = what.info;
        look_in_time(c);
        push(c,
             [&](const protocol::encoder& with, std::string& message) { with.refresh_push(message, left_until(end)); });
        return true;
    });
}

} // namespace carillon::conversation
