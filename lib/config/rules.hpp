#pragma once

#include "config/program.hpp"
#include "config/value.hpp"

#include <map>
#include <string>
#include <string_view>

namespace carillon::config {

/// Where each option that is not at its default was set, by key.
using origins = std::map<std::string_view, std::string>;

/// Checks how the values fit together. The complaint names both options, their values and where these come from.
///
/// A rule about an option that the program does not have is no rule for it.
complaint check_rules(program which, const settings& values, const origins& set_by);

} // namespace carillon::config
