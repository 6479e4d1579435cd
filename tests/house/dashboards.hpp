#pragma once

#include "house/source_tree.hpp"

#include <set>
#include <string>
#include <string_view>

namespace carillon::house {

/// What is wrong with a Grafana dashboard: it is no JSON; panels have one id or reach over each other or over the
/// width; a panel has no title or no query; a query asks for a counter without rate(), or not for the gateway that was
/// chosen.
complaints check_dashboard(const source_file& file);

/// The metrics in the queries of a dashboard's panels; none if it is no dashboard.
std::set<std::string> metrics_shown_by(const source_file& file);

/// The names of the rules in a file of Prometheus alerts.
std::set<std::string> alerts_in(std::string_view rules);
/// The alerts that a document names: `CarillonSomething`, in backquotes.
std::set<std::string> alerts_named_in(std::string_view document);

} // namespace carillon::house
