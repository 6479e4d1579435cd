#include "gateway/gateway.hpp"

#include "base/check.hpp"
#include "base/signals_held.hpp"
#include "config/rules.hpp"
#include "control/pages.hpp"
#include "gateway/bus_place.hpp"
#include "gateway/capacity.hpp"
#include "gateway/upstream_log.hpp"
#include "logs/log.hpp"
#include "metrics/expose.hpp"
#include "net/acceptor.hpp"
#include "orders/keeping.hpp"
#include "shards/limits.hpp"
#include "shards/survey.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
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

redis::redis_options redis_options_of(const config::settings& how) {
    redis::redis_options options;
    options.where = whereabouts_of(how);
    options.subscribe_timeout = how.bus_subscribe_timeout;
    options.upstream.user = how.bus->user;
    options.upstream.password = how.bus->password;
    options.upstream.connect_timeout = how.bus_connect_timeout;
    options.upstream.reply_timeout = how.bus_reply_timeout;
    options.upstream.ping_interval = how.bus_ping_interval;
    options.probes = {.interval = how.bus_probe_interval, .patience = how.bus_reply_timeout};
    options.upstream.backoff_min = how.bus_backoff_min;
    options.upstream.backoff_max = how.bus_backoff_max;
    options.upstream.linger = how.bus_linger;
    options.upstream.in_flight_max = how.bus_in_flight_max;
    options.upstream.output_bytes_max = how.bus_upstream_output_bytes_max;
    options.upstream.payload_bytes_max = how.bus_payload_bytes_max;
    options.input_bytes_max = how.bus_upstream_input_bytes_max;
    orders::keep_on_bus(how, options);
    return options;
}

config::program program_of(role which) {
    return which == role::gateway ? config::program::gateway : config::program::bus;
}

control::http_options control_options_of(const config::settings& how, tls::entrance* encrypted) {
    return {.connections_max = how.control_connections_max,
            .request_timeout = how.control_request_timeout,
            .entrance = encrypted};
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

std::uint16_t port_of(const shards::shard::listeners& of) { return of.empty() ? std::uint16_t{0} : of.front()->port(); }

void log_listeners(const shards::shard::listeners& all, std::string_view what) {
    for (const auto& each : all) spdlog::info("listening on {} ({})", each->where(), what);
}

std::string host_name() {
    std::array<char, 256> name{};
    return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "carillon";
}

// Nobody guesses it, and no other process has it.
std::string random_name() { return to_string(boost::uuids::random_generator{}()); }
} // namespace

