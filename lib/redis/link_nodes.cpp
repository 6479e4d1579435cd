#include "redis/redis_link.hpp"

#include <algorithm>
#include <array>
#include <utility>

// What the gateways that share the server say to each other.
namespace carillon::redis {

using clock = upstream::clock;

void redis_link::listen_to_nodes(std::vector<std::string> channels, reserve which,
                                 std::function<void(std::string_view)> heard,
                                 std::function<void(std::string_view channel)> refused) {
    node_channels_ = std::move(channels);
    reserve_ = std::move(which);
    heard_by_nodes_ = std::move(heard);
    nodes_refused_ = std::move(refused);
    nodes_at_.assign(node_channels_.size(), 0);
    probe_channel_ = node_channels_.back() + ".probe"; // nobody else is there
    for (const auto& each : branches_) begin_probing(*each);
    for (std::size_t i = 0; i < node_channels_.size(); ++i) settle(node_channels_[i], nodes_at_[i]);
}

void redis_link::say(std::string channel, std::string text, std::function<void(std::uint32_t)> then) {
    ask({.what = request::kind::say,
         .channel = std::move(channel),
         .payload = std::move(text),
         .then = std::move(then)});
}

bool redis_link::hears_nodes_on(std::string_view channel) const {
    return std::ranges::find(node_channels_, channel) != node_channels_.end();
}

bool redis_link::refuse_reserved(const request& what) {
    if (!is_reserved(what.channel)) return false;
    interest_count& interest = interest_[what.channel];
    ++interest.shards;
    interest.refused = error::denied;
    tell_state(what.shard, what.channel, interest);
    return true;
}

// PUBLISH counts everybody who gets it, also programs that listen to patterns; NUMSUB only those of the channel itself.
void redis_link::speak(request& what, clock::time_point now) {
    branch* const its = speaks_by(what.channel);
    if (its == nullptr) {
        if (what.then) what.then(0);
        return;
    }
    const std::uint64_t number = next_publication_++;
    if (what.then) {
        spoken_.emplace(number, spoken{.then = std::move(what.then)});
        const std::array<std::string_view, 3> count{"PUBSUB", "NUMSUB", what.channel};
        its->up().call(number, count, now);
    } else {
        spoken_.emplace(number, spoken{.then = [](std::uint32_t) {}});
    }
    its->up().publish(number, what.channel, what.payload, now);
    its->wake();
}

// [channel, number]; a server that does not say it is believed what its PUBLISH says.
bool redis_link::on_counted(std::uint64_t number, std::span<const resp::node> said) {
    const auto found = spoken_.find(number);
    if (found == spoken_.end()) return false;
    if (said.size() == 3 && said[2].kind == resp::type::integer && said[2].integer >= 0)
        found->second.listening = static_cast<std::uint32_t>(said[2].integer);
    return true;
}

bool redis_link::on_spoken(std::uint64_t number, const publish_result& receivers) {
    const auto found = spoken_.find(number);
    if (found == spoken_.end()) return false;
    const spoken what = std::move(found->second);
    spoken_.erase(found);
    const std::uint32_t heard = receivers ? receivers->receivers : 0;
    what.then(std::min(heard, what.listening.value_or(heard)));
    return true;
}

} // namespace carillon::redis
