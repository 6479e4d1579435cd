#include "shards/shard.hpp"

#include "base/check.hpp"
#include "config/rules.hpp"
#include "shards/limits.hpp"

#include <boost/asio/post.hpp>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <random>

namespace carillon::shards {

using clock = net::timer_wheel::clock;

static_assert(config::batch_bytes == hub::deliveries::limits{}.batch_bytes_max); // which an outbox must have room for

namespace {

// Deadlines that pass before what is ready is looked at. A ping is a send, some 15 us.
constexpr std::size_t deadlines_per_turn = 16;
// Of a longer stall, as of a machine that slept, the ticks of one hour are counted.
constexpr std::chrono::hours lag_counted_max{1};

carriers::transport_set transports_of(const std::vector<std::string>& names) {
    carriers::transport_set all;
    for (const std::string& each : names) {
        if (each == "websocket") all.add(carriers::transport::websocket);
        for (const auto& [path, what] : carriers::transport_paths) {
            if (path.ends_with("/" + each)) all.add(what);
        }
    }
    return all;
}

// What is said with clients, however they come.
conversation::options talk_options(const config::settings& how, const share& mine) {
    return {.node = mine.node,
            .shard = mine.number,
            .dev = how.dev,
            .anonymous = how.anonymous,
            .tokens = {.keys = mine.keys.connections,
                       .subscription_keys = mine.keys.subscriptions,
                       .audience = how.token_audience,
                       .issuer = how.token_issuer,
                       .user_claim = how.token_user_claim,
                       .leeway = std::chrono::seconds{how.token_leeway_s},
                       .cookie = how.token_cookie,
                       .query = how.token_query,
                       .token_bytes_max = how.token_bytes_max,
                       .remembered_bytes_max = how.token_memory_bytes_max,
                       .fetch_keys = mine.fetch_keys,
                       .fetch_subscription_keys = mine.fetch_subscription_keys},
            .name_spaces = how.namespaces,
            .expired_close_delay = std::chrono::seconds{how.client_expired_close_delay_s},
            .users = mine.users,
            .personal_channel = how.personal_channel,
            .personal_channel_namespace = how.personal_channel_namespace,
            .outbox_bytes_max = how.client_outbox_bytes_max,
            .subscriptions_max = how.client_subscriptions_max,
            .wildcards_max = how.wildcards_max,
            .channel_bytes_max = how.client_channel_bytes_max,
            .payload_bytes_max = how.bus_payload_bytes_max,
            .ping_interval = how.client_ping_interval,
            .commands_per_second_max = how.client_commands_per_second_max,
            .takes_wishes = !how.bus || std::ranges::any_of(how.namespaces,
                                                            [](const auto& each) {
                                                                return each.history_size > 0 || each.presence ||
                                                                       each.join_leave;
                                                            }),
            .knows_proxies = mine.door.knows_proxies(),
            .compression = {.on = how.websocket_compression,
                            .bytes_min = how.websocket_compression_bytes_min,
                            .level = static_cast<int>(how.websocket_compression_level)}};
}

session::options session_options(const config::settings& how, const share& mine) {
    session::options made;
    static_cast<conversation::options&>(made) = talk_options(how, mine);
    made.path = "/connection/websocket";
    made.transports = transports_of(how.client_transports);
    made.emulate = mine.emulate;
    made.emulate_elsewhere = mine.emulate_elsewhere;
    made.pages = mine.pages;
    made.head = {.bytes = how.client_head_bytes_max, .fields = how.client_head_fields_max};
    made.allowed_origins = how.allowed_origins;
    made.connections_max = mine.clients_max;
    made.farewells_max = how.farewells_max;
    made.message_bytes_max = how.client_message_bytes_max;
    made.commands_per_message_max = how.client_commands_per_message_max;
    made.handshake_timeout = how.client_handshake_timeout;
    made.connect_timeout = how.client_connect_timeout;
    made.pong_timeout = how.client_pong_timeout;
    made.close_timeout = how.client_close_timeout;
    made.door = mine.door;
    return made;
}

std::uint32_t handshakes_of(const config::settings& how, const share& mine) {
    return std::max<std::uint32_t>(1, static_cast<std::uint32_t>(how.tls_handshakes_max) / mine.shards);
}

door::door_options door_options(const config::settings& how, const share& mine) {
    door::door_options options;
    options.password = how.bus_password;
    options.connections_max =
        std::max<std::uint32_t>(1, static_cast<std::uint32_t>(how.bus_connections_max) / mine.shards);
    options.farewells_max = how.farewells_max;
    options.query_bytes_max = how.bus_query_bytes_max;
    options.arguments_max = how.bus_arguments_max;
    options.payload_bytes_max = how.bus_payload_bytes_max;
    options.channel_bytes_max = how.client_channel_bytes_max;
    options.subscriptions_max = how.bus_subscriptions_max;
    options.transaction_commands_max = how.bus_transaction_commands_max;
    options.output_bytes_max = how.bus_output_bytes_max;
    options.close_timeout = how.client_close_timeout;
    options.auth_timeout = how.bus_auth_timeout;
    options.entrance = mine.bus_entrance;
    options.handshakes_max = handshakes_of(how, mine);
    return options;
}

link::turn::limits turn_limits(const config::settings& how) { return {.time_max = how.turn_time}; }

hub::deliveries::limits delivery_limits(const config::settings& how) {
    return {.sends_per_turn = how.deliveries_per_turn,
            .sends_waiting_max = how.deliveries_waiting_max,
            .bytes_waiting_max = how.delivery_bytes_waiting_max};
}

// Epochs are made of the seed, and two shards must not give the same, nor two runs.
std::unique_ptr<bus::channel_home> streams_of(const config::settings& how, const share& mine) {
    const bus::channel_home::limits limits{
        .store = {.bytes_max = how.stream_memory_bytes_max / mine.shards},
        .keys = {.keys_max = how.idempotency_keys_max, .ttl = std::chrono::seconds{how.idempotency_ttl_s}},
        .page = {.publications_max = how.history_publications_max, .bytes_max = how.history_bytes_max},
        .listed_max = how.presence_clients_max,
        .announced_max = how.join_leave_clients_max,
        .departures_max = how.join_leave_waiting_max};
    std::random_device entropy;
    const std::uint64_t seed = std::uint64_t{entropy()} << 32 | entropy();
    return std::make_unique<bus::channel_home>(
        channels::rules::of(how.namespaces, how.dev, how.client_channel_bytes_max), limits, seed);
}

std::uint32_t leases_of(const config::settings& how, const share& mine) {
    return std::max<std::uint32_t>(1, static_cast<std::uint32_t>(how.work_pool) / mine.shards);
}

} // namespace

shard::shard(const config::settings& how, const share& mine, const connect_bus& bus, session::handover plain_http)
    : mine_{mine}, busy_{context_.get_executor()}, refusals_{how.log_refusals_per_s_max},
      records_{mine.connections_max}, poll_{context_, records_}, wheel_{records_, clock::now()},
      pool_{context_, leases_of(how, mine), how.read_buffer_bytes}, turns_{context_, records_, turn_limits(how)},
      deliveries_{delivery_limits(how)}, ticker_{context_} {
    const link::floor floor{context_, records_, poll_, wheel_, pool_, turns_, counters_, net::kernel()};
    poll_.tell_turns(turns_);
    turns_.deliver(deliveries_);
    deliveries_.when_left([this] { turns_.join(); });
    deliveries_.hold(mine.inherited != nullptr);
    hub_.allow({.filters_of_channel_max = how.channel_filters_max,
                .delta_bytes_max = how.delta_memory_bytes_max / mine.shards});
    const bus_end connected = bus(mine.number, context_, hub_);
    broker_ = &connected.any;
    embedded_ = connected.embedded;
    if (embedded_ != nullptr && mine.serves_clients) embedded_->be_home(streams_of(how, mine));
    desk_.emplace(context_, *broker_, hub_, counters_);
    questions_.emplace(*broker_);
    accepting_.patience = how.accept_wait;
    net::listen_options listening{.host = how.client_listen.host,
                                  .port = mine.client_port,
                                  .backlog = static_cast<int>(how.listen_backlog),
                                  .share_port = mine.shards > 1};
    if (mine.serves_clients) {
        session::options clients = session_options(how, mine);
        if (mine.proxies != nullptr) clients.application = &proxies_.emplace(context_, *mine.proxies);
        clients.on_refusal = [this](const session::refusal& what) {
            if (!refusals_(what)) ++counters_.refusals_not_logged;
        };
        clients.entrance = mine.entrance;
        clients.handshakes_max = handshakes_of(how, mine);
        sessions_ = std::make_unique<session::server>(floor, hub_, *broker_, clients, std::move(plain_http));
        if (mine.entrance != nullptr) encrypting_.emplace(*sessions_);
        listening.bytes_first = std::chrono::seconds{1};
        // By then a client that is there would have answered a ping.
        listening.unacknowledged = how.client_ping_interval + how.client_pong_timeout;
        client_listeners_ = mine.inherited != nullptr
                                ? listen(mine.inherited->clients, mine.number, mine.shards)
                                : listen(listening, mine.first == nullptr ? nullptr : &mine.first->client_listeners_);
    }
    shedder_.emplace(context_, sessions_.get());
    if (how.bus_listen) {
        CHECK(embedded_ != nullptr); // loading::load lets nobody have a bus door beside an external bus
        door_ = std::make_unique<door::resp_door>(floor, mine.number, hub_, *embedded_, door_options(how, mine));
        if (mine.bus_entrance != nullptr) encrypting_door_.emplace(*door_);
        listening.host = how.bus_listen->host;
        listening.port = mine.bus_port;
        listening.bytes_first = {}; // some programs connect long before they say anything
        listening.keepalive = std::chrono::seconds{how.bus_keepalive_s};
        listening.unacknowledged = 2 * listening.keepalive; // when the last question of keepalive would have failed
        bus_listeners_ = mine.inherited != nullptr
                             ? listen(mine.inherited->buses, mine.number, mine.shards)
                             : listen(listening, mine.first == nullptr ? nullptr : &mine.first->bus_listeners_);
    }
}

shard::~shard() = default;

// A unix socket belongs to the first shard, and the others listen on it, too.
shard::listeners shard::listen(net::listen_options options, const listeners* of_first) {
    listeners made;
    if (of_first != nullptr && net::is_path(options.host)) {
        for (const auto& each : *of_first) made.push_back(std::make_unique<net::listener>(context_, *each));
        return made;
    }
    for (const std::string& host : net::hosts_of(options.host)) {
        options.host = host;
        made.push_back(std::make_unique<net::listener>(context_, options));
        options.port = made.back()->port(); // when any free one was asked for, the others share it
    }
    return made;
}

// Without it the kernel may let two shards share a processor while another has nothing to do.
void shard::take_processor() {
    if (!mine_.processor) return;
    if (const error_code why = pin_this_thread(*mine_.processor)) {
        spdlog::warn("shard {} cannot stay on processor {}: {}", mine_.number, *mine_.processor, why.message());
    } else {
        spdlog::info("shard {} stays on processor {}", mine_.number, *mine_.processor);
    }
}

template <class Server>
void shard::accept(const listeners& at, Server& plain, std::optional<link::server::encrypting>& encrypted) {
    for (const auto& each : at) {
        if (encrypted) {
            net::accept_connections(*each, pool_, accepting_, *encrypted);
        } else {
            net::accept_connections(*each, pool_, accepting_, plain);
        }
    }
}

void shard::run() {
    take_processor();
    poll_.start();
    if (mine_.inherited == nullptr) accept();
    next_tick_ = clock::now();
    schedule_tick(next_tick_);
    context_.run();
}

void shard::accept() {
    if (sessions_) accept(client_listeners_, *sessions_, encrypting_);
    if (door_) accept(bus_listeners_, *door_, encrypting_door_);
}

void shard::schedule_tick(clock::time_point now) {
    next_tick_ = std::max(next_tick_ + net::timer_wheel::tick, now);
    ticker_.expires_at(next_tick_);
    ticker_.async_wait([this](boost::system::error_code stopped) {
        if (!stopped) tick();
    });
}

void shard::tick() {
    const auto now = clock::now();
    poll_.making().step();
    // How late this was is how long something else had to wait for the shard. Each tick that was missed is a sample of
    // its own: of one for a whole stall nobody would hear.
    const auto late = now - next_tick_;
    const auto counted = std::clamp<clock::duration>(late, clock::duration::zero(), lag_counted_max);
    const auto missed = static_cast<std::uint64_t>(counted / net::timer_wheel::tick);
    counters_.shard_loop_lag.observe_series(late, net::timer_wheel::tick, missed + 1);
    if (frozen_) return schedule_tick(now);
    broker_->on_time(now);
    hub_.flush(); // those of whom it is time to tell that they have left
    pass_deadlines(now);
}

// A few at a time: of many connections hundreds are pinged in one tick, and who is published to must not wait for them.
void shard::pass_deadlines(clock::time_point now) {
    const auto pass = [this](net::connection& c) { poll_.sink_of(c).on_deadline(c); };
    if (!wheel_.advance(now, pass, deadlines_per_turn)) {
        boost::asio::post(context_, [this, now] { pass_deadlines(now); });
        return;
    }
    if (drain_until_ && shedder_->idle() && (drained() || now >= *drain_until_)) return end();
    schedule_tick(now);
}

void shard::drain(std::chrono::milliseconds window, std::chrono::milliseconds patience) {
    if (drain_until_) return;
    drain_until_ = clock::now() + window + patience;
    for (const auto& each : client_listeners_) each->stop();
    for (const auto& each : bus_listeners_) each->stop();
    shedder_->close_all(window, [this, patience] {
        // Until then programs can publish to those who are still there.
        if (door_) door_->drop_all();
        drain_until_ = std::min(*drain_until_, clock::now() + patience);
    });
}

void shard::reconfigure(const config::settings& how, const backend::token_keys& keys) {
    mine_.keys = keys;
    if (door_) door_->use_password(how.bus_password);
    if (!sessions_) return;
    sessions_->reconfigure(session_options(how, mine_));
    if (embedded_ != nullptr && embedded_->home() != nullptr)
        embedded_->home()->use_rules(channels::rules::of(how.namespaces, how.dev, how.client_channel_bytes_max));
}

void shard::hurry() {
    using namespace std::chrono_literals;
    drain(0ms, 0ms);
    drain_until_ = clock::now();
    shedder_->hurry();
}

bool shard::drained() const { return (!sessions_ || sessions_->open() == 0) && (!door_ || door_->open() == 0); }

void shard::end() {
    if (sessions_) sessions_->drop_all();
    if (door_) door_->drop_all();
    pool_.close();
    poll_.stop();
    busy_.reset();
}

std::optional<std::uint32_t> shard::carry_out(const api::command& what) {
    if (!sessions_) return std::nullopt;
    return std::visit(
        [this]<class Request>(const Request& request) -> std::optional<std::uint32_t> {
            if constexpr (requires { sessions_->talks().carry_out(request); })
                return sessions_->talks().carry_out(request);
            CHECK(false); // not asked of users
        },
        what);
}

metrics::shard_counters shard::snapshot() const {
    metrics::shard_counters copy = counters_;
    copy.deliveries = deliveries_.delivered();
    copy.deliveries_waiting = static_cast<std::int64_t>(deliveries_.sends_waiting());
    copy.delivery_bytes_waiting = static_cast<std::int64_t>(deliveries_.bytes_waiting());
    copy.turns_cut_short = turns_.counts().cut_short;
    copy.turn_waits = turns_.counts().waits;
    copy.turn_waiting = static_cast<std::int64_t>(turns_.waiting());
    copy.subscriptions = static_cast<std::int64_t>(hub_.subscriptions());
    copy.channels = static_cast<std::int64_t>(hub_.channels());
    copy.wildcards = static_cast<std::int64_t>(hub_.wildcards());
    copy.deltas = hub_.counted().deltas;
    copy.publications_without_delta = hub_.counted().without_delta;
    copy.delta_bytes_before = hub_.counted().bytes_before;
    copy.delta_bytes_after = hub_.counted().bytes_after;
    copy.delta_memory_bytes = static_cast<std::int64_t>(hub_.delta_bytes());
    copy.filters = static_cast<std::int64_t>(hub_.filters());
    copy.publications_filtered = hub_.counted().filtered;
    if (sessions_) sessions_->talks().tokens().count(copy);
    if (embedded_ != nullptr) {
        const hub::hub& sharded = embedded_->sharded();
        const hub::patterns& patterns = embedded_->patterns();
        copy.subscriptions += static_cast<std::int64_t>(sharded.subscriptions() + patterns.subscriptions());
        copy.channels += static_cast<std::int64_t>(sharded.channels());
        copy.patterns = static_cast<std::int64_t>(patterns.size());
        if (const bus::channel_home* kept = embedded_->home()) kept->count(copy);
    }
    copy.work_pool_leases = pool_.capacity();
    copy.work_pool_leases_used = pool_.used();
    copy.work_pool_waiting = static_cast<std::int64_t>(pool_.waiting());
    copy.work_pool_waits = pool_.counts().waits;
    copy.netpoll_wakeups = poll_.counts().wakeups;
    copy.netpoll_events = poll_.counts().events;
    for (const listeners* all : {&client_listeners_, &bus_listeners_}) {
        for (const auto& each : *all) {
            copy.accept_errors(metrics::accept_error::no_lease) += each->counts().no_lease;
            copy.accept_errors(metrics::accept_error::fd_limit) += each->counts().fd_limit;
            copy.accept_errors(metrics::accept_error::other) += each->counts().failed;
        }
    }
    return copy;
}

void shard::find_channels(const api::channels_request& asked, std::size_t most,
                          std::function<void(channel_counts)> then) {
    go_on(std::make_shared<channel_search>(asked, most), std::move(then));
}

void shard::go_on(std::shared_ptr<channel_search> search, std::function<void(channel_counts)> then) {
    if (search->look(hub_)) return then(search->take());
    boost::asio::post(context_, [this, search = std::move(search), then = std::move(then)]() mutable {
        go_on(std::move(search), std::move(then));
    });
}

} // namespace carillon::shards
