#pragma once

#include "hooks/answer.hpp"

#include <variant>

namespace carillon::conversation {

/// The keys that were asked for have come, or they cannot be had just now.
struct keys_said {
    bool fresh = false;
};

/// What a command that waited is run again with.
using saying = std::variant<keys_said, hooks::answer>;

} // namespace carillon::conversation
