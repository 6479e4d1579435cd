#include "hub/hub.hpp"

#include <algorithm>
#include <optional>

// Members of a channel who do not get what the others get: deltas, or only some of what is published.
namespace carillon::hub {

bool hub::has_room(std::string_view channel, const wish& how) const noexcept {
    return groups_.has_room(find(channel), how);
}

const wish& hub::wish_of(subscriber who, const memberships& list, std::string_view channel) const {
    static const wish plain;
    const std::uint32_t index = find(channel);
    const std::uint32_t node = index == none ? none : find_node(who, list, index);
    CHECK(node != none);
    const std::uint32_t entry = subscriptions_[node].channel;
    return entry == index ? plain : groups_[entry].how;
}

std::uint32_t hub::find_in_groups(const memberships& list, std::uint32_t channel) const noexcept {
    std::uint32_t node = list.first;
    while (node != none && channel_of(subscriptions_[node].channel) != channel) node = subscriptions_[node].next;
    return node;
}

std::uint32_t hub::group_for(std::uint32_t channel, const wish& how) {
    const std::uint32_t there = groups_.find(channel, how);
    if (there != none) return there;
    const std::uint32_t made = make_entry(name_of(channel));
    channels_[made].is_group = 1;
    channels_[channel].has_groups = 1;
    groups_.add(made, channel, how);
    return made;
}

void hub::on_heard(const member& who) noexcept {
    const subscription& of = subscriptions_[who.node];
    subscriber& heard = channels_[of.channel].members[of.place].who;
    if (!heard.is_new()) return;
    heard = heard.as_known();
    --groups_[of.channel].new_members;
}

// Who comes and goes, no filter keeps back.
std::uint32_t hub::publish_to_groups(std::uint32_t channel, const publication& message) {
    std::uint32_t receivers = 0;
    std::optional<filters::tags> tags;
    for (const std::uint32_t each : groups_.of_channel(channel)) {
        const group& its = groups_[each];
        if (its.how.filter != nullptr && message.what == publication::kind::message) {
            if (!tags) tags.emplace(message.tags);
            if (!its.how.filter->holds(*tags)) {
                ++counts_.filtered;
                continue;
            }
        }
        receivers += its.how.deltas ? publish_deltas(each, message) : publish_to(each, channel, message);
    }
    return receivers;
}

// A delta is of what all of the group have heard last, but for those who have heard nothing yet.
std::uint32_t hub::publish_deltas(std::uint32_t entry, const publication& message) {
    group& its = groups_[entry];
    publication whole = message;
    whole.for_deltas = true;
    publication shortened = whole;
    const bool is_message = message.what == publication::kind::message;
    patch_.clear();
    if (is_message && its.has_before && message.is_json) {
        if (deltas_.encode(its.before, message.payload, message.payload.size(), patch_)) {
            shortened.patch = patch_;
            ++counts_.deltas;
            counts_.bytes_before += message.payload.size();
            counts_.bytes_after += patch_.size();
        } else {
            ++counts_.without_delta;
        }
    }
    const std::uint32_t receivers = publish_to(entry, its.channel, shortened, its.new_members > 0 ? &whole : nullptr);
    if (!is_message) return receivers;
    if (message.is_json && message.payload.size() <= fossil::input_bytes_max) {
        groups_.keep(its, message.payload);
    } else {
        groups_.forget(its);
    }
    return receivers;
}

} // namespace carillon::hub
