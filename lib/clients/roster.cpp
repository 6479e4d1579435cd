#include "clients/roster.hpp"

#include "base/name_hash.hpp"
#include "carriers/wrapping.hpp"
#include "hub/hub.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>

namespace carillon::clients {

namespace {

// Connections of a list that are looked at in one go, so that its bytes are bounded between two looks at them.
constexpr std::uint32_t listed_per_step = 16;
constexpr std::size_t listed_bytes_max = 256 * 1024;

std::size_t bytes_of(const api::connection_info& what) noexcept {
    std::size_t bytes = what.client.size() + what.user.size();
    for (const std::string& each : what.channels) bytes += each.size();
    return bytes;
}

bool is_there(const client& c) noexcept { return !c.closing && c.where() >= stage::live; }

} // namespace

client* roster::find(net::connection_key whose) const noexcept {
    client* const c = out_->find(whose);
    return c == nullptr || c->closing ? nullptr : c;
}

std::uint32_t roster::visit_each(const api::whom& whose, visit what) {
    if (!whose.client.empty() || !whose.session.empty()) {
        const auto place = whose.session.empty() ? ids_->place_of(whose.client) : ids_->place_of_session(whose.session);
        client* const c = place ? out_->find(*place) : nullptr;
        return c != nullptr && is_there(*c) && c->who.is(identity::wanted{whose.user}) && what(*c) ? 1 : 0;
    }
    std::uint32_t next = net::no_index;
    const std::uint32_t concerned = visit_some(0, whose.user, what, next);
    if (next != net::no_index) visit_rest(next, std::make_shared<const errand>(whose.user, std::move(what)));
    return concerned;
}

std::uint32_t roster::visit_some(std::uint32_t first, const std::string& user, const visit& what, std::uint32_t& next) {
    const identity::wanted wanted{user};
    std::uint32_t concerned = 0;
    next = out_->for_some(first, scanned_per_turn, [&](client& c) {
        if (is_there(c) && c.who.is(wanted) && what(c)) ++concerned;
    });
    return concerned;
}

void roster::visit_rest(std::uint32_t first, std::shared_ptr<const errand> what) {
    boost::asio::post(shard_.context, [this, first, what = std::move(what)]() mutable {
        std::uint32_t next = net::no_index;
        visit_some(first, what->first, what->second, next);
        if (next != net::no_index) visit_rest(next, std::move(what));
    });
}

std::uint32_t roster::list_users(std::uint32_t first, std::vector<std::size_t>& into) {
    const std::uint32_t next = out_->for_some(first, scanned_per_turn, [&](client& c) {
        identity::room in;
        if (is_there(c)) into.push_back(name_hash(c.who.user(in)));
    });
    std::ranges::sort(into);
    into.erase(std::unique(into.begin(), into.end()), into.end());
    return next;
}

std::uint32_t roster::list_connections(std::uint32_t first, std::string_view user, std::size_t most,
                                       std::vector<api::connection_info>& into) {
    const identity::wanted wanted{user};
    std::size_t bytes = 0;
    const std::uint32_t last = first + scanned_per_turn;
    while (first != net::no_index && first < last && into.size() < most && bytes < listed_bytes_max) {
        const auto step = static_cast<std::uint32_t>(std::min<std::size_t>(listed_per_step, most - into.size()));
        first = out_->for_some(first, step, [&](client& c) {
            if (!is_there(c) || !(user.empty() || c.who.is(wanted))) return;
            identity::room in;
            api::connection_info& made = into.emplace_back();
            made.client = uuid_text{ids_->id_of(key_of(c))}.view();
            made.user = c.who.user(in);
            made.transport = carriers::transport_of(c.speaks());
            if (const auto whose = out_->address_of(c); whose.known()) made.address = peer::to_text(whose);
            hub_->each_channel_of(c.channels, [&](std::string_view name) { made.channels.emplace_back(name); });
            bytes += bytes_of(made);
        });
    }
    return first;
}

} // namespace carillon::clients
