#include "upstream/upstream.hpp"

#include "base/check.hpp"
#include "discovery/words.hpp"
#include "resp/writer.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace carillon::upstream {

namespace {

// What is longer than a message may be is no channel's name either, and nothing else that is of use.
resp::reply_limits limits_of(const upstream_options& how) {
    constexpr std::size_t text_bytes_min = 64 * 1024;
    resp::reply_limits limits;
    limits.text_bytes_max = std::max(how.payload_bytes_max, text_bytes_min);
    if (!how.scripts.empty()) limits.text_bytes_max += envelope_bytes_max;
    limits.bytes_max = std::max(limits.bytes_max, limits.text_bytes_max + text_bytes_min);
    return limits;
}

} // namespace

upstream::upstream(const upstream_options& how, upstream_listener& listener, std::function<double()> jitter,
                   clock::time_point now)
    : options_{how}, listener_{&listener}, jitter_{std::move(jitter)}, retry_at_{now}, first_{limits_of(how)},
      second_{limits_of(how)} {}

// --- what the shards want

void upstream::want(std::string_view name, clock::time_point now, bool is_pattern) {
    const auto [found, is_new] = channels_.try_emplace(std::string{name});
    channel_state& channel = found->second;
    CHECK(is_new || (!channel.wanted && channel.is_pattern == is_pattern));
    channel.is_pattern = is_pattern;
    channel.wanted = true;
    switch (channel.where) {
    case stage::idle:
        if (!connected()) break; // asked for when the connection is there
        queue_to_ask(name, channel);
        ask(now);
        break;
    case stage::subscribed: listener_->on_subscribed(name); break;
    case stage::asked:
    case stage::leaving: break; // its confirmation goes on from here
    case stage::refused: CHECK(false);
    }
}

void upstream::release(std::string_view name, clock::time_point now) {
    const auto found = channels_.find(std::string{name});
    CHECK(found != channels_.end() && found->second.wanted);
    channel_state& channel = found->second;
    channel.wanted = false;
    channel.released_at = now;
    if (channel.where == stage::subscribed) linger(name, channel);
    const bool unused = channel.where == stage::refused || (channel.where == stage::idle && !channel.to_ask);
    if (unused) channels_.erase(found);
}

void upstream::publish(std::uint64_t publication, std::string_view channel, std::string_view payload,
                       clock::time_point now) {
    ++counts_.publications;
    const bool full = is_full(payload.size());
    if (!connected() || full) {
        ++counts_.publications_failed;
        listener_->on_published(publication, full && connected() ? error::busy : error::away);
        return;
    }
    ++in_flight_;
    speaking().send({"PUBLISH", channel, payload}, {.what = awaited::kind::publish, .publication = publication}, now);
}

void upstream::call(std::uint64_t number, std::span<const std::string_view> words, clock::time_point now) {
    const bool full = is_full(resp::command_bytes(words));
    if (!connected() || full) return listener_->on_call_failed(number, connected() ? error::busy : error::away);
    ++in_flight_;
    speaking().send(words, {.what = awaited::kind::call, .publication = number}, now);
}

void upstream::linger(std::string_view name, channel_state& channel) {
    if (std::exchange(channel.lingering, true)) return; // it stands in line already, and will be looked at again there
    lingering_.push_back({std::string{name}, channel.released_at});
}

void upstream::restored(channel_state& channel) {
    if (std::exchange(channel.restoring, false)) --restoring_;
}

void upstream::queue_to_ask(std::string_view name, channel_state& channel) {
    if (std::exchange(channel.to_ask, true)) return;
    to_ask_.emplace_back(name);
}

// --- what is sent

void upstream::send_names(std::string_view command, const std::vector<std::string>& names, awaited answer,
                          clock::time_point now) {
    std::vector<std::string_view> words{command};
    words.insert(words.end(), names.begin(), names.end());
    answer.left = names.size();
    first_.send(words, std::move(answer), now);
}

void upstream::send_subscribe(const std::vector<std::string>& names, bool of_patterns, clock::time_point now) {
    if (names.empty()) return;
    send_names(of_patterns ? "PSUBSCRIBE" : "SUBSCRIBE", names,
               {.what = awaited::kind::subscribe, .of_patterns = of_patterns, .names = names}, now);
}

void upstream::send_unsubscribe(const std::vector<std::string>& names, bool of_patterns, clock::time_point now) {
    if (names.empty()) return;
    counts_.unsubscribes += names.size();
    send_names(of_patterns ? "PUNSUBSCRIBE" : "UNSUBSCRIBE", names,
               {.what = awaited::kind::unsubscribe, .of_patterns = of_patterns}, now);
}

