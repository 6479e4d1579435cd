#include "redis/redis_link.hpp"

#include "protocol/payload.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <exception>
#include <utility>

namespace carillon::redis {

namespace asio = boost::asio;
using clock = upstream::clock;

namespace {

constexpr std::size_t read_bytes = 64 * 1024;

} // namespace

upstream_message::upstream_message(redis_link& from, std::size_t bytes, std::string_view name,
                                   const hub::publication& what, std::string_view by)
    : link{from}, held_bytes{bytes}, channel{name}, wildcard{by}, payload{what.payload}, is_json{what.is_json},
      info{what.info}, tags{what.tags}, at{what.offset, streams::epoch{what.epoch}}, kind{what.what} {
    link.input_bytes_ += held_bytes;
}

upstream_message::~upstream_message() { link.delivered(held_bytes); }

redis_link::redis_link(const redis_options& how, std::uint32_t shards)
    : options_{how}, received_(read_bytes, '\0'),
      brokers_(shards), mailbox_{context_}, watcher_{context_, options_.where}, watch_{context_} {
    if (!options_.where.cluster.nodes.empty()) {
        cluster_.emplace(options_.where.cluster, options_.upstream.reply_timeout);
    } else if (!options_.where.servers.empty()) {
        share_out();
    } else {
        branches_.push_back(made_branch(1, options_.where));
    }
    if (!options_.keeping) return;
    const ledger::names names{options_.keeping->prefix};
    streams_.emplace(options_.keeping->reads, names, *this);
    presence_.emplace(options_.keeping->presence, names, *this);
}

redis_link::~redis_link() = default;

std::unique_ptr<branch> redis_link::made_branch(std::uint32_t number, const whereabouts& where) {
    wires::branch_owner& owner = *this;
    auto made =
        std::make_unique<branch>(owner, number, branch::surroundings{context_, options_.upstream, received_}, where);
    if (!probe_channel_.empty()) begin_probing(*made);
    return made;
}

redis_broker& redis_link::connect(std::uint32_t shard, asio::io_context& context, hub::hub& subscribers) {
    CHECK(shard < brokers_.size() && brokers_[shard] == nullptr);
    brokers_[shard] = std::make_unique<redis_broker>(*this, shard, context, subscribers);
    if (options_.keeping) brokers_[shard]->rules_ = options_.keeping->rules();
    return *brokers_[shard];
}

void redis_link::run() {
    const auto begin = [this](asio::awaitable<void> what) {
        asio::co_spawn(context_, std::move(what), [](const std::exception_ptr& failed) {
            if (failed) std::rethrow_exception(failed);
        });
    };
    for (const auto& each : branches_) each->start();
    if (!options_.where.sentinels.empty()) begin(watch_sentinels());
    if (cluster_) begin(watch_cluster());
    context_.run();
}

void redis_link::stop() {
    asio::post(context_, [this] {
        stopping_ = true;
        watcher_.stop();
        watch_.cancel();
        for (const auto& each : branches_) each->stop();
        if (looks_up()) context_.stop(); // nothing ends that but the system's resolver, after a long time perhaps
    });
}

void redis_link::use_login(wires::logins now) {
    asio::post(context_, [this, now = std::move(now)] {
        options_.upstream.user = now.user;
        options_.upstream.password = now.password;
        options_.where.use_login(now);
        watcher_.use_login(now);
        for (const auto& each : branches_) each->use_login(now);
        if (cluster_) cluster_->pace.wish();
        watch_.cancel();
    });
}

void redis_link::on_login_refused(const branch& from, const std::string& why) {
    if (told_login_refused_) told_login_refused_(named(from) + why);
}

bool redis_link::looks_up() const noexcept {
    const auto looking = [](const auto& each) { return each->looks_up(); };
    if (cluster_ && std::ranges::any_of(cluster_->closed, looking)) return true;
    return watcher_.looking_up() || std::ranges::any_of(branches_, looking);
}

// While shards are behind, further messages stay with the server: what it keeps for us has a limit of its own.
bool redis_link::must_hold() {
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
        asio::post(context_, [this] {
            for (const auto& each : branches_) each->wake();
        });
    }
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
                interest.is_wildcard = each.is_wildcard;
                settle(each.channel, interest.at, each.is_wildcard);
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
            const std::uint32_t at = found->second.at;
            interest_.erase(found);
            if (streams_) streams_->on_released(each.channel);
            release(each.channel, at);
            break;
        }
        case request::kind::publish: publish(each, now); break;
        case request::kind::call: publish_by_call(each); break;
        case request::kind::ask: ask_stream(each, now); break;
        case request::kind::say: speak(each, now); break;
        case request::kind::enter:
            presence_->enter(each.channel, each.passes->who, std::move(each.passes->what), each.passes->how, now);
            break;
        case request::kind::leave: presence_->leave(each.channel, each.passes->who, each.passes->how, now); break;
        case request::kind::forget: presence_->forget(each.channel, each.passes->who); break;
        }
    }
    if (!branches_.empty()) branches_.front()->wake(); // which looks after what is kept
}

