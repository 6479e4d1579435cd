#pragma once

#include "config/option.hpp"
#include "config/rules.hpp"

namespace carillon::config {

/// What is wrong with how an external bus is to be reached.
complaint check_bus(const settings& values, const origins& set_by);

} // namespace carillon::config
