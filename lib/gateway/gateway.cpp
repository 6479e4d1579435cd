#include "gateway/gateway.hpp"

#include "base/check.hpp"
#include "config/rules.hpp"
#include "control/pages.hpp"
#include "gateway/capacity.hpp"
#include "gateway/keeping.hpp"
#include "gateway/limits.hpp"
#include "gateway/log.hpp"
#include "gateway/survey.hpp"
#include "gateway/upstream_log.hpp"
#include "metrics/expose.hpp"
#include "net/acceptor.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/uuid/random_generator.hpp>
#include <boost/uuid/uuid_io.hpp>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <new>
#include <string_view>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace carillon::gateway {

namespace asio = boost::asio;

namespace {

// The metrics of a shard that does not answer within this are left out.
constexpr std::chrono::milliseconds shard_answer_timeout{1'000};

redis::redis_options redis_options_of(const config::settings& how) {
    redis::redis_options options;
    options.host = how.bus->host;
    options.port = how.bus->port;
    options.subscribe_timeout = how.bus_subscribe_timeout;
    options.upstream.user = how.bus->user;
    options.upstream.password = how.bus->password;
    options.upstream.connect_timeout = how.bus_connect_timeout;
    options.upstream.reply_timeout = how.bus_reply_timeout;
    options.upstream.ping_interval = how.bus_ping_interval;
    options.upstream.backoff_min = how.bus_backoff_min;
    options.upstream.backoff_max = how.bus_backoff_max;
    options.upstream.linger = how.bus_linger;
    options.upstream.in_flight_max = how.bus_in_flight_max;
    options.upstream.output_bytes_max = how.bus_upstream_output_bytes_max;
    options.upstream.payload_bytes_max = how.bus_payload_bytes_max;
    options.input_bytes_max = how.bus_upstream_input_bytes_max;
    keep_on_bus(how, options);
    return options;
}

control::http_options control_options_of(const config::settings& how) {
    return {.connections_max = how.control_connections_max, .request_timeout = how.control_request_timeout};
}

control::http_options pages_options_of(const config::settings& how) {
    return {.connections_max = how.control_connections_max,
            .request_timeout = how.control_request_timeout,
            .head_bytes_max = how.client_head_bytes_max};
}

// With SO_REUSEPORT a second process could listen beside the first and take half of its connections unseen.
void refuse_shared_address(boost::asio::io_context& context, const config::address& where) {
    if (where.port == 0 || where.is_path()) return;
    for (const std::string& host : net::hosts_of(where.host)) net::acceptor alone{context, host, where.port};
}

std::uint16_t port_of(const shard::listeners& of) { return of.empty() ? std::uint16_t{0} : of.front()->port(); }

void log_listeners(const shard::listeners& all, std::string_view what) {
    for (const auto& each : all) spdlog::info("listening on {} ({})", each->where(), what);
}

std::string host_name() {
    std::array<char, 256> name{};
    return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "carillon";
}

std::uint64_t open_of(const std::vector<metrics::outward_facts>& targets) {
    std::uint64_t open = 0;
    for (const auto& each : targets) open += each.connections;
    return open;
}

} // namespace

namespace {
// Nobody guesses it, and no other process has it.
std::string random_name() { return to_string(boost::uuids::random_generator{}()); }
} // namespace

gateway::gateway(const config::settings& how, role which)
    : loaded_{how}, settings_{fitted(how)}, http_{control_context_, control_options_of(settings_)},
      pages_{control_context_, pages_options_of(settings_)}, role_{which} {
    const std::size_t count = config::shards_of(how, allowed_cores());
    if (how.bus) {
        upstream_ = std::make_unique<redis::redis_link>(redis_options_of(how), static_cast<std::uint32_t>(count));
    } else {
        embedded_ = std::make_unique<bus::embedded_bus>(static_cast<std::uint32_t>(count));
    }
    const capacity room = capacity_for(settings_, count);
    connections_max_ = room.clients;
    if (count > 1) {
        if (which == role::gateway) refuse_shared_address(control_context_, how.client_listen);
        if (how.bus_listen) refuse_shared_address(control_context_, *how.bus_listen);
    }
    build_routes();
    token_keys keys;
    if (auto why = read_token_keys(how, keys)) // they were right when the configuration was read
        throw boost::system::system_error{EINVAL, boost::system::system_category(), *why};
    if (which == role::gateway) log_who_may_come(how, keys);
    outside_.emplace(control_context_, how, keys, shards_);
    if (how.user_connections_max > 0) users_.emplace(static_cast<std::uint32_t>(how.user_connections_max));
    if (which == role::gateway) encryption_ = encryption::of(how);
    share mine{.number = 0,
               .shards = static_cast<std::uint32_t>(count),
               .connections_max = static_cast<std::uint32_t>(std::max<std::size_t>(1, room.connections / count)),
               .clients_max = static_cast<std::uint32_t>(std::max<std::size_t>(1, room.clients / count)),
               .serves_clients = which == role::gateway,
               .client_port = how.client_listen.port,
               .bus_port = how.bus_listen ? how.bus_listen->port : std::uint16_t{0},
               .users = users_ ? &*users_ : nullptr,
               .entrance = encryption_ ? &encryption_->entrance() : nullptr,
               .pages = client_routes_.paths()};
    mine.node = random_name();
    mine.emulate = [this](std::uint32_t number, std::string session, std::string data) {
        return emulate(number, std::move(session), std::move(data));
    };
    const session::handover plain_http = [this](int descriptor, std::string bytes) {
        pages_.adopt(descriptor, std::move(bytes), client_routes_);
    };
    const connect_bus connect = [this](std::uint32_t number, asio::io_context& context,
                                       hub::hub& subscribers) -> bus_end {
        if (upstream_) return {upstream_->connect(number, context, subscribers)};
        bus::embedded_broker& embedded = embedded_->connect(number, context, subscribers);
        return {embedded, &embedded};
    };
    const std::vector<int> processors = how.pin_shards ? allowed_processors() : std::vector<int>{};
    if (how.pin_shards && processors.empty())
        spdlog::warn("pin_shards: the kernel does not say which processors there are");
    for (; mine.number < count; ++mine.number) {
        outside_->equip(mine);
        if (mine.number < processors.size()) mine.processor = processors[mine.number];
        try {
            shards_.push_back(std::make_unique<shard>(settings_, mine, connect, plain_http));
        } catch (const std::bad_alloc&) {
            throw boost::system::system_error{
                ENOMEM, boost::system::system_category(),
                fmt::format("no room in memory for the records of {} connections and {} buffers of {} bytes",
                            room.connections, how.work_pool, how.read_buffer_bytes)};
        }
        // The first shard finds a free port when none was asked for; the others share it.
        mine.first = shards_.front().get();
        mine.client_port = port_of(mine.first->client_listeners());
        mine.bus_port = port_of(mine.first->bus_listeners());
    }
    ports_ = {mine.client_port, http_.listen(how.control_listen.host, how.control_listen.port, control_routes_),
              mine.bus_port};
    const std::string name = host_name() + "_" + std::to_string(ports_.control);
    const std::string boot = to_string(boost::uuids::random_generator{}());
    if (api_) api_->be_called(name, boot);
    outside_->be_called(name, boot);
    descriptors_at_start_ = metrics::count_open_fds();
}

gateway::~gateway() = default;

// A request of its own says what a client has to say, and whichever shard it has come to passes it on.
bool gateway::emulate(std::uint32_t number, std::string session, std::string data) {
    if (number >= shards_.size()) return true; // nobody's
    if (emulated_waiting_.fetch_add(1) >= settings_.client_emulations_waiting_max) {
        emulated_waiting_.fetch_sub(1);
        return false;
    }
    shard& whose = *shards_[number];
    asio::post(whose.context(), [this, &whose, session = std::move(session), data = std::move(data)]() mutable {
        emulated_waiting_.fetch_sub(1);
        whose.on_emulated(session, std::move(data));
    });
    return true;
}

void gateway::run() {
    log_listeners(shards_.front()->client_listeners(), "client");
    for (const std::string& each : http_.where()) spdlog::info("listening on {} (control)", each);
    log_listeners(shards_.front()->bus_listeners(), "bus");
    if (settings_.dev) spdlog::warn("development mode: anybody may connect, from every origin");
    if (upstream_) log_upstream(*upstream_, settings_.bus_payload_bytes_max, settings_.log_refusals_per_s_max);
    auto busy = asio::make_work_guard(control_context_);
    std::thread waiter;
    try {
        start_threads();
        waiter = std::thread{[&] {
            join_threads();
            asio::post(control_context_, [&] {
                http_.stop();
                pages_.stop();
                signals_.cancel();
                watching_.cancel();
                outside_->stop();
                departures_->stop();
                busy.reset();
            });
        }};
    } catch (const std::system_error& why) {
        // As when the limit on processes is reached. Those that have been started would never end.
        for (std::size_t i = 0; i < shard_threads_.size(); ++i)
            asio::post(shards_[i]->context(), [each = shards_[i].get()] { each->hurry(); });
        join_threads();
        throw std::system_error{why.code(), "cannot start a thread"};
    }
    spdlog::info("carillon {} is ready: {} shards, {} connections at most", CARILLON_VERSION, shards_.size(),
                 connections_max_);
    watch_shards();
    supervisor_.ready();
    control_context_.run();
    waiter.join();
    spdlog::info("stopped");
}

void gateway::start_threads() {
    outside_->start();
    if (upstream_) upstream_thread_ = std::thread{[this] { upstream_->run(); }};
    shard_threads_.reserve(shards_.size());
    for (const auto& each : shards_) shard_threads_.emplace_back([&each] { each->run(); });
}

// When the shards have ended; the link serves them until then.
void gateway::join_threads() {
    for (std::thread& each : shard_threads_) each.join();
    shard_threads_.clear();
    outside_->join();
    if (!upstream_thread_.joinable()) return;
    upstream_->stop();
    upstream_thread_.join();
}

// --- shutdown

void gateway::stop() {
    if (stopping_.exchange(true)) return;
    asio::post(control_context_, [this] {
        outside_->tell("draining");
        supervisor_.stopping();
        departures_->begin(
            {.delay = settings_.drain_delay, .window = settings_.drain_window, .patience = settings_.shutdown_timeout});
    });
}

void gateway::hurry() {
    if (!stopping_) return;
    asio::post(control_context_, [this] { departures_->hurry(); });
}

void gateway::stop_on_signals() {
    signals_.add(SIGTERM);
    signals_.add(SIGINT);
    signals_.add(SIGHUP);
    await_signal();
}

void gateway::await_signal() {
    signals_.async_wait([this](boost::system::error_code failed, int number) {
        if (failed) return;
        on_signal(number);
        await_signal();
    });
}

void gateway::on_signal(int number) {
    if (number == SIGHUP) {
        if (encryption_) read_certificates_again();
        return on_hangup(number);
    }
    switch (impatience_.next(shutdown_signals::clock::now())) {
    case signal_meaning::begin: spdlog::info("signal {}", number); return stop();
    case signal_meaning::again: return spdlog::info("signal {} together with the one before: it is the same", number);
    case signal_meaning::hurry:
        spdlog::warn("signal {} again: whoever is still there is cut; once more ends the program at once", number);
        return hurry();
    case signal_meaning::end:
        spdlog::warn("signal {} for the third time: ending at once", number);
        finish_log(std::chrono::milliseconds{100});
        std::_Exit(128 + number);
    }
    CHECK(false);
}

void gateway::read_certificates_again() {
    if (auto why = encryption_->reload(settings_)) spdlog::error("the certificates stay as they are: {}", *why);
}

// --- the control plane

void gateway::build_routes() {
    control_routes_.add("/livez", [this] { return live(); });
    control_routes_.add("/readyz", [this] { return ready(); });
    control_routes_.add("/metrics", [this] { return metrics(); });
    if (settings_.probes_on_client_port) {
        client_routes_.add("/livez", [this] { return live(); });
        client_routes_.add("/readyz", [this] { return ready(); });
    }
    if (settings_.dev) control::add_demo_page(client_routes_);
    departures_.emplace(control_context_, shards_);
    control_routes_.add("/api/drain", [this] { return drain_progress(); });
    offer_api();
    offer_admin();
}

std::vector<control::api_access> gateway::api_access_of(const config::settings& how) {
    std::vector<control::api_access> keys;
    for (auto& each : config::api_keys_of(how)) keys.push_back({std::move(each.key), std::move(each.methods)});
    return keys;
}

// Not without a key, and on the client port where that is asked for.
void gateway::offer_api() {
    const std::vector<control::api_access> keys = api_access_of(settings_);
    if (keys.empty()) return;
    api_.emplace(control_context_, shards_, settings_);
    const api::limits limits{.body_bytes_max = settings_.api_body_bytes_max,
                             .broadcast_channels_max = settings_.api_broadcast_channels_max,
                             .batch_commands_max = settings_.api_batch_commands_max};
    api_route_.emplace(keys, limits, *api_, api_requests_);
    offer_departures();
    offer_reload();
    control_routes_.add("/api", *api_route_);
    if (settings_.api_on_client_port) client_routes_.add("/api", *api_route_);
}

// Every shard copies its counters on its own thread; there is none of one that has not answered in time.
asio::awaitable<std::vector<std::optional<metrics::shard_counters>>> gateway::collect() {
    std::function<metrics::shard_counters(shard&)> question = [](shard& of) { return of.snapshot(); };
    auto copies = co_await ask_shards<metrics::shard_counters>(control_context_, shards_, shard_answer_timeout,
                                                               std::move(question));
    co_return copies;
}

// The link copies its figures on its own thread; it is never busy for long.
asio::awaitable<redis::redis_link::figures> gateway::ask_upstream() {
    const auto answer = std::make_shared<redis::redis_link::figures>();
    const auto answered = std::make_shared<asio::steady_timer>(control_context_, shard_answer_timeout);
    asio::post(upstream_->context(), [this, answer, answered] {
        asio::post(control_context_, [answer, answered, copy = upstream_->snapshot()] {
            *answer = copy;
            answered->cancel();
        });
    });
    auto [interrupted] = co_await answered->async_wait(asio::as_tuple(asio::use_awaitable));
    (void)interrupted;
    co_return *answer;
}

// Looks at the shards ten times within the time that they have, and asks none of them: one that is busy would answer
// late.
void gateway::watch_shards() {
    const auto look = [this] {
        watch_->look(stall_watch::clock::now(), [this](std::size_t i) { return shards_[i]->steps(); });
    };
    std::chrono::milliseconds period = settings_.livez_stall / 10;
    if (const auto within = supervisor_.watchdog())
        period = std::min(period, std::chrono::ceil<std::chrono::milliseconds>(*within / 3));
    if (!watch_) watch_.emplace(shards_.size(), period, stall_watch::clock::now());
    look();
    if (watch_->first_stalled(settings_.livez_stall) == shards_.size()) supervisor_.alive();
    watching_.expires_after(period);
    watching_.async_wait([this](boost::system::error_code stopped) {
        if (!stopped) watch_shards();
    });
}

asio::awaitable<control::response> gateway::live() {
    control::response answer{.status = 200, .body = "ok\n", .fields = {}};
    const std::size_t stalled = watch_->first_stalled(settings_.livez_stall);
    if (stalled < shards_.size() && !stopping_) {
        answer.status = 503;
        answer.body = fmt::format("shard {} has got nothing done for {} ms\n", stalled, settings_.livez_stall.count());
    }
    co_return answer;
}

asio::awaitable<control::response> gateway::ready() {
    control::response answer{.status = 200, .body = "ready\n", .fields = {}};
    if (stopping_) {
        answer.status = 503;
        answer.body = "shutting down\n";
    } else if (upstream_ && !upstream_->live()) {
        const auto figures = co_await ask_upstream();
        answer.status = 503;
        answer.body = fmt::format("the bus at {} is away: {}\n", upstream_->where(), figures.last_error);
    }
    co_return answer;
}

// What was open before anybody came, and a descriptor for each connection: a shard that has not answered is missing.
std::uint64_t gateway::counted_descriptors(const std::vector<std::optional<metrics::shard_counters>>& copies) const {
    std::uint64_t open = descriptors_at_start_ + http_.connections() + pages_.connections();
    for (const auto& each : copies) {
        if (!each) continue;
        open += static_cast<std::uint64_t>(each->connections_open(metrics::connection_kind::websocket));
        open += static_cast<std::uint64_t>(each->connections_open(metrics::connection_kind::resp));
        open += static_cast<std::uint64_t>(each->farewells);
    }
    return open;
}

asio::awaitable<control::response> gateway::metrics() {
    const auto copies = co_await collect();
    const auto asked = co_await outside_->facts(shard_answer_timeout);
    auto facts = metrics::read_process_facts(connections_max_, counted_descriptors(copies) + open_of(asked));
    facts.log_lines_dropped = log_lines_dropped();
    std::int64_t clients = 0;
    for (const auto& each : copies) clients += each ? each->connections_open(metrics::connection_kind::websocket) : 0;
    const departures::progress leaving = departures_->at(static_cast<std::uint64_t>(clients));
    facts.reloads_done = reloads_done_;
    facts.reloads_refused = reloads_refused_;
    facts.drain_clients_left = leaving.left;
    facts.drain_closes_per_second = leaving.rate;
    facts.drain_seconds_left = leaving.seconds;
    std::optional<metrics::upstream_facts> bus;
    if (upstream_) {
        const auto figures = co_await ask_upstream();
        bus = upstream_facts_of(figures);
    }
    control::response answer{
        .status = 200,
        .content_type = metrics::exposition_content_type,
        .body = metrics::expose(copies, facts, bus ? &*bus : nullptr, api_route_ ? &api_requests_ : nullptr, asked),
        .fields = {}};
    co_return answer;
}

} // namespace carillon::gateway
