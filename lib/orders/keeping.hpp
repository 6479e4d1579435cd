#pragma once

#include "config/settings.hpp"
#include "redis/redis_link.hpp"

namespace carillon::orders {

/// Whether gateways keep anything on the bus outside: streams, or who is there.
bool keeps_on_bus(const config::settings& how);

/// How they do, if they do.
void keep_on_bus(const config::settings& how, redis::redis_options& options);

} // namespace carillon::orders
