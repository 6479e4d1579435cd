#include "hub/hub.hpp"

#include "base/ablation.hpp"
#include "protocol/payload.hpp"

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
    if (channels_[channel].has_groups != 0) return find_in_groups(list, channel);
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

std::uint32_t hub::make_entry(std::string_view name) {
    const std::uint32_t channel = channels_.take();
    channel_entry& entry = channels_[channel];
    entry.name = std::make_unique_for_overwrite<char[]>(name.size());
    static_assert(channel_bytes_max == 0xff'ffff);
    CHECK(name.size() <= channel_bytes_max);
    entry.name_bytes = static_cast<std::uint32_t>(name.size()) & 0xff'ffffu;
    std::copy(name.begin(), name.end(), entry.name.get());
    return channel;
}

std::uint32_t hub::make_channel(std::string_view name, name_kind what) {
    const std::uint32_t channel = make_entry(name);
    channels_[channel].is_wildcard = what == name_kind::wildcard ? 1 : 0;
    wildcards_ += channels_[channel].is_wildcard;
    by_name_.insert(channel);
    if (watching_ != nullptr) watching_->on_occupied(name_of(channel));
    return channel;
}

void hub::erase_channel(std::uint32_t channel) {
    if (watching_ != nullptr) watching_->on_vacated(name_of(channel));
    if (following_ != nullptr) following_->on_left(name_of(channel));
    by_name_.erase(channel);
    wildcards_ -= channels_[channel].is_wildcard;
    channels_.give_back(channel);
}

subscribe_outcome hub::subscribe(subscriber who, memberships& list, std::string_view channel, const wish& how,
                                 name_kind what) {
    std::uint32_t index = find(channel);
    const bool first = index == none;
    if (first) {
        index = make_channel(channel, what);
    } else {
        const bool same = (channels_[index].is_wildcard != 0) == (what == name_kind::wildcard);
        if (!same) return subscribe_outcome::clashes;
        if (find_node(who, list, index) != none) return subscribe_outcome::already;
    }
    if (!how.is_plain()) index = group_for(index, how);
    queue_->on_joined(*this, index);
    channel_entry& entry = channels_[index];
    entry.formats_seen |= bit_of(who.encoding());
    const std::uint32_t node = subscriptions_.take();
    subscriptions_[node] = {index, static_cast<std::uint32_t>(entry.members.size()), list.first, none};
    if (list.first != none) subscriptions_[list.first].previous = node;
    list.first = node;
    ++list.count;
    entry.members.push_back({how.deltas ? who.as_new() : who, node});
    if (how.deltas) ++groups_[index].new_members;
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
        queue_->serve(*this, subscriptions_[node].channel, subscriptions_[node].place);
    }
    if (remove(list, node) == none) return unsubscribe_outcome::left;
    erase_channel(index);
    return unsubscribe_outcome::left_last;
}

namespace {

// What nobody hears any more is not to be made. Where there are more members than this, one form too many is little
// beside what is sent.
constexpr std::size_t members_looked_at = 4'096;

template <class Members>
void forget_formats(std::uint32_t& seen, const Members& members) noexcept {
    if (std::has_single_bit(seen) || members.empty() || members.size() > members_looked_at) return;
    std::uint32_t found = 0;
    for (const auto& each : members) {
        found |= bit_of(each.who.encoding());
        if (found == seen) return;
    }
    seen = found;
}

} // namespace

// The node's channel, when that has nobody left.
std::uint32_t hub::remove(memberships& list, std::uint32_t node) {
    const subscription removed = subscriptions_[node];
    (removed.previous == none ? list.first : subscriptions_[removed.previous].next) = removed.next;
    if (removed.next != none) subscriptions_[removed.next].previous = removed.previous;
    --list.count;
    auto& members = channels_[removed.channel].members;
    if (members[removed.place].who.is_new()) --groups_[removed.channel].new_members;
    queue_->remove(*this, removed.channel, removed.place);
    members.pop_back();
    subscriptions_.give_back(node);
    forget_formats(channels_[removed.channel].formats_seen, members);
    // A channel that was large once does not keep its room for good.
    if (members.capacity() > 64 && members.size() * 4 < members.capacity()) members.shrink_to_fit();
    return members.empty() ? on_emptied(removed.channel) : none;
}

// A group goes with its last member; a channel when it has no groups either.
std::uint32_t hub::on_emptied(std::uint32_t entry) {
    if (channels_[entry].is_group == 0) return channels_[entry].has_groups != 0 ? none : entry;
    const std::uint32_t channel = groups_[entry].channel;
    const bool was_last = groups_.remove(entry);
    channels_.give_back(entry);
    if (!was_last) return none;
    channels_[channel].has_groups = 0;
    return channels_[channel].members.empty() ? channel : none;
}

