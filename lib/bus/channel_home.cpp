#include "bus/channel_home.hpp"

#include "base/check.hpp"
#include "bus/broker.hpp"

#include <algorithm>
#include <utility>

namespace carillon::bus {

namespace {

// Of all that there is, at each look at the time: several times a second.
constexpr std::size_t swept_at_once = 512;
// The same: each goes to a channel's subscribers.
constexpr std::size_t told_at_once = 128;

streams::keeping keeping_of(const channels::name_space& space) noexcept {
    return {space.history_size, space.history_ttl, space.history_meta_ttl};
}

} // namespace

channel_home::channel_home(channels::rules rules, const limits& how, std::uint64_t seed)
    : rules_{std::move(rules)}, any_keeps_{rules_.any([](const auto& each) { return each.history_size > 0; })},
      limits_{how}, store_{how.store, seed}, keys_{how.keys}, departed_{how.departures_max} {}

void channel_home::use_rules(channels::rules rules) {
    rules_ = std::move(rules);
    any_keeps_ = rules_.any([](const auto& each) { return each.history_size > 0; });
}

const channels::name_space* channel_home::space_of(std::string_view channel) const noexcept {
    if (!any_keeps_) return nullptr; // no publication pays for what there is not
    const channels::name_space* const space = rules_.find(channel).space;
    return space != nullptr && space->history_size > 0 ? space : nullptr;
}

channel_home::numbered channel_home::take(std::string_view channel, const publication& what) {
    if (!what.idempotency_key.empty()) {
        if (const auto before = keys_.find(channel, what.idempotency_key, now_)) return {*before, true};
    }
    numbered taken;
    const channels::name_space* const space = what.skip_history ? nullptr : space_of(channel);
    if (space != nullptr) {
        const auto added = store_.add(channel, keeping_of(*space), {what.payload, what.is_json, what.info, what.tags},
                                      {what.version, what.version_epoch}, now_);
        taken = {added.at, added.is_outdated};
    }
    if (!what.idempotency_key.empty() && !taken.is_repeated) {
        keys_.remember(channel, what.idempotency_key, taken.at, now_);
    }
    return taken;
}

// In a crowd everybody's coming would be told to everybody. Null: it is not told.
const channels::name_space* channel_home::announced_in(std::string_view channel) noexcept {
    const channels::name_space* const space = rules_.find(channel).space;
    if (space == nullptr || !space->join_leave) return nullptr;
    if (there_.count(channel).clients <= limits_.announced_max) return space;
    ++not_announced_;
    return nullptr;
}

std::optional<std::string> channel_home::enter(std::string_view channel, const presence::client_id& who,
                                               presence::registry::member what) {
    std::string info = what.info;
    const std::string user = what.user;
    if (!there_.enter(channel, who, std::move(what))) return std::nullopt;
    if (!user.empty() && departed_.strike(channel, user)) {
        ++came_back_;
        return std::nullopt;
    }
    if (announced_in(channel) == nullptr) return std::nullopt;
    ++announced_;
    return info;
}

std::optional<std::string> channel_home::leave(std::string_view channel, const presence::client_id& who) {
    const auto left = there_.leave(channel, who);
    if (left == nullptr) return std::nullopt;
    const channels::name_space* const space = announced_in(channel);
    if (space == nullptr) return std::nullopt;
    const bool may_come_back = space->join_leave_debounce.count() > 0 && !left->user.empty();
    if (may_come_back && departed_.add(channel, left->user, left->info, now_ + space->join_leave_debounce))
        return std::nullopt;
    ++announced_;
    return left->info;
}

void channel_home::tell_departed(function_ref<void(std::string_view, const std::string&)> tell) {
    departed_.take_due(now_, told_at_once, [&](std::string_view channel, const std::string& info) {
        ++announced_;
        tell(channel, info);
    });
}

home_answer channel_home::answer(std::string_view channel, const home_question& asked) {
    const streams::last_seen since{asked.since.offset, asked.since.epoch.view()};
    switch (asked.about) {
    case home_question::kind::place: return {store_.top(channel, now_)};
    case home_question::kind::recover: {
        const channels::name_space* const space = space_of(channel);
        const bool newest_only = space != nullptr && space->recovery == channels::recovery_mode::cache;
        const auto found = newest_only ? store_.recover_newest(channel, since, now_)
                                       : store_.recover(channel, since, limits_.page, now_);
        return {found.top, found.said, {}, found.missed};
    }
    case home_question::kind::history: {
        streams::store::query what{.reverse = asked.reverse, .limit = asked.limit};
        if (asked.has_since) what.since = since;
        const auto page = store_.history(channel, what, limits_.page, now_);
        return {page.top, {}, page.why, page.publications};
    }
    case home_question::kind::forget: store_.forget(channel); return {store_.top(channel, now_)};
    case home_question::kind::count: {
        home_answer said;
        said.there = there_.count(channel);
        return said;
    }
    case home_question::kind::list: {
        home_answer said;
        said.there = there_.count(channel);
        if (said.there.clients > limits_.listed_max) return said;
        attendance all;
        all.reserve(said.there.clients);
        there_.each(channel,
                    [&](const presence::client_id& who, const auto& what) { all.emplace_back(who, what.info); });
        said.members = std::make_shared<const attendance>(std::move(all));
        return said;
    }
    }
    CHECK(false);
}

void channel_home::count(metrics::shard_counters& into) const {
    const streams::store::counts& all = store_.counted();
    into.streams = static_cast<std::int64_t>(all.streams);
    into.stream_publications = static_cast<std::int64_t>(all.publications);
    into.stream_bytes = static_cast<std::int64_t>(all.bytes);
    into.streams_evicted = all.evicted_streams;
    into.stream_publications_evicted = all.evicted_publications;
    into.idempotency_keys = static_cast<std::int64_t>(keys_.size());
    into.idempotency_keys_evicted = keys_.evicted();
    into.presence_entries = static_cast<std::int64_t>(there_.entries());
    into.joins_and_leaves = announced_;
    into.joins_and_leaves_not_told = not_announced_;
    into.leaves_waiting = static_cast<std::int64_t>(departed_.size());
    into.leaves_taken_back = came_back_;
}

void channel_home::on_time(std::chrono::steady_clock::time_point now) {
    now_ = std::max(now_, now);
    store_.sweep(now_, swept_at_once);
}

} // namespace carillon::bus
