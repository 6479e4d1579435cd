#pragma once

#include "migrate/options.hpp"
#include "migrate/writing.hpp"

namespace carillon::migrate {

/// Writes `bus`, where the other configuration has Redis.
void write_bus(old_options& from, const writing& out);

} // namespace carillon::migrate