bool hub::subscribed(subscriber who, const memberships& list, std::string_view channel) const {
    const std::uint32_t index = find(channel);
    return index != none && find_node(who, list, index) != none;
}

std::uint32_t hub::subscribers(std::string_view channel) const {
    const std::uint32_t index = find(channel);
    if (index == none) return 0;
    std::size_t all = channels_[index].members.size();
    if (channels_[index].has_groups != 0) {
        for (const std::uint32_t each : groups_.of_channel(index)) all += channels_[each].members.size();
    }
    return static_cast<std::uint32_t>(all);
}

std::vector<subscriber> hub::subscribers_of(std::string_view channel) const {
    std::vector<subscriber> all;
    const std::uint32_t index = find(channel);
    if (index == none) return all;
    for (const member& each : channels_[index].members) all.push_back(each.who);
    if (channels_[index].has_groups == 0) return all;
    for (const std::uint32_t entry : groups_.of_channel(index)) {
        for (const member& each : channels_[entry].members) all.push_back(each.who.as_known());
    }
    return all;
}

void hub::change_format(subscriber to, const memberships& list) {
    for (std::uint32_t node = list.first; node != none; node = subscriptions_[node].next) {
        channel_entry& entry = channels_[subscriptions_[node].channel];
        subscriber& who = entry.members[subscriptions_[node].place].who;
        CHECK(who.index() == to.index());
        who = who.is_new() ? to.as_new() : to;
        entry.formats_seen |= bit_of(to.encoding());
        forget_formats(entry.formats_seen, entry.members);
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
    if (index == none || channels_[index].is_wildcard != 0) return 0;
    if (following_ != nullptr && message.offset != 0) following_->on_numbered(channel, message.offset, message.epoch);
    return publish_to_all(index, message);
}

// Where it stands in its channel's stream would only be taken for where the subscription stands. SDKs that do not pass
// on a publication's channel pass on its tags, and filters look at them; of two with one name the last counts.
std::uint32_t hub::publish_by(std::string_view wildcard, std::string_view channel, publication message) {
    const std::uint32_t index = find(wildcard);
    if (index == none || channels_[index].is_wildcard == 0) return 0;
    // A program may have published to it under any bytes, which are no name for clients.
    if (!protocol::is_utf8(channel)) return 0;
    message.to = channel;
    message.offset = 0;
    message.epoch = {};
    tags_.assign(message.tags.empty() ? std::string_view{"{}"} : message.tags);
    tags_.pop_back();
    if (tags_.size() > 1) tags_ += ',';
    tags_ += R"("channel":)";
    protocol::append_json_string(tags_, channel);
    tags_ += '}';
    message.tags = tags_;
    return publish_to_all(index, message);
}

std::uint32_t hub::publish_to_all(std::uint32_t channel, const publication& message) {
    const std::uint32_t receivers = publish_to(channel, channel, message);
    return channels_[channel].has_groups == 0 ? receivers : receivers + publish_to_groups(channel, message);
}

// To the members of a channel or of a group of it. `whole`: what those get who have heard nothing before.
std::uint32_t hub::publish_to(std::uint32_t entry, std::uint32_t channel, const publication& message,
                              const publication* whole) {
    const auto receivers = static_cast<std::uint32_t>(channels_[entry].members.size());
    if (receivers == 0) return 0;
    const bool for_all = message.what == publication::kind::message;
    const std::uint32_t concerned = channels_[entry].formats_seen & (for_all ? ~0u : joins_bits);
    if (concerned == 0) return 0;
    const deliveries::draft draft = queue_->publish(*this, entry, receivers, receivers_, channel);
    const publication* const to_new = whole != nullptr && draft.has_messages() ? &message : whole;
    for (std::uint32_t left = concerned; left != 0; left &= left - 1) {
        const auto i = static_cast<std::size_t>(std::countr_zero(left));
        const auto encoding = static_cast<format>(i);
        sinks_[i]->encode(encoding, name_of(entry), message, draft.frames_of(encoding));
        if (to_new != nullptr) sinks_[i]->encode(encoding, name_of(entry), *to_new, draft.frames_of(encoding, true));
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
        CHECK(find(name_of(each.channel)) == channel_of(each.channel));
        ++count;
    }
    CHECK(count == list.count);
}

} // namespace carillon::hub
