#include "channels/rules.hpp"

#include "base/check.hpp"
#include "channels/name.hpp"
#include "channels/wildcard.hpp"

#include <algorithm>
#include <utility>

namespace carillon::channels {
namespace {

bool is_ascii(std::string_view text) noexcept {
    return std::ranges::all_of(text, [](char byte) { return static_cast<unsigned char>(byte) < 0x80; });
}

bool is_in(const audience& list, std::string_view user, membership how) noexcept {
    if (list.has(party::anonymous)) return true;
    if (list.has(party::client) && !user.empty()) return true;
    if (list.has(party::subscriber) && how != membership::none) return true;
    if (list.has(party::subscribed_client) && how != membership::none && !user.empty()) return true;
    return list.has(party::token) && how == membership::by_token;
}

// What holds for a subscription to many channels at once: where one of them stands says nothing of the others, and who
// hears them all is in none of them.
name_space without_streams(name_space space) {
    space.history_size = 0;
    space.recovery = recovery_mode::off;
    space.presence = space.join_leave = space.force_push_join_leave = space.occupancy_events = false;
    space.join_leave_debounce = std::chrono::seconds{0};
    space.allowed_delta_types = {};
    // The newest of all of them is not the newest of each.
    if (space.slow_consumer == slow_consumer_policy::keep_latest)
        space.slow_consumer = slow_consumer_policy::drop_oldest;
    return space;
}

} // namespace

/// A channel as one decision sees it.
struct rules::found {
    verdict said = verdict::bad_request;
    const name_space* space = nullptr;
    bool everything = false; // the rules are open
    bool is_private = false;
    bool is_wildcard = false;
    std::optional<user_limit> limit; // only in a user-limited namespace

    bool exists() const noexcept { return said == verdict::allowed; }
};

rules::rules(std::vector<name_space> all, std::size_t channel_bytes_max) : channel_bytes_max_{channel_bytes_max} {
    const auto is_default = [](const name_space& each) { return each.name.empty(); };
    if (std::ranges::none_of(all, is_default)) all.emplace_back();
    std::ranges::sort(all, {}, &name_space::name);
    CHECK(std::ranges::adjacent_find(all, {}, &name_space::name) == all.end());
    entries_.reserve(all.size());
    for (name_space& each : all) {
        CHECK(!check_name_space_name(each.name));
        std::optional<pattern> like;
        if (!each.channel_pattern.empty()) like.emplace(each.channel_pattern);
        std::optional<name_space> of_wildcards;
        if (each.wildcard) of_wildcards = without_streams(each);
        any_wildcards_ = any_wildcards_ || each.wildcard;
        entries_.push_back({std::move(each), std::move(like), std::move(of_wildcards)});
    }
}

rules rules::open(std::size_t channel_bytes_max, name_space facts) {
    rules made;
    made.channel_bytes_max_ = channel_bytes_max;
    made.open_ = true;
    facts.binary = true;
    made.entries_.push_back({std::move(facts), std::nullopt});
    return made;
}

const rules::entry* rules::entry_of(std::string_view name) const noexcept {
    const auto name_of = [](const entry& each) -> std::string_view { return each.space.name; };
    const auto at = std::ranges::lower_bound(entries_, name, {}, name_of);
    return at != entries_.end() && at->space.name == name ? &*at : nullptr;
}

rules::found rules::look_up(std::string_view channel) const noexcept {
    found where;
    if (channel.empty() || channel.size() > channel_bytes_max_) return where;
    if (open_) {
        where.said = verdict::allowed;
        where.space = &entries_.front().space;
        where.everything = true;
        return where;
    }
    const name parts = split(channel);
    const entry* at = entry_of(parts.name_space);
    if (at == nullptr) {
        where.said = verdict::unknown_channel;
        return where;
    }
    if (at->of_wildcards) {
        const wildcard_form form = wildcard_form_of(channel);
        if (form == wildcard_form::bad) return where;
        where.is_wildcard = form == wildcard_form::good;
    }
    if (at->space.user_limited) where.limit = limit_of(parts.rest);
    if (at->like && !where.is_wildcard) {
        // The list of users is not the pattern's business, and a channel with nothing but users has no text.
        const std::string_view text = where.limit ? where.limit->text : parts.rest;
        if (!(where.limit && text.empty()) && !at->like->matches(text)) return where;
    } else if (!is_ascii(channel)) {
        return where;
    }
    where.said = verdict::allowed;
    where.space = where.is_wildcard ? &*at->of_wildcards : &at->space;
    where.is_private = parts.is_private;
    return where;
}

rules::place rules::find(std::string_view channel) const noexcept {
    const found where = look_up(channel);
    return {where.said, where.space, where.is_wildcard};
}

const name_space* rules::space_of(std::string_view channel) const noexcept {
    const entry* const at = open_ ? &entries_.front() : entry_of(split(channel).name_space);
    if (at == nullptr) return nullptr;
    return at->of_wildcards && channel.ends_with('*') ? &*at->of_wildcards : &at->space;
}

verdict rules::may_subscribe(std::string_view user, std::string_view channel, bool has_token) const noexcept {
    const found where = look_up(channel);
    if (!where.exists() || where.everything || has_token) return where.said;
    if (where.is_private) return verdict::permission_denied;
    // Who is in the name needs no other permission, and who is not has none.
    const bool permitted =
        where.limit ? names_user(where.limit->users, user) : is_in(where.space->subscribe, user, membership::none);
    return permitted ? verdict::allowed : verdict::permission_denied;
}

/// For what is done in a channel, subscribed or not.
verdict rules::decide(const found& where, const audience& list, std::string_view user, membership how) noexcept {
    if (where.everything) return verdict::allowed;
    // Who could not subscribe to a closed channel shall not reach it by another command either.
    const bool closed = where.is_private || (where.limit && !names_user(where.limit->users, user));
    if (closed && how == membership::none) return verdict::permission_denied;
    return is_in(list, user, how) ? verdict::allowed : verdict::permission_denied;
}

verdict rules::may_publish(std::string_view user, std::string_view channel, membership how) const noexcept {
    const found where = look_up(channel);
    if (where.is_wildcard) return verdict::bad_request; // to all of them at once: nobody does
    return where.exists() ? decide(where, where.space->publish, user, how) : where.said;
}

verdict rules::may_read_history(std::string_view user, std::string_view channel, membership how) const noexcept {
    const found where = look_up(channel);
    if (!where.exists()) return where.said;
    if (where.space->history_size == 0) return verdict::not_available;
    return decide(where, where.space->history, user, how);
}

verdict rules::may_see_presence(std::string_view user, std::string_view channel, membership how) const noexcept {
    const found where = look_up(channel);
    if (!where.exists()) return where.said;
    if (!where.space->presence) return verdict::not_available;
    return decide(where, where.space->presence_for, user, how);
}

} // namespace carillon::channels
