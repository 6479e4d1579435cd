#include "metrics/expose.hpp"

#include <fmt/format.h>
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <array>
#include <initializer_list>
#include <limits>
#include <string_view>
#include <vector>

namespace carillon::metrics {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using label_names = std::initializer_list<std::string_view>;

/// The metric's one number, where the serializer looks for it.
template <class Number>
void set_value(ClientMetric& metric, MetricType type, Number number) {
    (type == MetricType::Counter ? metric.counter.value : metric.gauge.value) = static_cast<double>(number);
}

ClientMetric for_shard(std::size_t shard) {
    ClientMetric metric;
    metric.label.push_back({"shard", fmt::to_string(shard)});
    return metric;
}

/// Collects the families; every member function takes one line of shard_metrics.def.
class collector {
public:
    explicit collector(std::span<const std::optional<shard_counters>> shards) : shards_{shards} {}

    template <class Number>
    void plain(MetricType type, std::string name, std::string_view help, Number shard_counters::*member) {
        auto& family = add(type, std::move(name), help);
        each_shard([&](std::size_t shard, const shard_counters& counters) {
            auto& metric = family.metric.emplace_back(for_shard(shard));
            set_value(metric, type, counters.*member);
        });
    }

    template <class Labelled>
    void labelled(MetricType type, std::string name, std::string_view help, Labelled shard_counters::*member,
                  label_names names) {
        auto& family = add(type, std::move(name), help);
        each_shard([&](std::size_t shard, const shard_counters& counters) {
            (counters.*member).each([&](std::initializer_list<std::string_view> values, auto number) {
                auto& metric = family.metric.emplace_back(for_shard(shard));
                const auto* value = values.begin();
                for (const auto label : names) metric.label.push_back({std::string{label}, std::string{*value++}});
                set_value(metric, type, number);
            });
        });
    }

    void histogram(std::string name, std::string_view help, duration_histogram shard_counters::*member) {
        auto& family = add(MetricType::Histogram, std::move(name), help);
        each_shard([&](std::size_t shard, const shard_counters& counters) {
            fill(family.metric.emplace_back(for_shard(shard)), counters.*member);
        });
    }

    /// One number of each target that is asked.
    template <class Number>
    void of_targets(MetricType type, std::string name, std::string_view help, std::span<const outward_facts> targets,
                    Number&& number) {
        auto& family = add(type, std::move(name), help);
        for (const outward_facts& each : targets)
            set_value(family.metric.emplace_back(for_target(each)), type, number(each));
    }

    void outward_requests(std::span<const outward_facts> targets) {
        auto& family = add(MetricType::Counter, "carillon_outward_requests_total",
                           "Requests to the application and to others outside, by target and how they ended.");
        for (const outward_facts& each : targets)
            each.requests.each([&](label_names outcome, std::uint64_t number) {
                auto& metric = family.metric.emplace_back(for_target(each));
                metric.label.push_back({"outcome", std::string{*outcome.begin()}});
                metric.counter.value = static_cast<double>(number);
            });
    }

    void outward_durations(std::span<const outward_facts> targets) {
        auto& family = add(MetricType::Histogram, "carillon_outward_duration_seconds",
                           "How long these requests took, from the question to the end, by target.");
        for (const outward_facts& each : targets) fill(family.metric.emplace_back(for_target(each)), each.durations);
    }

    /// A fact about the process; 0 means unknown.
    template <class Number>
    void fact(MetricType type, std::string name, std::string_view help, Number number) {
        if (number == Number{}) return;
        set_value(add(type, std::move(name), help).metric.emplace_back(), type, number);
    }

    /// A fact that is known, and may be 0.
    template <class Number>
    void known_fact(MetricType type, std::string name, std::string_view help, Number number) {
        set_value(add(type, std::move(name), help).metric.emplace_back(), type, number);
    }

    void api_requests(const api_request_counts& counts) {
        auto& family = add(MetricType::Counter, "carillon_api_requests_total",
                           "Requests and commands of batches to the server API, by method and how they were answered.");
        counts.each([&](label_names method, const auto& outcomes) {
            outcomes.each([&](label_names outcome, std::uint64_t number) {
                auto& metric = family.metric.emplace_back();
                metric.label = {{"method", std::string{*method.begin()}}, {"outcome", std::string{*outcome.begin()}}};
                metric.counter.value = static_cast<double>(number);
            });
        });
    }

