#pragma once

#include "load/outcome.hpp"

#include <string>

namespace carillon::load {

/// The outcome as one JSON object on one line, without a line break. Lengths are whole nanoseconds and end in _ns;
/// parameters that are numbers are numbers. Beside what was measured stand the figures derived from it (per_second,
/// server_cpu_ns_each, bytes_per_connection) and, as `histogram`, the bins of the events that the scene was about.
/// What the outcome does not have is not there. Pure.
std::string as_json(const outcome& of);

} // namespace carillon::load
