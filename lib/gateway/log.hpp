#pragma once

#include "config/settings.hpp"

namespace carillon::gateway {

/// Sets spdlog up as the configuration says: lines on stderr, as text or as one JSON object each.
void set_up_log(const config::settings& how);

} // namespace carillon::gateway
