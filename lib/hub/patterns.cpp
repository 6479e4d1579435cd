#include "hub/patterns.hpp"

#include "base/check.hpp"

#include <algorithm>
#include <utility>

namespace carillon::hub {

// A look at the subscriber's patterns or at the pattern's subscribers, whichever are fewer.
bool patterns::has(const pattern_memberships& list, std::uint32_t pattern, subscriber who) const noexcept {
    const auto& members = entries_[pattern].members;
    if (members.size() < list.entries.size()) {
        return std::ranges::any_of(members, [&](const member& each) { return each.who == who; });
    }
    return std::ranges::find(list.entries, pattern) != list.entries.end();
}

std::size_t patterns::place_of(subscriber who, std::uint32_t pattern) const {
    const auto& members = entries_[pattern].members;
    const auto place = std::ranges::find_if(members, [&](const member& each) { return each.who == who; });
    CHECK(place != members.end());
    return static_cast<std::size_t>(place - members.begin());
}

subscribe_outcome patterns::subscribe(subscriber who, pattern_memberships& list, std::string_view pattern) {
    auto found = by_text_.find(pattern);
    const bool first = found == by_text_.end();
    if (first) {
        found = by_text_.try_emplace(std::string{pattern}, entries_.take()).first;
        entries_[found->second].text = found->first;
    } else if (has(list, found->second, who)) {
        return subscribe_outcome::already;
    }
    listeners& joined = entries_[found->second];
    queue_->on_joined(*this, found->second); // what was published before this subscription is not for it
    joined.members.push_back({who});
    ++joined.counts[static_cast<std::size_t>(who.encoding())];
    list.entries.push_back(found->second);
    ++subscriptions_;
    return first ? subscribe_outcome::joined_first : subscribe_outcome::joined;
}

unsubscribe_outcome patterns::unsubscribe(subscriber who, pattern_memberships& list, std::string_view pattern) {
    const auto found = by_text_.find(pattern);
    if (found == by_text_.end()) return unsubscribe_outcome::not_subscribed;
    const std::uint32_t index = found->second;
    const auto place = std::ranges::find(list.entries, index);
    if (place == list.entries.end()) return unsubscribe_outcome::not_subscribed;
    list.entries.erase(place);
    // What was published before it left is still for it: in its turn, if the turn allows.
    if (!queue_->empty()) {
        queue_->flush();
        queue_->serve(*this, index, static_cast<std::uint32_t>(place_of(who, index)));
    }
    const bool last = entries_[index].members.size() == 1;
    forget(who, index);
    return last ? unsubscribe_outcome::left_last : unsubscribe_outcome::left;
}

void patterns::forget(subscriber who, std::uint32_t pattern) {
    listeners& left = entries_[pattern];
    queue_->remove(*this, pattern, static_cast<std::uint32_t>(place_of(who, pattern)));
    left.members.pop_back();
    --subscriptions_;
    --left.counts[static_cast<std::size_t>(who.encoding())];
    if (!left.members.empty()) return;
    by_text_.erase(by_text_.find(left.text));
    entries_.give_back(pattern);
}

void patterns::change_format(subscriber from, subscriber to, pattern_memberships& list) {
    CHECK(from.index() == to.index());
    for (const std::uint32_t each : list.entries) {
        listeners& changed = entries_[each];
        changed.members[place_of(from, each)].who = to;
        --changed.counts[static_cast<std::size_t>(from.encoding())];
        ++changed.counts[static_cast<std::size_t>(to.encoding())];
        queue_->on_joined(*this, each);
    }
}

std::uint32_t patterns::publish(std::string_view channel, const publication& message) {
    CHECK(sink_ != nullptr);
    std::uint32_t receivers = 0;
    for (const auto& [text, index] : by_text_) {
        if (!matches_(text, channel)) continue;
        const listeners& matched = entries_[index];
        const auto members = static_cast<std::uint32_t>(matched.members.size());
        const deliveries::draft draft = queue_->publish(*this, index, members, receivers_);
        for (std::size_t i = 0; i < formats; ++i) {
            if (matched.counts[i] == 0) continue;
            sink_->encode_pattern(static_cast<format>(i), text, channel, message,
                                  draft.frames_of(static_cast<format>(i)));
        }
        queue_->add(draft);
        receivers += members;
    }
    return receivers;
}

} // namespace carillon::hub
