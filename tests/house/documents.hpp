#pragma once

#include "house/source_tree.hpp"

#include <functional>
#include <set>
#include <string>
#include <string_view>

namespace carillon::house {

/// The names that GET /metrics shows: those of lib/metrics/shard_metrics.def with what lib/metrics/expose.cpp puts
/// around them, and those that expose.cpp spells out.
std::set<std::string> exposed_metrics(std::string_view definitions, std::string_view expose);

/// What looks like a metric of ours in a document or a dashboard: carillon_... and process_...
std::set<std::string> metrics_named_in(std::string_view text);

/// A name that nobody exposes. Histograms are asked for as _bucket, _sum and _count.
complaints check_metrics(const source_file& file, const std::set<std::string>& exposed);

/// Links of a Markdown file to files that do not exist. `exists` gets paths from the top of the repository.
complaints check_links(const source_file& file, const std::function<bool(const std::string&)>& exists);

} // namespace carillon::house
