#pragma once

#include "metrics/upstream_facts.hpp"
#include "nodes/exchange.hpp"
#include "redis/redis_link.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace carillon::gateway {

/// "a message of 8000000 bytes on 'news' was dropped: bus_payload_bytes_max is 65536". The channel is shown without
/// what could end the line.
std::string oversized_line(std::string_view channel, std::uint64_t payload_bytes, std::size_t payload_bytes_max);

/// Makes the log say when the bus comes and goes, and at most `lines_per_s_max` times a second that one of its messages
/// was too large. Before the link runs.
void log_upstream(redis::redis_link& link, std::size_t payload_bytes_max, std::size_t lines_per_s_max);

/// The same for metrics.
/// The same of what gateways ask each other.
metrics::node_facts node_facts_of(const nodes::exchange::counters& from);
metrics::upstream_facts upstream_facts_of(const redis::redis_link::figures& from);

} // namespace carillon::gateway
