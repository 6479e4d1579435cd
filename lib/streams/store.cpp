#include "streams/store.hpp"

#include "base/check.hpp"

#include <boost/intrusive/list.hpp>

#include <algorithm>
#include <utility>

namespace carillon::streams {

namespace intrusive = boost::intrusive;

struct newest_versions {
    std::string epoch;
    std::uint64_t number = 0;
};

// A channel that has been published to.
struct store::stream {
    using hook = intrusive::list_member_hook<intrusive::link_mode<intrusive::safe_link>>;

    explicit stream(std::string_view name) : channel{name} {}

    kept stands() const noexcept { return {top, ring.size()}; }

    std::string channel;
    position top;
    streams::ring ring;
    clock::time_point ring_until{};
    clock::time_point meta_until{};
    std::unique_ptr<newest_versions> versions;
    hook by_age;   // in the list of those with publications, or of those without
    hook in_sweep; // in that of all
};

struct store::lists {
    template <stream::hook stream::*Hook>
    using list_of = intrusive::list<stream, intrusive::member_hook<stream, stream::hook, Hook>,
                                    intrusive::constant_time_size<false>>;

    list_of<&stream::by_age> full; // the one that was published to least recently is the first
    list_of<&stream::by_age> bare; // that have no publications, in the same order
    list_of<&stream::in_sweep> all;
};

std::size_t store::by_name::operator()(const stream* of) const noexcept { return name_hash(of->channel); }
bool store::same_name::operator()(const stream* a, std::string_view b) const noexcept { return a->channel == b; }

store::store(const limits& how, std::uint64_t seed)
    : limits_{how}, incarnation_{seed}, current_{streams::epoch::of_number(seed)}, lists_{std::make_unique<lists>()} {}

store::~store() {
    lists_->full.clear();
    lists_->bare.clear();
    lists_->all.clear_and_dispose([](stream* each) { delete each; });
}

std::size_t store::bytes_of(const stream& which) noexcept {
    const std::size_t versions = which.versions == nullptr ? 0 : sizeof(newest_versions) + which.versions->epoch.size();
    return sizeof(stream) + 2 * sizeof(stream*) + which.channel.size() + versions;
}

bool store::is_over(const stream& which, clock::time_point now) const noexcept { return now >= which.meta_until; }

store::stream* store::find(std::string_view channel, clock::time_point now) {
    const auto found = by_name_.find(channel);
    if (found == by_name_.end()) return nullptr;
    stream& there = **found;
    if (is_over(there, now)) return erase(there), nullptr;
    if (!there.ring.empty() && now >= there.ring_until) empty(there);
    return &there;
}

store::stream& store::make(std::string_view channel) {
    auto made = std::make_unique<stream>(channel);
    made->top.epoch = current_;
    by_name_.insert(made.get());
    lists_->bare.push_back(*made);
    lists_->all.push_back(*made);
    ++counts_.streams;
    counts_.bytes += bytes_of(*made);
    return *made.release();
}

void store::empty(stream& which) {
    if (which.ring.empty()) return;
    for (given& each : given_) {
        if (each.of == &which) each = {};
    }
    for (std::size_t i = 0; i < which.ring.size(); ++i) {
        counts_.bytes -= which.ring[i]->size() + publication::overhead_bytes;
    }
    counts_.publications -= which.ring.size();
    which.ring.clear();
    lists_->full.erase(lists_->full.iterator_to(which));
    // Those without publications stand in the order of their last one only nearly: it decides who is forgotten first.
    lists_->bare.push_back(which);
}

// Who comes to the channel later must not take what begins then for what it knows: there is another epoch from now on,
// for all streams that are not there.
void store::erase(stream& which) {
    empty(which);
    current_ = streams::epoch::of_number(incarnation_ += 0x9e37'79b9'7f4a'7c15);
    by_name_.erase(&which);
    lists_->bare.erase(lists_->bare.iterator_to(which));
    lists_->all.erase(lists_->all.iterator_to(which));
    --counts_.streams;
    counts_.bytes -= bytes_of(which);
    delete &which;
}

void store::make_room() {
    while (counts_.bytes > limits_.bytes_max) {
        if (!lists_->full.empty()) {
            stream& oldest = lists_->full.front();
            counts_.evicted_publications += oldest.ring.size();
            empty(oldest);
        } else {
            if (lists_->bare.empty()) return;
            ++counts_.evicted_streams;
            erase(lists_->bare.front());
        }
    }
}

// False: one as new was there.
bool store::take_version(stream& which, const version& of) {
    const bool known = which.versions != nullptr && which.versions->epoch == of.epoch;
    if (known && of.number <= which.versions->number) return false;
    counts_.bytes -= bytes_of(which);
    if (!known) which.versions = std::make_unique<newest_versions>(newest_versions{std::string{of.epoch}});
    which.versions->number = of.number;
    counts_.bytes += bytes_of(which);
    return true;
}

store::added store::add(std::string_view channel, const keeping& how, const draft& what, const version& of,
                        clock::time_point now) {
    CHECK(how.publications > 0);
    stream* there = find(channel, now);
    stream& to = there == nullptr ? make(channel) : *there;
    if (of.number != 0 && !take_version(to, of)) return {to.top, true};
    ++to.top.offset;
    to.ring_until = now + how.ttl;
    to.meta_until = now + std::max(how.ttl, how.meta_ttl);
    auto& from = to.ring.empty() ? lists_->bare : lists_->full;
    from.erase(from.iterator_to(to));
    lists_->full.push_back(to);
    while (to.ring.size() >= how.publications) {
        counts_.bytes -= to.ring.pop_oldest()->size() + publication::overhead_bytes;
        --counts_.publications;
    }
    to.ring.push(publication::make(what), how.publications);
    counts_.bytes += to.ring[to.ring.size() - 1]->size() + publication::overhead_bytes;
    ++counts_.publications;
    const added done{to.top};
    make_room(); // may forget even this one, if it alone is too much
    return done;
}

position store::top(std::string_view channel, clock::time_point now) {
    const stream* there = find(channel, now);
    return there == nullptr ? position{0, current_} : there->top;
}

// `count` of the `newest` publications, from the oldest of these on. Who asks the same gets the same.
shared_batch store::oldest_first(const stream& of, std::size_t newest, std::size_t count) {
    if (count == 0) return nullptr;
    const std::uint64_t first = of.top.offset - newest + 1;
    const std::uint64_t last = first + count - 1;
    for (const given& each : given_) {
        if (each.of == &of && each.first == first && each.top == last && each.epoch == of.top.epoch) return each.what;
    }
    batch made{.first = first};
    made.publications.reserve(count);
    for (std::size_t i = of.ring.size() - newest; made.publications.size() < count; ++i) {
        made.publications.push_back(of.ring[i]);
    }
    auto shared = std::make_shared<const batch>(std::move(made));
    given_[next_given_++ % given_.size()] = {&of, first, last, of.top.epoch, shared};
    return shared;
}

store::recovery store::recover(std::string_view channel, const last_seen& of_client, const page_limits& most,
                               clock::time_point now) {
    const stream* there = find(channel, now);
    const kept stands = there == nullptr ? kept{{0, current_}} : there->stands();
    const missed found = what_was_missed(stands, of_client, most.publications_max);
    recovery answer{stands.top, found.said};
    if (found.said != verdict::recovered || found.count == 0) return answer;
    std::size_t bytes = 0;
    for (std::size_t i = there->ring.size() - found.count; i < there->ring.size(); ++i) bytes += there->ring[i]->size();
    if (bytes > most.bytes_max) {
        answer.said = verdict::too_many;
        return answer;
    }
    answer.missed = oldest_first(*there, found.count, found.count);
    return answer;
}

store::recovery store::recover_newest(std::string_view channel, const last_seen& of_client, clock::time_point now) {
    const stream* there = find(channel, now);
    const kept stands = there == nullptr ? kept{{0, current_}} : there->stands();
    const missed found = newest_if_missed(stands, of_client);
    recovery answer{stands.top, found.said};
    if (found.count > 0) answer.missed = oldest_first(*there, 1, 1);
    return answer;
}

store::page store::history(std::string_view channel, const query& what, const page_limits& most,
                           clock::time_point now) {
    const stream* there = find(channel, now);
    page answer{there == nullptr ? position{0, current_} : there->top};
    if (what.since && !what.since->epoch.empty() && what.since->epoch != answer.top.epoch.view()) {
        answer.why = query_error::wrong_epoch;
        return answer;
    }
    if (what.since && what.reverse && what.since->offset == 0) {
        answer.why = query_error::bad_offset;
        return answer;
    }
    if (there == nullptr || what.limit == 0 || there->ring.empty()) return answer;
    const ring& all = there->ring;
    const std::uint64_t oldest = there->top.offset - all.size() + 1;
    // Which of those that are kept: from `begin` to before `end`.
    std::size_t begin = 0;
    std::size_t end = all.size();
    if (what.since && !what.reverse && what.since->offset >= oldest)
        begin = static_cast<std::size_t>(std::min<std::uint64_t>(what.since->offset - oldest + 1, all.size()));
    if (what.since && what.reverse)
        end = what.since->offset <= oldest
                  ? 0
                  : static_cast<std::size_t>(std::min<std::uint64_t>(what.since->offset - oldest, all.size()));
    if (begin >= end) return answer;
    const std::size_t asked = what.limit < 0 ? most.publications_max : static_cast<std::size_t>(what.limit);
    const std::size_t count_max = std::min({end - begin, asked, most.publications_max});
    std::size_t count = 0;
    for (std::size_t bytes = 0; count < count_max; ++count) {
        bytes += all[what.reverse ? end - 1 - count : begin + count]->size();
        if (bytes > most.bytes_max && count > 0) break; // the rest comes with the next question
    }
    if (!what.reverse) {
        answer.publications = oldest_first(*there, all.size() - begin, count);
        return answer;
    }
    batch made{.first = oldest + end - 1, .reverse = true};
    for (std::size_t i = 0; i < count; ++i) made.publications.push_back(all[end - 1 - i]);
    answer.publications = std::make_shared<const batch>(std::move(made));
    return answer;
}

void store::forget(std::string_view channel) {
    const auto found = by_name_.find(channel);
    if (found != by_name_.end()) empty(**found);
}

void store::sweep(clock::time_point now, std::size_t streams_max) {
    auto& all = lists_->all;
    for (std::size_t left = std::min(streams_max, counts_.streams); left > 0 && !all.empty(); --left) {
        stream& next = all.front();
        all.pop_front();
        all.push_back(next);
        if (is_over(next, now)) {
            erase(next);
        } else if (now >= next.ring_until) {
            empty(next);
        }
    }
}

void store::check_invariants() const {
    std::size_t bytes = 0;
    std::size_t publications = 0;
    std::size_t streams = 0;
    for (const stream& each : lists_->all) {
        ++streams;
        publications += each.ring.size();
        bytes += bytes_of(each);
        CHECK(each.ring.size() <= each.top.offset && each.by_age.is_linked());
        for (std::size_t i = 0; i < each.ring.size(); ++i) bytes += each.ring[i]->size() + publication::overhead_bytes;
        CHECK(*by_name_.find(std::string_view{each.channel}) == &each);
    }
    for (const stream& each : lists_->full) CHECK(!each.ring.empty());
    for (const stream& each : lists_->bare) CHECK(each.ring.empty());
    CHECK(streams == counts_.streams && by_name_.size() == streams);
    CHECK(publications == counts_.publications && bytes == counts_.bytes);
}

} // namespace carillon::streams