// Asks for what stands in line, as many channels in one command as it may have.
void upstream::ask(clock::time_point now) {
    // Only when a whole command fits: not one for each confirmation while many channels stand in line.
    const std::size_t names_max = std::min(options_.channels_per_command, options_.asked_max);
    while (!to_ask_.empty() && asked_ + names_max <= options_.asked_max) {
        std::vector<std::string> names, patterns;
        while (!to_ask_.empty() && names.size() + patterns.size() < names_max) {
            std::string name = std::move(to_ask_.front());
            to_ask_.pop_front();
            const auto found = channels_.find(name);
            CHECK(found != channels_.end() && found->second.where == stage::idle);
            found->second.to_ask = false;
            if (!found->second.wanted) {
                restored(found->second);
                channels_.erase(found);
                continue;
            }
            found->second.where = stage::asked;
            (found->second.is_pattern ? patterns : names).push_back(std::move(name));
        }
        const std::size_t count = names.size() + patterns.size();
        if (count == 0) return;
        asked_ += count;
        counts_.subscribes += count;
        send_subscribe(names, false, now);
        send_subscribe(patterns, true, now);
    }
}

void upstream::leave_lingering(clock::time_point now) {
    std::vector<std::string> names, patterns;
    const auto room = [&] { return names.size() + patterns.size() < options_.channels_per_command; };
    // One pass over those in line now; who was wanted and released meanwhile goes to its end.
    for (std::size_t left = lingering_.size(); left > 0 && room(); --left) {
        if (lingering_.front().since + options_.linger > now) break;
        std::string name = std::move(lingering_.front().name);
        lingering_.pop_front();
        const auto found = channels_.find(name);
        CHECK(found != channels_.end() && found->second.lingering);
        channel_state& channel = found->second;
        channel.lingering = false;
        if (channel.wanted) continue;
        if (channel.released_at + options_.linger > now) {
            linger(name, channel);
            continue;
        }
        channel.where = stage::leaving;
        (channel.is_pattern ? patterns : names).push_back(std::move(name));
    }
    send_unsubscribe(names, false, now);
    send_unsubscribe(patterns, true, now);
}

void upstream::on_written(std::size_t count, line which) { lane_of(which).on_written(count); }

// --- the connection

upstream::action upstream::next_action() noexcept { return std::exchange(action_, action::nothing); }

upstream::clock::duration upstream::backoff() {
    // Full jitter: a fleet that lost its bus does not come back in step.
    const double ceiling = std::min<double>(static_cast<double>(options_.backoff_max.count()),
                                            static_cast<double>(options_.backoff_min.count()) *
                                                static_cast<double>(1ull << std::min(failures_ + 1, 20u)));
    const double floor = static_cast<double>(options_.backoff_min.count());
    return std::chrono::microseconds{static_cast<std::int64_t>((floor + jitter_() * (ceiling - floor)) * 1000.0)};
}

void upstream::on_connected(clock::time_point now, line which) {
    CHECK(state_ == (which == line::first ? state::connecting : state::greeting));
    state_ = state::greeting;
    if (which == line::first) {
        greet(first_, now);
    } else {
        greet_plainly(second_, now);
    }
}

void upstream::on_disconnected(std::string_view why, clock::time_point now) {
    if (state_ != state::waiting) lose(why, true, now);
}

void upstream::lose(std::string_view why, bool in_time, clock::time_point now) {
    last_failure_ = discovery::for_the_log(why); // a copy: it may be a view into the input
    const bool was_connected = connected();
    ++(was_connected ? counts_.disconnects : counts_.connect_failures);
    if (!in_time) ++counts_.timeouts;
    const bool next_address = more_addresses_ && !live();
    state_ = state::waiting;
    action_ = action::close;
    retry_at_ = next_address ? now : now + backoff();
    if (!next_address) ++failures_;

    to_ask_.clear();
    lingering_.clear();
    asked_ = 0;
    restoring_ = 0;
    for (auto each = channels_.begin(); each != channels_.end();) {
        if (each->second.wanted) {
            each->second = {.where = stage::idle, .wanted = true, .is_pattern = each->second.is_pattern};
            ++each;
        } else {
            channels_.erase(each++);
        }
    }
    in_flight_ = 0;
    std::deque<awaited> unanswered = first_.reset();
    std::ranges::move(second_.reset(), std::back_inserter(unanswered));
    for (const awaited& each : unanswered) {
        if (each.what == awaited::kind::call) listener_->on_call_failed(each.publication, error::away);
        if (each.what != awaited::kind::publish) continue;
        ++counts_.publications_failed;
        listener_->on_published(each.publication, error::away);
    }
    if (was_connected) listener_->on_away(last_failure_);
}