// It is wanted by the branch that has it now, and by no other.
void redis_link::settle(const std::string& channel, std::uint32_t& at, bool is_wildcard) {
    const bool by_all = is_everywhere(channel, is_wildcard);
    branch* const now = by_all ? nullptr : home_of(channel);
    const std::uint32_t number = by_all ? everybody : now == nullptr ? 0 : now->number();
    if (at == number) return;
    release(channel, std::exchange(at, number));
    for (const auto& each : branches_) {
        if (!by_all && each.get() != now) continue;
        each->up().want(channel, clock::now(), is_wildcard);
        each->wake();
    }
}

void redis_link::publish(const request& what, clock::time_point now) {
    const std::uint64_t number = next_publication_++;
    publishers_.emplace(number,
                        publisher{what.shard, what.listener, what.whose, what.channel.size() + what.payload.size()});
    branch* const its = home_of(what.channel);
    if (its == nullptr) return on_published(number, error::away);
    its->up().publish(number, what.channel, what.payload, now);
    its->wake();
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

void redis_link::on_subscribed(const branch& from, std::string_view channel) {
    if (channel == probe_channel_) return probes_.at(from.number()).on_subscribed(clock::now());
    if (hears_nodes_on(channel)) return;
    const auto found = interest_.find(std::string{channel});
    CHECK(found != interest_.end());
    if (!is_had(from, found->second)) return;
    found->second.subscribed = true;
    const std::size_t hash = bus::channel_hash(channel);
    for (std::uint32_t shard = 0; shard < brokers_.size(); ++shard) {
        if (brokers_[shard]->filter_.may_have(hash)) tell_state(shard, found->first, found->second);
    }
    if (streams_) streams_->on_subscribed(channel);
}

void redis_link::on_refused(std::string_view channel, error why) {
    if (channel == probe_channel_) return; // nothing is probed there
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

void redis_link::on_message(const branch& from, std::string_view channel, std::string_view payload) {
    if (channel == probe_channel_) return on_probe(from, payload);
    if (!hears_from(from, channel)) return;
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
    if (on_spoken(publication, receivers) || on_probe_published(publication, receivers)) return;
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

void redis_link::on_away(const branch& from) {
    if (const auto its = probes_.find(from.number()); its != probes_.end()) its->second.on_away();
    for (auto& [name, interest] : interest_) forget(from, interest);
    if (streams_) streams_->on_away([&](std::string_view channel) { return home_of(channel) == &from; });
    if (presence_) presence_->on_away();
    note_state();
}

void redis_link::on_back() {
    if (presence_) presence_->on_back(clock::now());
    note_state();
}

// Shards ask about each channel while one of the servers is away.
void redis_link::note_state() {
    reachable_ = std::ranges::any_of(branches_, [](const auto& each) { return each->up().live(); });
    const bool live = all_live();
    if (live_.exchange(live) == live) return;
    if (live && told_) told_(true, remark());
    using kind = redis_broker::notice::kind;
    tell_all({.what = live ? kind::back : kind::away});
}

void redis_link::on_failed(const branch& which, bool news) {
    if (cluster_) {
        cluster_->pace.wish();
        watch_.cancel();
    }
    if (news && told_) told_(false, failure_of(which));
}

// Which of several it is that something is said of.
std::string redis_link::named(const branch& of) const {
    return cluster_ || servers_ ? to_string(of.leads().named()) + ": " : std::string{};
}

std::string redis_link::failure_of(const branch& of) const { return named(of) + of.up().last_failure(); }

std::string redis_link::last_failure() const {
    std::string all;
    for (const auto& each : branches_)
        if (!each->up().live()) all += (all.empty() ? "" : ", ") + failure_of(*each);
    if (!all.empty()) return all;
    return cluster_ ? cluster_->failure : branches_.front()->up().last_failure();
}

redis_link::figures redis_link::snapshot() const {
    figures now{.counts = {},
                .refused = refused_,
                .input_bytes = input_bytes_.load(),
                .holds = holds_,
                .live = live(),
                .as_text = as_text_,
                .last_error = last_failure(),
                .servers = branches_.size(),
                .probe = slowest_probe(),
                .probes_lost = probes_lost_};
    for (const auto& each : branches_) {
        add(now.counts, each->up().counts());
        now.channels += each->up().channels();
        now.in_flight += each->up().in_flight();
        now.failovers += each->failovers();
        now.servers_live += each->up().live();
    }
    if (cluster_) {
        add(now.counts, cluster_->counted);
        now.failovers += cluster_->failovers;
        now.redirects = cluster_->redirects;
        now.topologies = cluster_->topologies;
    }
    // Probes are nobody's publications.
    now.counts.publications += calls_ - probes_sent_;
    now.counts.publications_failed += calls_failed_ - probes_failed_;
    if (!streams_) return now;
    now.reads = streams_->counts();
    now.read_channels = streams_->channels();
    now.present = presence_->entries();
    now.presence_calls = presence_->calls();
    return now;
}

} // namespace carillon::redis
