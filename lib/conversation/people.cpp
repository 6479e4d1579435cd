#include "auth/claims.hpp"
#include "channels/name.hpp"
#include "conversation/host.hpp"
#include "people/user_counts.hpp"

#include <algorithm>
#include <utility>

// Who is connected: users and their limit, their own channels, and who is told.
namespace carillon::conversation {

using protocol::disconnect;

// False: the user has as many connections as it may.
bool host::admit_user(client& c) {
    if (options_.users == nullptr) return true;
    identity::room in;
    const std::string_view user = c.who.user(in);
    return user.empty() || options_.users->enter(user);
}

// From now on it is listed, until on_left.
void host::on_joined(client& c) { consulted_.tell(c, hooks::event::connected); }

// Somebody who had connected has gone, or is told to.
void host::on_left(client& c, std::uint16_t code, std::string_view reason) {
    consulted_.tell(c, hooks::event::disconnected, code, reason);
    if (options_.users == nullptr) return;
    identity::room in;
    const std::string_view user = c.who.user(in);
    if (!user.empty()) options_.users->leave(user);
}

void host::occupy(std::string_view channel, bool by_somebody) {
    if (gives_away_) return;
    const channels::name_space* const space = channels_.rules().find(channel).space;
    if (space != nullptr && space->occupancy_events) options_.application->occupy(space->name, channel, by_somebody);
}

void host::on_occupied(std::string_view channel) { occupy(channel, true); }
void host::on_vacated(std::string_view channel) { occupy(channel, false); }

std::optional<std::uint64_t> host::last_told() const {
    return options_.application == nullptr ? std::nullopt : options_.application->last_told();
}

// The user's own channel; empty: there is none.
std::string host::personal_channel_of(std::string_view user) const {
    if (!options_.personal_channel || user.empty()) return {};
    std::string name = channels::personal_channel(options_.personal_channel_namespace, user);
    return name.size() > options_.channel_bytes_max ? std::string{} : name;
}

// `known`: what the client says it has of these channels. False: it has been disconnected.
bool host::subscribe_to_granted(client& c, std::uint32_t id, const auth::connection_claims& claims,
                                std::span<const protocol::subscribe_request> known) {
    const auto subscribe_to = [&](grant what) {
        grant& mine = c.who.need_more().grants.emplace_back(std::move(what));
        const auto its =
            std::ranges::find(known, std::string_view{mine.channel}, &protocol::subscribe_request::channel);
        return subscribe_to_granted(c, id, mine, its == known.end() ? nullptr : &*its);
    };
    for (const auth::granted_subscription& each : claims.subscriptions) {
        grant what{.channel = each.channel, .command = id, .by_server = true};
        what.own = static_cast<std::uint8_t>(people::own_of(each.over) | people::by_token);
        if (each.info && !take_json(c, *each.info, what.info)) return false;
        if (each.data && !take_data(c, *each.data, what.data)) return false;
        if (!subscribe_to(std::move(what))) return false;
    }
    const auto has = [&](std::string_view channel) {
        return c.who.more() != nullptr && c.who.more()->find(channel) != nullptr;
    };
    std::string own = personal_channel_of(claims.user);
    if (!own.empty() && !has(own) && !subscribe_to({.channel = std::move(own), .command = id, .by_server = true}))
        return false;
    if (!carriers::only_listens(c.speaks())) return true;
    // Who only listens has no other way to ask: of what it names it gets what it might subscribe to itself (§7.4).
    for (const protocol::subscribe_request& each : known) {
        identity::room in;
        if (channels_.rules().find(each.channel).said != channels::verdict::allowed)
            return disconnect(c, disconnect::bad_request), false;
        const auto may = channels_.rules().may_subscribe(c.who.user(in), each.channel, false);
        if (has(each.channel) || may != channels::verdict::allowed) continue;
        if (c.who.more() != nullptr && c.who.more()->grants.size() >= options_.subscriptions_max)
            return disconnect(c, disconnect::channel_limit), false;
        if (!subscribe_to({.channel = std::string{each.channel}, .command = id, .by_server = true})) return false;
    }
    return true;
}

} // namespace carillon::conversation
