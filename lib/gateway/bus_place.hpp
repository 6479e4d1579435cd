#pragma once

#include "config/settings.hpp"
#include "wires/whereabouts.hpp"

#include <optional>
#include <string>

namespace carillon::gateway {

/// Where an external bus is. There must be one.
wires::whereabouts whereabouts_of(const config::settings& how);

/// Who we are there. There must be one.
wires::logins logins_of(const config::settings& how);

/// What is wrong with the files for TLS to an external bus: one line.
std::optional<std::string> complaint_of_bus(const config::settings& how);

} // namespace carillon::gateway
