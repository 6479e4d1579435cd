#include "hub/patterns.hpp"

#include "base/check.hpp"

#include <algorithm>
#include <utility>

namespace carillon::hub {

namespace {
// More is not held.
constexpr std::size_t held_bytes_max = 64 * 1024;
// A buffer that one large message has blown up is not kept.
constexpr std::size_t encoded_bytes_kept = 256 * 1024;
} // namespace

// A look at the subscriber's patterns or at the pattern's subscribers, whichever are fewer.
bool patterns::has(const pattern_memberships& list, const pattern_entry& entry, subscriber who) noexcept {
    if (entry.members.size() < list.entries.size()) {
        return std::find(entry.members.begin(), entry.members.end(), who) != entry.members.end();
    }
    return std::find(list.entries.begin(), list.entries.end(), &entry) != list.entries.end();
}

subscribe_outcome patterns::subscribe(subscriber who, pattern_memberships& list, std::string_view pattern) {
    flush(); // what was published before this subscription is not for it
    auto found = entries_.find(pattern);
    const bool first = found == entries_.end();
    if (first) {
        found = entries_.try_emplace(std::string{pattern}).first;
        found->second.text = found->first;
    } else if (has(list, found->second, who)) {
        return subscribe_outcome::already;
    }
    found->second.members.push_back(who);
    ++found->second.counts[static_cast<std::size_t>(who.encoding())];
    list.entries.push_back(&found->second);
    ++subscriptions_;
    return first ? subscribe_outcome::joined_first : subscribe_outcome::joined;
}

unsubscribe_outcome patterns::unsubscribe(subscriber who, pattern_memberships& list, std::string_view pattern) {
    flush(); // what was published before it left is still for it
    const auto found = entries_.find(pattern);
    if (found == entries_.end()) return unsubscribe_outcome::not_subscribed;
    const auto place = std::find(list.entries.begin(), list.entries.end(), &found->second);
    if (place == list.entries.end()) return unsubscribe_outcome::not_subscribed;
    list.entries.erase(place);
    const bool last = found->second.members.size() == 1;
    forget(who, found->second);
    return last ? unsubscribe_outcome::left_last : unsubscribe_outcome::left;
}

void patterns::forget(subscriber who, pattern_entry& entry) {
    const auto place = std::find(entry.members.begin(), entry.members.end(), who);
    CHECK(place != entry.members.end());
    *place = entry.members.back();
    entry.members.pop_back();
    --subscriptions_;
    --entry.counts[static_cast<std::size_t>(who.encoding())];
    if (entry.members.empty()) entries_.erase(entries_.find(entry.text));
}

void patterns::change_format(subscriber from, subscriber to, pattern_memberships& list) {
    CHECK(from.index() == to.index());
    flush();
    for (pattern_entry* const each : list.entries) {
        const auto place = std::find(each->members.begin(), each->members.end(), from);
        CHECK(place != each->members.end());
        *place = to;
        --each->counts[static_cast<std::size_t>(from.encoding())];
        ++each->counts[static_cast<std::size_t>(to.encoding())];
    }
}

std::uint32_t patterns::hold(const pattern_entry& entry, std::string_view channel, const publication& message) {
    CHECK(sink_ != nullptr);
    if (held_ != &entry) flush();
    held_ = &entry;
    std::size_t bytes = 0;
    for (std::size_t i = 0; i < formats; ++i) {
        if (entry.counts[i] == 0) continue;
        sink_->encode_pattern(static_cast<format>(i), entry.text, channel, message, encoded_[i]);
        bytes = std::max(bytes, encoded_[i].size());
    }
    ++held_messages_;
    const auto receivers = static_cast<std::uint32_t>(entry.members.size());
    if (bytes >= held_bytes_max) flush();
    return receivers;
}

void patterns::flush() {
    if (held_ == nullptr) return;
    const pattern_entry& entry = *std::exchange(held_, nullptr);
    std::array<frames, formats> what{frames{encoded_[0]}, frames{encoded_[1]}, frames{encoded_[2]}};
    for (const subscriber each : entry.members) sink_->deliver(each, what[static_cast<std::size_t>(each.encoding())]);
    deliveries_ += std::uint64_t{std::exchange(held_messages_, 0)} * entry.members.size();
    for (std::string& bytes : encoded_) {
        if (bytes.capacity() > encoded_bytes_kept) std::string{}.swap(bytes);
        bytes.clear();
    }
}

} // namespace carillon::hub
