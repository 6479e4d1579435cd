#pragma once

#include "config/settings.hpp"

#include <string>

namespace carillon::gateway {

/// Every option and what it is, as JSON for the admin page: {"options":[{"key","value","default","group","help"}],
/// "namespaces":[...],"proxies":[...]}. In place of a secret, whether there is one.
std::string configuration_in_force(const config::settings& how);

} // namespace carillon::gateway