// --- time

void upstream::on_hold(bool held, clock::time_point now, line which) noexcept { lane_of(which).on_hold(held, now); }

void upstream::on_time(clock::time_point now) {
    looked_at_ = now;
    switch (state_) {
    case state::waiting:
        if (now < retry_at_ || action_ != action::nothing) return;
        state_ = state::connecting;
        action_ = action::connect;
        is_carillon_ = is_plain_ = is_sharing_ = more_addresses_ = false;
        connect_deadline_ = now + options_.connect_timeout;
        return;
    case state::connecting:
    case state::greeting:
        if (now >= connect_deadline_) lose("the connection was not made in time", false, now);
        return;
    case state::restoring:
    case state::live: break;
    }
    if (first_.late(options_.reply_timeout, now) || second_.late(options_.reply_timeout, now))
        return lose("the server does not answer", false, now);
    if (first_.probe_due(options_.ping_interval, now)) probe(first_, now);
    if (is_plain_ && second_.probe_due(options_.ping_interval, now)) probe(second_, now);
    leave_lingering(now);
}

// However much is answered meanwhile: a master that has become a replica goes on answering. Of what says the role,
// HELLO is the one that no ACL forbids. A carillon-bus has no replicas. Without RESP3 there is ROLE, which a connection
// with subscriptions may not use.
void upstream::probe(lane& where, clock::time_point now) {
    if (is_carillon_ || (is_plain_ && &where == &first_)) return where.probe({"PING"}, awaited::kind::ping, now);
    if (is_plain_) return where.probe({"ROLE"}, awaited::kind::role, now);
    where.probe({"HELLO", "3"}, awaited::kind::role, now);
}

upstream::clock::time_point upstream::wake_at() const noexcept {
    switch (state_) {
    case state::waiting: return retry_at_;
    case state::connecting:
    case state::greeting: return connect_deadline_;
    case state::restoring:
    case state::live: break;
    }
    clock::time_point next = looked_at_ + options_.reply_timeout;
    next = std::min(next, first_.wake_at(options_.reply_timeout, options_.ping_interval));
    if (is_plain_) next = std::min(next, second_.wake_at(options_.reply_timeout, options_.ping_interval));
    if (!lingering_.empty()) next = std::min(next, lingering_.front().since + options_.linger);
    return next;
}

void upstream::check_invariants() const {
    std::size_t asked = 0;
    std::size_t to_ask = 0;
    std::size_t lingering = 0;
    std::size_t restoring = 0;
    for (const auto& [name, channel] : channels_) {
        asked += channel.where == stage::asked;
        to_ask += channel.to_ask;
        lingering += channel.lingering;
        restoring += channel.restoring;
        CHECK(channel.wanted || channel.where != stage::idle || channel.to_ask);
        CHECK(!channel.to_ask || channel.where == stage::idle);
        CHECK(channel.wanted || channel.where != stage::refused);
        CHECK(!channel.lingering || channel.where == stage::subscribed);
        CHECK(connected() || channel.where == stage::idle);
    }
    CHECK(asked == asked_ && asked_ <= options_.asked_max);
    CHECK(to_ask == to_ask_.size() && lingering == lingering_.size());
    CHECK(restoring == restoring_ && (restoring_ == 0 || state_ == state::restoring));
    CHECK(state_ != state::live || to_ask_.empty() || asked_ > 0);
    check_lines(asked_);
}

void upstream::check_lines(std::size_t confirmations) const {
    std::size_t publications = 0;
    std::size_t unconfirmed = 0;
    for (const lane* of : {&first_, &second_}) {
        std::size_t probes = 0;
        for (const awaited& each : of->expected) {
            const bool is_probe = each.what == awaited::kind::ping || each.what == awaited::kind::role;
            probes += connected() && is_probe;
            publications += each.what == awaited::kind::publish || each.what == awaited::kind::call;
            if (each.what == awaited::kind::subscribe) unconfirmed += each.left;
            CHECK(each.what == awaited::kind::subscribe ? each.left <= each.names.size() : each.names.empty());
            CHECK(of == &speaking() || each.what != awaited::kind::publish);
            CHECK(of == &first_ || (each.what != awaited::kind::subscribe && each.what != awaited::kind::unsubscribe));
        }
        CHECK(probes == (of->probing() ? 1 : 0));
    }
    CHECK(unconfirmed == confirmations);
    CHECK(publications == in_flight_ && in_flight_ <= options_.in_flight_max);
    CHECK(is_plain_ || second_.expected.empty());
}

} // namespace carillon::upstream
