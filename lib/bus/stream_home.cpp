#include "bus/stream_home.hpp"

#include "base/check.hpp"
#include "bus/broker.hpp"

#include <algorithm>
#include <utility>

namespace carillon::bus {

namespace {

// Of all that there is, at each look at the time: several times a second.
constexpr std::size_t swept_at_once = 512;

streams::keeping keeping_of(const channels::name_space& space) noexcept {
    return {space.history_size, space.history_ttl, space.history_meta_ttl};
}

} // namespace

stream_home::stream_home(channels::rules rules, const limits& how, std::uint64_t seed)
    : rules_{std::move(rules)}, limits_{how}, store_{how.store, seed}, keys_{how.keys} {}

const channels::name_space* stream_home::space_of(std::string_view channel) const noexcept {
    const channels::name_space* const space = rules_.find(channel).space;
    return space != nullptr && space->history_size > 0 ? space : nullptr;
}

stream_home::numbered stream_home::take(std::string_view channel, const publication& what) {
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

stream_answer stream_home::answer(std::string_view channel, const stream_question& asked) {
    const streams::last_seen since{asked.since.offset, asked.since.epoch.view()};
    switch (asked.about) {
    case stream_question::kind::place: return {store_.top(channel, now_)};
    case stream_question::kind::recover: {
        const channels::name_space* const space = space_of(channel);
        const bool newest_only = space != nullptr && space->recovery == channels::recovery_mode::cache;
        const auto found = newest_only ? store_.recover_newest(channel, since, now_)
                                       : store_.recover(channel, since, limits_.page, now_);
        return {found.top, found.said, {}, found.missed};
    }
    case stream_question::kind::history: {
        streams::store::query what{.reverse = asked.reverse, .limit = asked.limit};
        if (asked.has_since) what.since = since;
        const auto page = store_.history(channel, what, limits_.page, now_);
        return {page.top, {}, page.why, page.publications};
    }
    case stream_question::kind::forget: store_.forget(channel); return {store_.top(channel, now_)};
    }
    CHECK(false);
}

void stream_home::count(metrics::shard_counters& into) const {
    const streams::store::counts& all = store_.counted();
    into.streams = static_cast<std::int64_t>(all.streams);
    into.stream_publications = static_cast<std::int64_t>(all.publications);
    into.stream_bytes = static_cast<std::int64_t>(all.bytes);
    into.streams_evicted = all.evicted_streams;
    into.stream_publications_evicted = all.evicted_publications;
    into.idempotency_keys = static_cast<std::int64_t>(keys_.size());
    into.idempotency_keys_evicted = keys_.evicted();
}

void stream_home::on_time(std::chrono::steady_clock::time_point now) {
    now_ = std::max(now_, now);
    store_.sweep(now_, swept_at_once);
}

} // namespace carillon::bus