gateway::gateway(const config::settings& how, role which, std::unique_ptr<predecessor> before)
    : before_{std::move(before)}, loaded_{how}, settings_{fitted(how)}, encryption_{encryption::of(program_of(which),
                                                                                                   settings_)},
      http_{control_context_, control_options_of(settings_, entrance(encryption::port::control))},
      pages_{control_context_, pages_options_of(settings_)}, role_{which} {
    const std::size_t count = config::shards_of(how, shards::allowed_cores());
    if (how.bus) {
        upstream_ = std::make_unique<redis::redis_link>(redis_options_of(how), static_cast<std::uint32_t>(count));
    } else {
        embedded_ = std::make_unique<bus::embedded_bus>(static_cast<std::uint32_t>(count));
    }
    const capacity room = capacity_for(settings_, count);
    connections_max_ = room.clients;
    if (before_ != nullptr) check_place(*before_, how, upstream_.get());
    if (count > 1 && before_ == nullptr) {
        if (which == role::gateway) refuse_shared_address(control_context_, how.client_listen);
        if (how.bus_listen) refuse_shared_address(control_context_, *how.bus_listen);
    }
    build_routes();
    backend::token_keys keys;
    if (auto why = backend::read_token_keys(how, keys)) // they were right when the configuration was read
        throw boost::system::system_error{EINVAL, boost::system::system_category(), *why};
    if (which == role::gateway) backend::log_who_may_come(how, keys);
    outside_.emplace(control_context_, how, keys, shards_);
    if (how.user_connections_max > 0) users_.emplace(static_cast<std::uint32_t>(how.user_connections_max));
    doorkeeper_.emplace(control_context_, how);
    shards::share mine{.number = 0,
                       .shards = static_cast<std::uint32_t>(count),
                       .connections_max =
                           static_cast<std::uint32_t>(std::max<std::size_t>(1, room.connections / count)),
                       .clients_max = static_cast<std::uint32_t>(std::max<std::size_t>(1, room.clients / count)),
                       .serves_clients = which == role::gateway,
                       .client_port = how.client_listen.port,
                       .bus_port = how.bus_listen ? how.bus_listen->port : std::uint16_t{0},
                       .users = users_ ? &*users_ : nullptr,
                       .entrance = entrance(encryption::port::client),
                       .bus_entrance = entrance(encryption::port::bus),
                       .door = doorkeeper_->door(),
                       .pages = client_routes_.paths(),
                       .inherited = before_ != nullptr ? &before_->sockets() : nullptr};
    mine.node = random_name();
    mine.emulate = [this, most = how.client_emulations_waiting_max](std::uint32_t number, std::string session,
                                                                    std::string data) {
        return emulate(number, std::move(session), std::move(data), most);
    };
    if (upstream_) {
        mine.emulate_elsewhere = [this](std::string node, std::string session, std::string data) {
            return emulate_elsewhere(node, std::move(session), std::move(data));
        };
    }
    const session::handover plain_http = [this](int descriptor, std::string bytes) {
        pages_.adopt(descriptor, std::move(bytes), client_routes_);
    };
    const shards::connect_bus connect = [this](std::uint32_t number, asio::io_context& context,
                                               hub::hub& subscribers) -> shards::bus_end {
        if (upstream_) return {upstream_->connect(number, context, subscribers)};
        bus::embedded_broker& embedded = embedded_->connect(number, context, subscribers);
        return {embedded, &embedded};
    };
    const std::vector<int> processors = how.pin_shards ? shards::allowed_processors() : std::vector<int>{};
    if (how.pin_shards && processors.empty())
        spdlog::warn("pin_shards: the kernel does not say which processors there are");
    for (; mine.number < count; ++mine.number) {
        outside_->equip(mine);
        if (mine.number < processors.size()) mine.processor = processors[mine.number];
        try {
            shards_.push_back(std::make_unique<shards::shard>(settings_, mine, connect, plain_http));
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
    ports_ = {mine.client_port, listen_for_control(), mine.bus_port};
    const std::string name = host_name() + "_" + std::to_string(ports_.control);
    if (api_) api_->be_called(name, mine.node);
    outside_->be_called(name, mine.node);
    if (upstream_) join_nodes(mine.node);
    descriptors_at_start_ = metrics::count_open_fds();
}

gateway::~gateway() = default;

tls::entrance* gateway::entrance(encryption::port at) const noexcept {
    return encryption_ ? encryption_->entrance(at) : nullptr;
}

// A request of its own says what a client has to say, and whichever shard it has come to passes it on.
bool gateway::emulate(std::uint32_t number, std::string session, std::string data, std::size_t most) {
    if (number >= shards_.size()) return true; // nobody's
    if (emulated_waiting_.fetch_add(1) >= most) {
        emulated_waiting_.fetch_sub(1);
        return false;
    }
    shards::shard& whose = *shards_[number];
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
        const signals_held by_this_thread;
        start_threads();
        if (before_ != nullptr) take_over();
        waiter = std::thread{[&] {
            join_threads();
            asio::post(control_context_, [&] {
                end_control();
                busy.reset();
            });
        }};
    } catch (const std::system_error& why) {
        // As when the limit on processes is reached. Those that have been started would never end.
        end_threads();
        throw std::system_error{why.code(), "cannot start a thread"};
    } catch (...) { // nobody's place could be taken
        end_threads();
        throw;
    }
    spdlog::info("carillon {} is ready: {} shards, {} connections at most", CARILLON_VERSION, shards_.size(),
                 connections_max_);
    watching_.start();
    doorkeeper_->watch();
    before_ != nullptr ? supervisor_.ready_as_main() : supervisor_.ready();
    await_successor();
    control_context_.run();
    waiter.join();
    spdlog::info("stopped");
}

// When the shards have ended: nothing is awaited any more.
void gateway::end_control() {
    ended_ = true;
    if (successor_) successor_->stop();
    http_.stop();
    pages_.stop();
    if (api_) api_->stop();
    signals_.cancel();
    watching_.stop();
    doorkeeper_->stop();
    outside_->stop();
    departures_->stop();
}

void gateway::start_threads() {
    outside_->start();
    if (upstream_) upstream_thread_ = std::thread{[this] { upstream_->run(); }};
    shard_threads_.reserve(shards_.size());
    for (const auto& each : shards_) shard_threads_.emplace_back([&each] { each->run(); });
}

void gateway::end_threads() {
    for (std::size_t i = 0; i < shard_threads_.size(); ++i)
        asio::post(shards_[i]->context(), [each = shards_[i].get()] { each->hurry(); });
    join_threads();
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
        if (!ended_) await_signal(); // one that was on its way when they were cancelled
    });
}

void gateway::on_signal(int number) {
    if (number == SIGHUP) return on_hangup(number);
    switch (impatience_.next(shutdown_signals::clock::now())) {
    case signal_meaning::begin: spdlog::info("signal {}", number); return stop();
    case signal_meaning::again: return spdlog::info("signal {} together with the one before: it is the same", number);
    case signal_meaning::hurry:
        spdlog::warn("signal {} again: whoever is still there is cut; once more ends the program at once", number);
        return hurry();
    case signal_meaning::end:
        spdlog::warn("signal {} for the third time: ending at once", number);
        logs::finish_log(std::chrono::milliseconds{100});
        std::_Exit(128 + number);
    }
    CHECK(false);
}

} // namespace carillon::gateway
