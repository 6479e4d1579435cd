#pragma once

#include "load/outcome.hpp"

#include <string>

namespace carillon::load {

/// The outcome as lines for a terminal, with human units and aligned columns. What the outcome does not have is not
/// shown. At the end stands how much of the machine the load generator itself took. Pure.
std::string as_table(const outcome& of);

} // namespace carillon::load