    void reloads(const process_facts& facts) {
        auto& family = add(MetricType::Counter, "carillon_reloads_total",
                           "Times the configuration was read anew: taken, or refused because it is wrong.");
        const auto one = [&](const char* result, std::uint64_t number) {
            auto& metric = family.metric.emplace_back();
            metric.label = {{"result", result}};
            metric.counter.value = static_cast<double>(number);
        };
        one("ok", facts.reloads_done);
        one("refused", facts.reloads_refused);
    }

    void control_handshakes(const by<tls_handshake>& counts) {
        auto& family = add(MetricType::Counter, "carillon_control_tls_handshakes_total",
                           "TLS handshakes on the control port, by what became of them.");
        counts.each([&](label_names outcome, std::uint64_t number) {
            auto& metric = family.metric.emplace_back();
            metric.label = {{"outcome", std::string{*outcome.begin()}}};
            metric.counter.value = static_cast<double>(number);
        });
    }

    void build_info(const process_facts& facts) {
        auto& family = add(MetricType::Gauge, "carillon_build_info", "What this program was built from; always 1.");
        auto& metric = family.metric.emplace_back();
        metric.label = {{"version", facts.version}, {"compiler", facts.compiler}};
        metric.gauge.value = 1;
    }

    std::vector<MetricFamily> take() && { return std::move(families_); }

private:
    static ClientMetric for_target(const outward_facts& of) {
        ClientMetric metric;
        metric.label.push_back({"target", of.target});
        return metric;
    }

    static void fill(ClientMetric& metric, const duration_histogram& source) {
        auto& target = metric.histogram;
        for (std::size_t bucket = 0; bucket < source.counts().size(); ++bucket) {
            target.sample_count += source.counts()[bucket];
            target.bucket.push_back({target.sample_count, upper_bound(bucket)});
        }
        target.sample_sum = source.sum_seconds();
    }

    static double upper_bound(std::size_t bucket) {
        if (bucket == duration_histogram::bounds.size()) return std::numeric_limits<double>::infinity();
        return static_cast<double>(duration_histogram::bounds[bucket].count()) / 1e6;
    }

    template <class Visit>
    void each_shard(Visit&& visit) const {
        for (std::size_t shard = 0; shard < shards_.size(); ++shard)
            if (shards_[shard]) visit(shard, *shards_[shard]);
    }

    MetricFamily& add(MetricType type, std::string name, std::string_view help) {
        auto& family = families_.emplace_back();
        family.name = std::move(name);
        family.help = help;
        family.type = type;
        return family;
    }

