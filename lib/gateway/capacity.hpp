#pragma once

#include "config/settings.hpp"

#include <cstddef>

namespace carillon::gateway {

/// How many connections there may be: of both kinds together, and of clients.
struct capacity {
    std::size_t connections = 0;
    std::size_t clients = 0;
};

/// The settings as the limit on file descriptors allows them: where there are few, the control port and refused
/// connections have a share of them, and no more. Raises the soft limit.
config::settings fitted(config::settings how);

/// What the limit on file descriptors leaves for connections, and at most what the options may ask for. Says so in the
/// log, and warns where that is little.
capacity capacity_for(const config::settings& how, std::size_t shards);

} // namespace carillon::gateway
