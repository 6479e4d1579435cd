#include "auth/claims.hpp"
#include "base/name_hash.hpp"
#include "conversation/host.hpp"
#include "people/user_counts.hpp"

#include <algorithm>
#include <utility>

// Who is connected: users and their limit, their own channels, and the list of all for who asks.
namespace carillon::conversation {

namespace {

// Connections of a list that are looked at in one go, so that its bytes are bounded between two looks at them.
constexpr std::uint32_t listed_per_step = 16;
constexpr std::size_t listed_bytes_max = 256 * 1024;

std::size_t bytes_of(const api::connection_info& what) noexcept {
    std::size_t bytes = what.client.size() + what.user.size();
    for (const std::string& each : what.channels) bytes += each.size();
    return bytes;
}

} // namespace

// False: the user has as many connections as it may.
bool host::admit_user(client& c) {
    if (options_.users == nullptr) return true;
    identity::room in;
    const std::string_view user = c.who.user(in);
    return user.empty() || options_.users->enter(user);
}

void host::tell(const client& c, hooks::event what, std::uint16_t code, std::string_view reason) {
    const auto whom = who_is_asked(what);
    if (!whom) return;
    identity::room in;
    const uuid_text id{ids_.id_of(key_of(c))};
    options_.application->tell(
        *whom, {.about = what, .client = id.view(), .user = c.who.user(in), .code = code, .reason = reason});
}

// From now on it is listed, until on_left.
void host::on_joined(client& c) { tell(c, hooks::event::connected); }

// Somebody who had connected has gone, or is told to.
void host::on_left(client& c, std::uint16_t code, std::string_view reason) {
    tell(c, hooks::event::disconnected, code, reason);
    if (options_.users == nullptr) return;
    identity::room in;
    const std::string_view user = c.who.user(in);
    if (!user.empty()) options_.users->leave(user);
}

void host::occupy(std::string_view channel, bool by_somebody) {
    if (gives_away_) return;
    const channels::name_space* const space = rules_.find(channel).space;
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
    std::string name = options_.personal_channel_namespace;
    if (!name.empty()) name += ':';
    name += '#';
    name += user;
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
        grant what{.channel = each.channel, .command = id, .by_server = true, .own = own_of(each.over)};
        if (each.info && !take_json(c, *each.info, what.info)) return false;
        if (each.data && !take_data(c, *each.data, what.data)) return false;
        if (!subscribe_to(std::move(what))) return false;
    }
    std::string own = personal_channel_of(claims.user);
    const person* const more = c.who.more();
    if (own.empty() || (more != nullptr && more->find(own) != nullptr)) return true;
    return subscribe_to({.channel = std::move(own), .command = id, .by_server = true});
}

std::uint32_t host::list_users(std::uint32_t first, std::vector<std::size_t>& into) {
    const std::uint32_t next = carrier_->for_some(first, scanned_per_turn, [&](client& c) {
        identity::room in;
        if (!c.closing && c.where() >= stage::live) into.push_back(name_hash(c.who.user(in)));
    });
    std::ranges::sort(into);
    into.erase(std::unique(into.begin(), into.end()), into.end());
    return next;
}

std::uint32_t host::list_connections(std::uint32_t first, std::string_view user, std::size_t most,
                                     std::vector<api::connection_info>& into) {
    const identity::wanted wanted{user};
    std::size_t bytes = 0;
    const std::uint32_t last = first + scanned_per_turn;
    while (first != net::no_index && first < last && into.size() < most && bytes < listed_bytes_max) {
        const auto step = static_cast<std::uint32_t>(std::min<std::size_t>(listed_per_step, most - into.size()));
        first = carrier_->for_some(first, step, [&](client& c) {
            if (c.closing || c.where() < stage::live || !(user.empty() || c.who.is(wanted))) return;
            identity::room in;
            api::connection_info& made = into.emplace_back();
            made.client = uuid_text{ids_.id_of(key_of(c))}.view();
            made.user = c.who.user(in);
            made.transport = carriers::transport_of(c.speaks());
            if (const auto whose = carrier_->address_of(c); whose.known()) made.address = peer::to_text(whose);
            hub_->each_channel_of(c.channels, [&](std::string_view name) { made.channels.emplace_back(name); });
            bytes += bytes_of(made);
        });
    }
    return first;
}

} // namespace carillon::conversation
