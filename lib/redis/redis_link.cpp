#include "redis/redis_link.hpp"

#include "protocol/payload.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <array>
#include <exception>
#include <random>
#include <utility>

namespace carillon::redis {

namespace asio = boost::asio;
using clock = upstream::clock;

namespace {

constexpr std::array both{upstream::line::first, upstream::line::second};
constexpr auto no_throw = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t read_bytes = 64 * 1024;
// Reads of one turn, before what the shards want is looked at again.
constexpr int reads_per_turn = 16;

double random_part() {
    thread_local std::minstd_rand generator{std::random_device{}()};
    return std::uniform_real_distribution<double>{0.0, 1.0}(generator);
}

} // namespace

upstream_message::upstream_message(redis_link& from, std::size_t bytes, std::string_view name,
                                   const hub::publication& what, std::string_view by)
    : link{from}, held_bytes{bytes}, channel{name}, wildcard{by}, payload{what.payload}, is_json{what.is_json},
      info{what.info}, tags{what.tags}, at{what.offset, streams::epoch{what.epoch}}, kind{what.what} {
    link.input_bytes_ += held_bytes;
}

upstream_message::~upstream_message() { link.delivered(held_bytes); }

redis_link::redis_link(const redis_options& how, std::uint32_t shards)
    : options_{how}, upstream_{how.upstream, *this, random_part, clock::now()},
      brokers_(shards), mailbox_{context_}, dialer_{context_, options_.where}, wire_{context_, [this] { wake(); }},
      second_{context_, [this] { wake(); }}, sleep_{context_}, watcher_{context_, options_.where}, watch_{context_},
      received_(read_bytes, '\0') {
    if (!options_.keeping) return;
    const ledger::names names{options_.keeping->prefix};
    streams_.emplace(options_.keeping->reads, names, *this);
    presence_.emplace(options_.keeping->presence, names, *this);
}

redis_link::~redis_link() = default;

redis_broker& redis_link::connect(std::uint32_t shard, asio::io_context& context, hub::hub& subscribers) {
    CHECK(shard < brokers_.size() && brokers_[shard] == nullptr);
    brokers_[shard] = std::make_unique<redis_broker>(*this, shard, context, subscribers);
    if (options_.keeping) brokers_[shard]->rules_ = options_.keeping->rules();
    return *brokers_[shard];
}

void redis_link::run() {
    asio::co_spawn(context_, keep_connected(), [](const std::exception_ptr& failed) {
        if (failed) std::rethrow_exception(failed);
    });
    if (!options_.where.sentinels.empty()) {
        asio::co_spawn(context_, watch_sentinels(), [](const std::exception_ptr& failed) {
            if (failed) std::rethrow_exception(failed);
        });
    }
    context_.run();
}

void redis_link::stop() {
    asio::post(context_, [this] {
        stopping_ = true;
        dialer_.stop();
        watcher_.stop();
        watch_.cancel();
        close_wires(); // which ends an attempt to connect
        wake();
        if (looks_up()) context_.stop(); // nothing ends that but the system's resolver, after a long time perhaps
    });
}

// --- the spine: everything that happens to the connection happens here, one thing after the other

asio::awaitable<void> redis_link::keep_connected() {
    while (!stopping_) {
        // Before the time is looked at: what has come while we were held up is no silence.
        for (const auto each : both) read_available(each);
        upstream_.on_time(clock::now());
        look_at_kept(clock::now());
        for (const auto each : both) write_pending(each);
        const upstream::action due = upstream_.next_action();
        if (due == upstream::action::close) {
            tell_failure();
            close_wires();
        }
        if (due == upstream::action::connect) co_await open(upstream::line::first);
        if (due == upstream::action::connect_second) co_await open(upstream::line::second);
        if (due != upstream::action::nothing) continue;
        if (woken_ || (wire_.readable() && !holding_) || second_.readable()) {
            co_await asio::post(context_, asio::use_awaitable); // what the shards want comes in turn with what arrives
        } else {
            co_await pause();
        }
        woken_ = false;
    }
    close_wires();
}

asio::awaitable<void> redis_link::open(upstream::line which) {
    wire& opened = wire_of(which);
    std::string why;
    if (which == upstream::line::first) {
        std::string unopened = co_await dialer_.open(&opened, upstream_.wake_at());
        why = std::move(unopened);
        upstream_.on_more_addresses(dialer_.has_more());
    } else {
        std::string unopened = co_await dialer_.open_beside(&opened, upstream_.wake_at());
        why = std::move(unopened);
    }
    if (!why.empty()) {
        upstream_.on_time(clock::now()); // which knows whether it was for want of time
        upstream_.on_disconnected(why, clock::now());
        co_return;
    }
    opened.opened(2 * options_.upstream.reply_timeout);
    upstream_.on_connected(clock::now(), which);
}

// Until something happens: bytes, room to write, wishes of a shard, or the time that the upstream waits for.
asio::awaitable<void> redis_link::pause() {
    sleep_.expires_at(std::min(upstream_.wake_at(), wake_for_kept()));
    auto [interrupted] = co_await sleep_.async_wait(no_throw);
    (void)interrupted;
}

void redis_link::wake() {
    woken_ = true;
    sleep_.cancel();
}

void redis_link::read_available(upstream::line which) {
    if (upstream_.where() == upstream::state::waiting) return;
    wire& from = wire_of(which);
    bool holding = false;
    for (int i = 0; i < reads_per_turn; ++i) {
        holding = must_hold(which);
        if (!from.readable() || holding) break;
        boost::system::error_code failed;
        const std::size_t count = from.read(received_, failed);
        if (failed) return upstream_.on_disconnected(from.why(failed), clock::now());
        if (count == 0) break;
        upstream_.on_received({received_.data(), count}, clock::now(), which);
        if (upstream_.where() == upstream::state::waiting) return;
    }
    if (which == upstream::line::first) holding_ = holding;
    // What is awaited may be among what is not read yet.
    upstream_.on_hold(holding || from.readable(), clock::now(), which);
}

// While shards are behind, further messages stay with the server: what it keeps for us has a limit of its own.
bool redis_link::must_hold(upstream::line which) {
    // Neither a greeting nor what comes on the second connection is a message.
    if (!upstream_.connected() || which != upstream::line::first) return false;
    if (held_.load()) return true;
    if (input_bytes_.load() <= options_.input_bytes_max) return false;
    held_.store(true);
    // What was delivered before that has woken nobody.
    if (input_bytes_.load() <= options_.input_bytes_max / 2 && held_.exchange(false)) return false;
    ++holds_;
    return true;
}

// A message is gone. Any thread.
void redis_link::delivered(std::size_t bytes) {
    const std::size_t left = input_bytes_.fetch_sub(bytes) - bytes;
    if (left <= options_.input_bytes_max / 2 && held_.load() && held_.exchange(false)) {
        asio::post(context_, [this] { wake(); });
    }
}

void redis_link::write_pending(upstream::line which) {
    wire& to = wire_of(which);
    while (to.writable() && !upstream_.output(which).empty()) {
        boost::system::error_code failed;
        const std::size_t count = to.write(upstream_.output(which), failed);
        if (failed) return upstream_.on_disconnected(to.why(failed), clock::now());
        upstream_.on_written(count, which);
    }
}

void redis_link::close_wires() {
    wire_.close();
    second_.close();
}

// --- what the shards ask

void redis_link::ask(request what) {
    mailbox_.push(std::move(what), [this](std::vector<request>& requests) { receive(requests); });
}

void redis_link::ask(redis_broker& whose, request::kind what, std::string_view channel) {
    ++whose.asked_;
    const bool is_wildcard = what == request::kind::want && whose.hub_->is_wildcard(channel);
    ask({.what = what, .shard = whose.shard_, .channel = std::string{channel}, .is_wildcard = is_wildcard});
}

void redis_link::receive(std::vector<request>& requests) {
    const auto now = clock::now();
    for (request& each : requests) {
        if (each.what <= request::kind::release) brokers_[each.shard]->heard_.fetch_add(1, std::memory_order_relaxed);
        switch (each.what) {
        case request::kind::want: {
            if (refuse_reserved(each)) break;
            interest_count& interest = interest_[each.channel];
            if (interest.shards++ == 0) {
                upstream_.want(each.channel, now, each.is_wildcard);
            } else {
                tell_state(each.shard, each.channel, interest);
            }
            break;
        }
        case request::kind::confirm: {
            const auto found = interest_.find(each.channel);
            CHECK(found != interest_.end());
            tell_state(each.shard, each.channel, found->second);
            break;
        }
        case request::kind::release: {
            const auto found = interest_.find(each.channel);
            CHECK(found != interest_.end());
            if (--found->second.shards > 0) break;
            interest_.erase(found);
            if (streams_) streams_->on_released(each.channel);
            if (!is_reserved(each.channel)) upstream_.release(each.channel, now);
            break;
        }
        case request::kind::publish:
            publishers_.emplace(next_publication_, publisher{each.shard, each.listener, each.whose,
                                                             each.channel.size() + each.payload.size()});
            upstream_.publish(next_publication_++, each.channel, each.payload, now);
            break;
        case request::kind::call: publish_by_call(each, now); break;
        case request::kind::ask: ask_stream(each, now); break;
        case request::kind::say: speak(each, now); break;
        case request::kind::enter:
            presence_->enter(each.channel, each.passes->who, std::move(each.passes->what), each.passes->how, now);
            break;
        case request::kind::leave: presence_->leave(each.channel, each.passes->who, each.passes->how, now); break;
        }
    }
    wake();
}

// --- what the upstream says

void redis_link::tell(std::uint32_t shard, redis_broker::notice what) {
    redis_broker& reader = *brokers_[shard];
    reader.mailbox_.push(std::move(what),
                         [&reader](std::vector<redis_broker::notice>& notices) { reader.receive(notices); });
}

// As it is known now; if nothing is known yet, on_subscribed or on_refused will tell.
void redis_link::tell_state(std::uint32_t shard, const std::string& channel, const interest_count& interest) {
    const std::uint64_t heard = brokers_[shard]->heard_.load(std::memory_order_relaxed);
    using kind = redis_broker::notice::kind;
    if (interest.subscribed) tell(shard, {.what = kind::subscribed, .channel = channel, .heard = heard});
    if (interest.refused) {
        tell(shard, {.what = kind::refused, .channel = channel, .heard = heard, .why = *interest.refused});
    }
}

void redis_link::tell_all(const redis_broker::notice& what) {
    for (std::uint32_t shard = 0; shard < brokers_.size(); ++shard) tell(shard, what);
}

void redis_link::on_subscribed(std::string_view channel) {
    if (hears_nodes_on(channel)) return;
    const auto found = interest_.find(std::string{channel});
    CHECK(found != interest_.end());
    found->second.subscribed = true;
    const std::size_t hash = bus::channel_hash(channel);
    for (std::uint32_t shard = 0; shard < brokers_.size(); ++shard) {
        if (brokers_[shard]->filter_.may_have(hash)) tell_state(shard, found->first, found->second);
    }
    if (streams_) streams_->on_subscribed(channel);
}

void redis_link::on_refused(std::string_view channel, error why) {
    if (hears_nodes_on(channel)) return nodes_refused_(channel);
    const auto found = interest_.find(std::string{channel});
    CHECK(found != interest_.end());
    found->second.refused = why;
    const std::size_t hash = bus::channel_hash(channel);
    for (std::uint32_t shard = 0; shard < brokers_.size(); ++shard) {
        if (brokers_[shard]->filter_.may_have(hash)) tell_state(shard, found->first, found->second);
    }
    if (streams_) streams_->on_refused(channel, why);
}

void redis_link::on_message(std::string_view channel, std::string_view payload) {
    if (hears_nodes_on(channel)) return heard_by_nodes_(payload);
    if (streams_ && ledger::is_envelope(payload)) return on_envelope(channel, payload);
    if (const auto what = plain(payload)) give(channel, *what);
}

// To the shards that may have subscribers.
void redis_link::give(std::string_view channel, const hub::publication& what, std::string_view wildcard) {
    std::shared_ptr<const upstream_message> message;
    const std::size_t hash = bus::channel_hash(wildcard.empty() ? channel : wildcard);
    for (std::uint32_t shard = 0; shard < brokers_.size(); ++shard) {
        if (!brokers_[shard]->filter_.may_have(hash)) continue;
        if (message == nullptr) {
            const std::size_t bytes = channel.size() + wildcard.size() + what.payload.size() + what.info.size() +
                                      what.tags.size() + sizeof(upstream_message) +
                                      brokers_.size() * sizeof(redis_broker::notice);
            message = std::make_shared<const upstream_message>(*this, bytes, channel, what, wildcard);
        }
        tell(shard, {.what = redis_broker::notice::kind::message, .message = message});
    }
}

void redis_link::on_oversized(std::string_view channel, std::uint64_t payload_bytes) {
    ++refused_;
    if (told_oversized_) told_oversized_(channel, payload_bytes);
}

void redis_link::on_published(std::uint64_t publication, publish_result receivers) {
    if (on_spoken(publication, receivers)) return;
    const auto found = publishers_.find(publication);
    CHECK(found != publishers_.end());
    const publisher who = std::move(found->second);
    publishers_.erase(found);
    tell(who.shard, {.what = redis_broker::notice::kind::published,
                     .listener = who.listener,
                     .whose = who.whose,
                     .receivers = receivers,
                     .bytes = who.bytes});
}

void redis_link::on_away(std::string_view) {
    live_ = false;
    for (auto& [name, interest] : interest_) interest = {.shards = interest.shards};
    if (streams_) streams_->on_away();
    if (presence_) presence_->on_away();
    tell_all({.what = redis_broker::notice::kind::away});
}

// Once for each reason, not for each attempt; nor for one address, where there are more to be tried.
void redis_link::tell_failure() {
    if (upstream_.more_addresses()) return;
    if (upstream_.last_failure() == told_failure_) return;
    told_failure_ = upstream_.last_failure();
    if (told_) told_(false, told_failure_);
}

void redis_link::on_back() {
    live_ = true;
    if (presence_) presence_->on_back(clock::now());
    dialer_.worked();
    note_place();
    told_failure_.clear();
    if (told_) told_(true, remark());
    tell_all({.what = redis_broker::notice::kind::back});
}

redis_link::figures redis_link::snapshot() const {
    figures now{.counts = upstream_.counts(),
                .channels = upstream_.channels(),
                .in_flight = upstream_.in_flight(),
                .refused = refused_,
                .input_bytes = input_bytes_.load(),
                .holds = holds_,
                .live = upstream_.live(),
                .as_text = as_text_,
                .last_error = upstream_.last_failure(),
                .failovers = failovers_};
    now.counts.publications += calls_;
    now.counts.publications_failed += calls_failed_;
    if (!streams_) return now;
    now.reads = streams_->counts();
    now.read_channels = streams_->channels();
    now.present = presence_->entries();
    now.presence_calls = presence_->calls();
    return now;
}

} // namespace carillon::redis
