#include "redis/redis_link.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

// Several servers that know nothing of each other: each has the channels that a hash gives it.
namespace carillon::redis {

using clock = upstream::clock;

void redis_link::share_out() {
    std::vector<std::string> names;
    for (const place& each : options_.where.servers) {
        whereabouts its = options_.where;
        its.server = each;
        names.push_back(to_string(each));
        branches_.push_back(made_branch(static_cast<std::uint32_t>(names.size()), its));
    }
    servers_.emplace(names);
}

// A wildcard has channels at all servers. And gateways hear each other as long as there is one of them.
bool redis_link::is_everywhere(std::string_view channel, bool is_wildcard) const {
    return servers_ && (is_wildcard || hears_nodes_on(channel));
}

// Whether nothing is missed from here on, wherever it is published.
bool redis_link::is_had(const branch& from, interest_count& interest) const {
    if (interest.at != everybody) return true;
    interest.has_it |= 1U << (from.number() - 1);
    return interest.has_it == (1U << branches_.size()) - 1;
}

void redis_link::forget(const branch& from, interest_count& interest) const {
    if (interest.at == everybody) {
        interest.has_it &= ~(1U << (from.number() - 1));
    } else if (interest.at != from.number()) {
        return;
    }
    interest.forget_answer();
}

void redis_link::release(const std::string& channel, std::uint32_t at) {
    for (const auto& each : branches_) {
        if (at != everybody && at != each->number()) continue;
        each->up().release(channel, clock::now());
        each->wake();
    }
}

// All prefer the same one, at which all others are counted that are connected to it.
branch* redis_link::speaks_by(std::string_view channel) const noexcept {
    if (!servers_) return home_of(channel);
    const auto home = static_cast<std::ptrdiff_t>(servers_->home_of(channel));
    const auto is_live = [](const auto& each) { return each->up().live(); };
    auto found = std::find_if(branches_.begin() + home, branches_.end(), is_live);
    if (found == branches_.end()) found = std::ranges::find_if(branches_, is_live);
    return found == branches_.end() ? nullptr : found->get();
}

} // namespace carillon::redis
