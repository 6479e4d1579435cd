#include "gateway/upstream_log.hpp"

#include "logs/bounded_log.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>

namespace carillon::gateway {

std::string oversized_line(std::string_view channel, std::uint64_t payload_bytes, std::size_t payload_bytes_max) {
    std::string name{channel};
    std::ranges::replace_if(
        name, [](char byte) { return (byte >= 0 && byte < ' ') || byte == 0x7f; }, '?');
    return fmt::format("a message of {} bytes on '{}' was dropped: bus_payload_bytes_max is {}", payload_bytes, name,
                       payload_bytes_max);
}

void log_upstream(redis::redis_link& link, std::size_t payload_bytes_max, std::size_t lines_per_s_max) {
    spdlog::info("the bus is at {}", link.where());
    link.on_change([where = link.where()](bool live, const std::string& why) {
        if (live) {
            spdlog::info("the bus at {} is connected, every channel is subscribed{}{}", where, why.empty() ? "" : "; ",
                         why);
        } else {
            spdlog::warn("the bus at {} is away: {}", where, why);
        }
    });
    link.on_login_refused([where = link.where()](const std::string& why) {
        spdlog::warn("the bus at {} does not take the new password; what is connected stays as it was: {}", where, why);
    });
    link.on_oversized_message([payload_bytes_max, budget = logs::bounded_log{lines_per_s_max}](
                                  std::string_view channel, std::uint64_t bytes) mutable {
        if (!budget.admit(logs::bounded_log::clock::now())) return;
        if (const std::uint64_t more = budget.take_suppressed(); more > 0)
            spdlog::warn("{} more messages of the bus were dropped as too large, and not logged", more);
        spdlog::warn("{}", oversized_line(channel, bytes, payload_bytes_max));
    });
}

metrics::node_facts node_facts_of(const nodes::exchange::counters& from) {
    return {.nodes = from.nodes,
            .orders = from.orders,
            .orders_incomplete = from.incomplete,
            .orders_refused = from.refused,
            .orders_carried_out = from.carried_out,
            .messages_ignored = from.ignored,
            .emulations = from.sayings,
            .emulations_lost = from.sayings_lost};
}

metrics::upstream_facts upstream_facts_of(const redis::redis_link::figures& from) {
    return {.up = from.live,
            .connects = from.counts.connects,
            .connect_failures = from.counts.connect_failures,
            .disconnects = from.counts.disconnects,
            .timeouts = from.counts.timeouts,
            .messages = from.counts.messages,
            .messages_refused = from.refused,
            .messages_as_text = from.as_text,
            .publications = from.counts.publications,
            .publications_failed = from.counts.publications_failed,
            .subscribes = from.counts.subscribes,
            .subscribes_refused = from.counts.subscribes_refused,
            .unsubscribes = from.counts.unsubscribes,
            .channels = from.channels,
            .in_flight = from.in_flight,
            .input_bytes = from.input_bytes,
            .holds = from.holds,
            .stream_channels = from.read_channels,
            .stream_reads = from.reads.reads,
            .stream_reads_shared = from.reads.reads_shared,
            .stream_gaps = from.reads.gaps,
            .stream_gaps_lost = from.reads.lost,
            .present = from.present,
            .presence_calls = from.presence_calls,
            .failovers = from.failovers,
            .servers = from.servers,
            .servers_live = from.servers_live,
            .probe_seconds = std::chrono::duration<double>{from.probe}.count(),
            .probes_lost = from.probes_lost,
            .libraries_refused = from.counts.libraries_refused,
            .redirects = from.redirects,
            .topologies = from.topologies};
}

} // namespace carillon::gateway
