#include "base/name_hash.hpp"
#include "conversation/host.hpp"
#include "protocol/reply.hpp"

#include <algorithm>
#include <string>
#include <vector>

// Clients of which publications were dropped, because they take less than is published, and that can recover them.
namespace carillon::conversation {

std::vector<std::string> host::leave_lost(client& c, std::span<const std::uint64_t> channels) {
    std::vector<std::string> lost;
    hub_->each_channel_of(c.channels, [&](std::string_view channel) {
        if (std::ranges::find(channels, name_hash(channel)) != channels.end()) lost.emplace_back(channel);
    });
    counters().subscriptions_cut += lost.size();
    const people::person* const more = c.who.more();
    // Who has not asked for a channel does not ask for it again, but by another connect (§5).
    const bool must_end = std::ranges::any_of(lost, [&](const std::string& channel) {
        const grant* const its = more == nullptr ? nullptr : more->find(channel);
        return carriers::only_listens(c.speaks()) || (its != nullptr && its->by_server);
    });
    if (must_end) {
        disconnect(c, protocol::disconnect::insufficient_state);
        return {};
    }
    for (const std::string& each : lost) {
        channels_.leave_for_good(c, each);
        forget_grant(c, each);
    }
    return lost;
}

void host::tell_lost(client& c, std::span<const std::string> channels) {
    for (const std::string& each : channels) {
        if (c.gone || c.closing) return;
        push(c, [&](const protocol::encoder& with, std::string& message) {
            with.unsubscribe_push(message, each, protocol::unsubscription::insufficient_state, "insufficient state");
        });
    }
}

} // namespace carillon::conversation
