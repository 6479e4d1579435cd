#include "config/rules.hpp"
#include "control/pages.hpp"
#include "gateway/gateway.hpp"
#include "gateway/upstream_log.hpp"
#include "logs/log.hpp"
#include "metrics/expose.hpp"
#include "shards/survey.hpp"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <utility>

// What the control plane answers.
namespace carillon::gateway {

namespace asio = boost::asio;

namespace {

// The metrics of a shard that does not answer within this are left out.
constexpr std::chrono::milliseconds shard_answer_timeout{1'000};

std::uint64_t open_of(const std::vector<metrics::outward_facts>& targets) {
    std::uint64_t open = 0;
    for (const auto& each : targets) open += each.connections;
    return open;
}

} // namespace

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
    if (keys.empty() && !upstream_) return;
    api_.emplace(control_context_, shards_, settings_); // without a key, for what other gateways ask
    if (keys.empty()) return;
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
    std::function<metrics::shard_counters(shards::shard&)> question = [](shards::shard& of) { return of.snapshot(); };
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
std::chrono::milliseconds gateway::watch_shards() {
    const auto look = [this] {
        watch_->look(stall_watch::clock::now(), [this](std::size_t i) { return shards_[i]->steps(); });
    };
    std::chrono::milliseconds period = settings_.livez_stall / 10;
    if (const auto within = supervisor_.watchdog())
        period = std::min(period, std::chrono::ceil<std::chrono::milliseconds>(*within / 3));
    if (!watch_) watch_.emplace(shards_.size(), period, stall_watch::clock::now());
    look();
    if (watch_->first_stalled(settings_.livez_stall) == shards_.size()) supervisor_.alive();
    return period;
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
    } else if (const std::string why = doorkeeper_->closed(); !why.empty()) {
        answer.status = 503;
        answer.body = why + "\n";
    } else if (upstream_ && !upstream_->live()) {
        const auto figures = co_await ask_upstream();
        // One of several servers concerns its channels alone, and all gateways lack it: none is better than another.
        const bool in_part = upstream_->is_shared_out() && upstream_->reachable();
        answer.status = in_part ? 200 : 503;
        answer.body = in_part ? fmt::format("ready, but of the bus a part is away: {}\n", figures.last_error)
                              : fmt::format("the bus at {} is away: {}\n", upstream_->where(), figures.last_error);
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
    facts.log_lines_dropped = logs::log_lines_dropped();
    std::int64_t clients = 0;
    for (const auto& each : copies) clients += each ? each->connections_open(metrics::connection_kind::websocket) : 0;
    const departures::progress leaving = departures_->at(static_cast<std::uint64_t>(clients));
    facts.reloads_done = reloads_done_;
    facts.reloads_refused = reloads_refused_;
    if (entrance(encryption::port::control) != nullptr) facts.control_tls_handshakes = http_.handshakes();
    facts.drain_clients_left = leaving.left;
    facts.drain_closes_per_second = leaving.rate;
    facts.drain_seconds_left = leaving.seconds;
    doorkeeper_->count(facts);
    std::optional<metrics::upstream_facts> bus;
    if (upstream_) {
        const auto figures = co_await ask_upstream();
        bus = upstream_facts_of(figures);
        bus->nodes = node_facts_of(nodes_->counts());
    }
    control::response answer{
        .status = 200,
        .content_type = metrics::exposition_content_type,
        .body = metrics::expose(copies, facts, bus ? &*bus : nullptr, api_route_ ? &api_requests_ : nullptr, asked),
        .fields = {}};
    co_return answer;
}

} // namespace carillon::gateway
