#pragma once

#include "metrics/api_counters.hpp"
#include "metrics/outward_facts.hpp"
#include "metrics/process_facts.hpp"
#include "metrics/shard_counters.hpp"
#include "metrics/upstream_facts.hpp"

#include <optional>
#include <span>
#include <string>

namespace carillon::metrics {

/// The Content-Type of the text that `expose` makes.
inline constexpr const char* exposition_content_type = "text/plain; version=0.0.4; charset=utf-8";

/// All metrics in the Prometheus text format 0.0.4. `shards[i]` gets the label shard="i"; one that has not answered has
/// no series. Pure: the counters are copies that the caller collected from the shards. `upstream` is null when the bus
/// is embedded, `api` when there is no server API; `outward`
/// has an entry for each target that is asked. Every slot is exposed, also those that are still zero, so that the
/// first increment is seen.
std::string expose(std::span<const std::optional<shard_counters>> shards, const process_facts& facts,
                   const upstream_facts* upstream = nullptr, const api_request_counts* api = nullptr,
                   std::span<const outward_facts> outward = {});

} // namespace carillon::metrics
