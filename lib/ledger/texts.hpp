#pragma once

#include <string_view>

namespace carillon::ledger::texts {

/// Behind `publish`, which it calls, and what library.cpp writes before it.
extern const std::string_view function;

/// What a server runs, in Lua 5.1: what each takes and says is where it is called (script.hpp, attendance.hpp).
extern const std::string_view publish;
extern const std::string_view read;
extern const std::string_view attendance; // stands before the three that follow
extern const std::string_view enter;
extern const std::string_view leave;
extern const std::string_view attend;

} // namespace carillon::ledger::texts
