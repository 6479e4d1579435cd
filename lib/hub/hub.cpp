#include "hub/hub.hpp"

#include "base/ablation.hpp"

#include <algorithm>
#include <bit>
#include <utility>

namespace carillon::hub {

namespace {
constexpr std::uint32_t joins_bits = 0xffff'0000; // with_joins()

constexpr std::uint32_t bit_of(format encoding) noexcept { return 1u << static_cast<unsigned>(encoding); }
} // namespace

std::uint32_t hub::find(std::string_view channel) const noexcept {
    const auto found = by_name_.find(channel);
    return found == by_name_.end() ? none : *found;
}

std::uint32_t hub::find_node(subscriber who, const memberships& list, std::uint32_t channel) const noexcept {
    const auto& members = channels_[channel].members;
    if (members.size() < list.count) {
        const auto found =
            std::find_if(members.begin(), members.end(), [&](const member& m) { return m.who.index() == who.index(); });
        return found == members.end() ? none : found->node;
    }
    std::uint32_t node = list.first;
    while (node != none && subscriptions_[node].channel != channel) node = subscriptions_[node].next;
    return node;
}

std::uint32_t hub::make_channel(std::string_view name, name_kind what) {
    const std::uint32_t channel = channels_.take();
    channel_entry& entry = channels_[channel];
    entry.name = std::make_unique_for_overwrite<char[]>(name.size());
    static_assert(channel_bytes_max == 0xff'ffff);
    CHECK(name.size() <= channel_bytes_max);
    entry.name_bytes = static_cast<std::uint32_t>(name.size()) & 0xff'ffffu;
    entry.is_wildcard = what == name_kind::wildcard ? 1 : 0;
    wildcards_ += entry.is_wildcard;
    std::copy(name.begin(), name.end(), entry.name.get());
    by_name_.insert(channel);
    if (watching_ != nullptr) watching_->on_occupied(name_of(channel));
    return channel;
}

void hub::erase_channel(std::uint32_t channel) {
    if (watching_ != nullptr) watching_->on_vacated(name_of(channel));
    by_name_.erase(channel);
    wildcards_ -= channels_[channel].is_wildcard;
    channels_.give_back(channel);
}

subscribe_outcome hub::subscribe(subscriber who, memberships& list, std::string_view channel, name_kind what) {
    std::uint32_t index = find(channel);
    const bool first = index == none;
    if (first) {
        index = make_channel(channel, what);
    } else {
        const bool same = (channels_[index].is_wildcard != 0) == (what == name_kind::wildcard);
        if (!same) return subscribe_outcome::clashes;
        if (find_node(who, list, index) != none) return subscribe_outcome::already;
    }
    queue_->on_joined(*this, index);
    channel_entry& entry = channels_[index];
    entry.formats_seen |= bit_of(who.encoding());
    const std::uint32_t node = subscriptions_.take();
    subscriptions_[node] = {index, static_cast<std::uint32_t>(entry.members.size()), list.first, none};
    if (list.first != none) subscriptions_[list.first].previous = node;
    list.first = node;
    ++list.count;
    entry.members.push_back({who, node});
    return first ? subscribe_outcome::joined_first : subscribe_outcome::joined;
}

unsubscribe_outcome hub::unsubscribe(subscriber who, memberships& list, std::string_view channel) {
    const std::uint32_t index = find(channel);
    if (index == none) return unsubscribe_outcome::not_subscribed;
    const std::uint32_t node = find_node(who, list, index);
    if (node == none) return unsubscribe_outcome::not_subscribed;
    // What was published before it left is still for it: in its turn, if the turn allows.
    if (!queue_->empty()) {
        flush();
        queue_->serve(*this, index, subscriptions_[node].place);
    }
    if (!remove(list, node)) return unsubscribe_outcome::left;
    erase_channel(index);
    return unsubscribe_outcome::left_last;
}

// True when the node's channel has nobody left.
bool hub::remove(memberships& list, std::uint32_t node) {
    const subscription removed = subscriptions_[node];
    (removed.previous == none ? list.first : subscriptions_[removed.previous].next) = removed.next;
    if (removed.next != none) subscriptions_[removed.next].previous = removed.previous;
    --list.count;
    auto& members = channels_[removed.channel].members;
    queue_->remove(*this, removed.channel, removed.place);
    members.pop_back();
    subscriptions_.give_back(node);
    // A channel that was large once does not keep its room for good.
    if (members.capacity() > 64 && members.size() * 4 < members.capacity()) members.shrink_to_fit();
    return members.empty();
}

bool hub::subscribed(subscriber who, const memberships& list, std::string_view channel) const {
    const std::uint32_t index = find(channel);
    return index != none && find_node(who, list, index) != none;
}

std::uint32_t hub::subscribers(std::string_view channel) const {
    const std::uint32_t index = find(channel);
    return index == none ? 0 : static_cast<std::uint32_t>(channels_[index].members.size());
}

std::vector<subscriber> hub::subscribers_of(std::string_view channel) const {
    std::vector<subscriber> all;
    const std::uint32_t index = find(channel);
    if (index == none) return all;
    for (const member& each : channels_[index].members) all.push_back(each.who);
    return all;
}

void hub::change_format(subscriber to, const memberships& list) {
    for (std::uint32_t node = list.first; node != none; node = subscriptions_[node].next) {
        channel_entry& entry = channels_[subscriptions_[node].channel];
        subscriber& who = entry.members[subscriptions_[node].place].who;
        CHECK(who.index() == to.index());
        who = to;
        entry.formats_seen |= bit_of(to.encoding());
        queue_->on_joined(*this, subscriptions_[node].channel);
    }
}

bool hub::is_wildcard(std::string_view name) const noexcept {
    if (wildcards_ == 0) return false;
    const std::uint32_t index = find(name);
    return index != none && channels_[index].is_wildcard != 0;
}

std::uint32_t hub::publish(std::string_view channel, const publication& message) {
    const std::uint32_t index = find(channel);
    return index == none || channels_[index].is_wildcard != 0 ? 0 : publish_to(index, channel, message);
}

// Where it stands in its channel's stream would only be taken for where the subscription stands.
std::uint32_t hub::publish_by(std::string_view wildcard, std::string_view channel, publication message) {
    const std::uint32_t index = find(wildcard);
    if (index == none || channels_[index].is_wildcard == 0) return 0;
    message.to = channel;
    message.offset = 0;
    message.epoch = {};
    return publish_to(index, wildcard, message);
}

std::uint32_t hub::publish_to(std::uint32_t index, std::string_view channel, const publication& message) {
    const auto receivers = static_cast<std::uint32_t>(channels_[index].members.size());
    const bool for_all = message.what == publication::kind::message;
    const std::uint32_t concerned = channels_[index].formats_seen & (for_all ? ~0u : joins_bits);
    if (concerned == 0) return 0;
    const deliveries::draft draft = queue_->publish(*this, index, receivers, receivers_);
    for (std::uint32_t left = concerned; left != 0; left &= left - 1) {
        const auto i = static_cast<std::size_t>(std::countr_zero(left));
        sinks_[i]->encode(static_cast<format>(i), channel, message, draft.frames_of(static_cast<format>(i)));
    }
    queue_->add(draft, for_all ? 1 : 0);
    if constexpr (ablation::single_sends) flush();
    return receivers;
}

void hub::check_invariants(const memberships& list) const {
    std::uint32_t count = 0;
    std::uint32_t previous = none;
    for (std::uint32_t node = list.first; node != none; node = subscriptions_[node].next) {
        const subscription& each = subscriptions_[node];
        CHECK(each.previous == std::exchange(previous, node));
        const auto& members = channels_[each.channel].members;
        CHECK(each.place < members.size());
        CHECK(members[each.place].node == node);
        CHECK(find(name_of(each.channel)) == each.channel);
        ++count;
    }
    CHECK(count == list.count);
}

} // namespace carillon::hub