    std::span<const std::optional<shard_counters>> shards_;
    std::vector<MetricFamily> families_;
};

void collect_shards(collector& into) {
#define COUNTER(member, help)                                                                                          \
    into.plain(MetricType::Counter, "carillon_" #member "_total", help, &shard_counters::member);
#define GAUGE(member, help) into.plain(MetricType::Gauge, "carillon_" #member, help, &shard_counters::member);
#define HISTOGRAM(member, help) into.histogram("carillon_" #member "_seconds", help, &shard_counters::member);
#define LABELLED_COUNTER(type, member, help, ...)                                                                      \
    into.labelled(MetricType::Counter, "carillon_" #member "_total", help, &shard_counters::member, {__VA_ARGS__});
#define LABELLED_GAUGE(type, member, help, ...)                                                                        \
    into.labelled(MetricType::Gauge, "carillon_" #member, help, &shard_counters::member, {__VA_ARGS__});
#include "metrics/shard_metrics.def"
#undef COUNTER
#undef GAUGE
#undef HISTOGRAM
#undef LABELLED_COUNTER
#undef LABELLED_GAUGE
}

void collect_facts(collector& into, const process_facts& facts) {
    constexpr auto counter = MetricType::Counter, gauge = MetricType::Gauge;
    into.build_info(facts);
    into.fact(gauge, "carillon_connections_limit", "Client connections the process takes at most.",
              facts.connections_limit);
    into.known_fact(counter, "carillon_log_lines_dropped_total", "Lines of the log that nobody read in time.",
                    facts.log_lines_dropped);
    into.fact(gauge, "carillon_memory_used_bytes", "Memory in use, of what the cgroup allows.",
              facts.memory_used_bytes);
    into.fact(gauge, "carillon_memory_limit_bytes", "Memory that the cgroup allows.", facts.memory_limit_bytes);
    into.known_fact(gauge, "carillon_addresses", "Addresses remembered, for their limits.", facts.addresses);
    into.known_fact(counter, "carillon_addresses_uncounted_total",
                    "Connections let in uncounted, because no more addresses could be remembered.",
                    facts.addresses_uncounted);
    into.reloads(facts);
    if (facts.control_tls_handshakes) into.control_handshakes(*facts.control_tls_handshakes);
    into.known_fact(gauge, "carillon_drain_clients_left", "Clients still to be told to go, at a shutdown or rebalance.",
                    facts.drain_clients_left);
    into.known_fact(gauge, "carillon_drain_closes_per_second", "Clients told to go in a second, at such a time.",
                    facts.drain_closes_per_second);
    into.known_fact(gauge, "carillon_drain_seconds_left", "Time until the last of them is told.",
                    facts.drain_seconds_left);
    into.fact(counter, "process_cpu_seconds_total", "User and system CPU time.", facts.cpu_seconds);
    into.fact(gauge, "process_max_fds", "Open file descriptors allowed.", facts.fds_max);
    into.fact(gauge, "process_open_fds", "Open file descriptors.", facts.open_fds);
    into.fact(gauge, "process_resident_memory_bytes", "Resident memory.", facts.resident_memory_bytes);
    into.fact(gauge, "process_start_time_seconds", "Start of the process since 1970.", facts.start_time_seconds);
}

void collect_nodes(collector& into, const node_facts& of) {
    constexpr auto counter = MetricType::Counter, gauge = MetricType::Gauge;
    into.known_fact(gauge, "carillon_nodes", "Gateways that the last order to all of the bus has reached.", of.nodes);
    into.known_fact(counter, "carillon_node_orders_total", "Orders of this gateway to those on its bus.", of.orders);
    into.known_fact(counter, "carillon_node_orders_incomplete_total", "Of these, that not all have answered in time.",
                    of.orders_incomplete);
    into.known_fact(counter, "carillon_node_orders_refused_total",
                    "Orders, its own and others', because too many were under way.", of.orders_refused);
    into.known_fact(counter, "carillon_node_orders_carried_out_total", "Orders of gateways, carried out here.",
                    of.orders_carried_out);
    into.known_fact(counter, "carillon_node_messages_ignored_total", "Messages of gateways that were not understood.",
                    of.messages_ignored);
    into.known_fact(counter, "carillon_node_emulations_total", "What clients of other gateways have said here.",
                    of.emulations);
    into.known_fact(counter, "carillon_node_emulations_lost_total", "Of these, that reached nobody.",
                    of.emulations_lost);
}

void collect_upstream(collector& into, const upstream_facts& bus) {
    constexpr auto counter = MetricType::Counter, gauge = MetricType::Gauge;
    into.known_fact(gauge, "carillon_upstream_up", "1 while the external bus is connected and subscribed.", bus.up);
    into.known_fact(gauge, "carillon_upstream_channels", "Channels wanted or subscribed at the bus.", bus.channels);
    into.known_fact(gauge, "carillon_upstream_in_flight", "Publications the bus has not answered.", bus.in_flight);
    into.known_fact(counter, "carillon_upstream_connects_total", "Connections made to the bus.", bus.connects);
    into.known_fact(counter, "carillon_upstream_connect_failures_total", "Connections to the bus that failed.",
                    bus.connect_failures);
    into.known_fact(counter, "carillon_upstream_disconnects_total", "Connections to the bus that were lost.",
                    bus.disconnects);
    into.known_fact(counter, "carillon_upstream_timeouts_total", "Times the bus did not answer in time.", bus.timeouts);
    into.known_fact(counter, "carillon_upstream_messages_total", "Messages the bus delivered.", bus.messages);
    into.known_fact(counter, "carillon_upstream_messages_refused_total",
                    "Messages of the bus that were neither JSON nor text, or larger than bus_payload_bytes_max.",
                    bus.messages_refused);
    into.known_fact(counter, "carillon_upstream_messages_as_text_total",
                    "Messages of the bus that were no JSON, and reach clients as JSON strings.", bus.messages_as_text);
    into.known_fact(counter, "carillon_upstream_publications_total", "Publications for the bus.", bus.publications);
    into.known_fact(counter, "carillon_upstream_publications_failed_total",
                    "Publications the bus did not take, or did not answer.", bus.publications_failed);
    into.known_fact(counter, "carillon_upstream_subscribes_total", "Channels the bus was asked for.", bus.subscribes);
    into.known_fact(counter, "carillon_upstream_subscribes_refused_total", "Channels the bus refused to subscribe.",
                    bus.subscribes_refused);
    into.known_fact(gauge, "carillon_upstream_input_bytes", "Bytes of the bus' messages that wait for shards.",
                    bus.input_bytes);
    into.known_fact(counter, "carillon_upstream_holds_total", "Times the bus was not read because shards were behind.",
                    bus.holds);
    into.known_fact(counter, "carillon_upstream_unsubscribes_total", "Channels given back to the bus.",
                    bus.unsubscribes);
    into.known_fact(gauge, "carillon_upstream_stream_channels", "Channels whose place in the bus' stream is followed.",
                    bus.stream_channels);
    into.known_fact(counter, "carillon_upstream_stream_reads_total", "Readings of streams on the bus.",
                    bus.stream_reads);
    into.known_fact(counter, "carillon_upstream_stream_reads_shared_total",
                    "Questions about streams that a reading for others has answered.", bus.stream_reads_shared);
    into.known_fact(counter, "carillon_upstream_stream_gaps_total", "Times that publications of a stream were missing.",
                    bus.stream_gaps);
    into.known_fact(counter, "carillon_upstream_stream_gaps_lost_total",
                    "Times that they could not be had, and subscribers were told.", bus.stream_gaps_lost);
    into.known_fact(gauge, "carillon_upstream_present",
                    "Pairs of a client here and a channel that the bus knows it in.", bus.present);
    into.known_fact(counter, "carillon_upstream_presence_calls_total", "Calls that told the bus who is there.",
                    bus.presence_calls);
    collect_nodes(into, bus.nodes);
    into.known_fact(counter, "carillon_upstream_failovers_total",
                    "Times that the bus was found at another address than before.", bus.failovers);
    into.known_fact(gauge, "carillon_upstream_servers", "Servers of the bus that there is a connection for.",
                    bus.servers);
    into.known_fact(gauge, "carillon_upstream_servers_live", "Of these, that are there with every subscription.",
                    bus.servers_live);
    into.known_fact(gauge, "carillon_bus_probe_seconds",
                    "From publishing something to hearing it again, the last time, over the slowest connection.",
                    bus.probe_seconds);
    into.known_fact(counter, "carillon_bus_probes_lost_total",
                    "Probes that have not come back, for which connections were given up.", bus.probes_lost);
    into.known_fact(counter, "carillon_upstream_libraries_refused_total",
                    "Times that a server did not take the function for programs that publish.", bus.libraries_refused);
    into.known_fact(counter, "carillon_upstream_redirects_total",
                    "Calls that a node of the cluster did not carry out, sent to another one or again.", bus.redirects);
    into.known_fact(counter, "carillon_upstream_topologies_total",
                    "Times that the cluster has said which primary has which slots.", bus.topologies);
}

void collect_outward(collector& into, std::span<const outward_facts> targets) {
    constexpr auto counter = MetricType::Counter, gauge = MetricType::Gauge;
    into.outward_requests(targets);
    into.outward_durations(targets);
    into.of_targets(counter, "carillon_outward_connects_total", "Connections made to a target.", targets,
                    [](const auto& of) { return of.connects; });
    into.of_targets(gauge, "carillon_outward_connections", "Connections to a target, open now.", targets,
                    [](const auto& of) { return of.connections; });
    into.of_targets(gauge, "carillon_outward_in_flight", "Requests on a connection to a target now.", targets,
                    [](const auto& of) { return of.in_flight; });
    into.of_targets(gauge, "carillon_outward_waiting", "Requests that wait for a connection to a target now.", targets,
                    [](const auto& of) { return of.waiting; });
    into.of_targets(gauge, "carillon_outward_broken", "1 while a target is left alone because it has failed.", targets,
                    [](const auto& of) { return of.broken; });
}

void collect_events(collector& into, std::span<const outward_facts> targets) {
    constexpr auto counter = MetricType::Counter, gauge = MetricType::Gauge;
    std::vector<outward_facts> told;
    for (const outward_facts& each : targets)
        if (each.events) told.push_back(each);
    if (told.empty()) return;
    into.of_targets(counter, "carillon_events_told_total", "Events that the application has taken.", told,
                    [](const auto& of) { return of.events->told; });
    into.of_targets(counter, "carillon_events_dropped_total", "Events that it has not taken in time.", told,
                    [](const auto& of) { return of.events->dropped; });
    into.of_targets(gauge, "carillon_events_waiting", "Events that wait for the application now.", told,
                    [](const auto& of) { return of.events->waiting; });
}

} // namespace

std::string expose(std::span<const std::optional<shard_counters>> shards, const process_facts& facts,
                   const upstream_facts* upstream, const api_request_counts* api,
                   std::span<const outward_facts> outward) {
    collector families{shards};
    collect_facts(families, facts);
    if (upstream != nullptr) collect_upstream(families, *upstream);
    if (api != nullptr) families.api_requests(*api);
    if (!outward.empty()) collect_outward(families, outward);
    collect_events(families, outward);
    collect_shards(families);
    return prometheus::TextSerializer{}.Serialize(std::move(families).take());
}

} // namespace carillon::metrics
