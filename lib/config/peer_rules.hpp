#pragma once

#include "config/settings.hpp"
#include "config/value.hpp"

namespace carillon::config {

/// Whether trusted proxies are networks, and their fields such that are read.
complaint check_peers(const settings& values);

} // namespace carillon::config
