#pragma once

#include "config/program.hpp"
#include "config/settings.hpp"

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <string>

namespace carillon::loading {

/// Environment variables by name. `load` reads those that begin with CARILLON_ and ignores all others.
using environment = std::map<std::string, std::string>;

/// The variables of this process that begin with CARILLON_.
environment process_environment();

/// What came of reading the configuration: settings to run with, or a text to print and the code to exit with.
struct outcome {
    std::optional<config::settings> value;
    std::string health; ///< With a value: what to ask the program that runs with it for, "readyz" or "livez", instead
                        ///< of running. Empty: run.
    std::string text;   ///< Without a value: --help, --version, "configuration is valid", or one line that says what is
                        ///< wrong. It has no newline at its end.
    int exit_code = 0;  ///< Without a value: 0 (print to stdout) or 2 (print to stderr).
};

/// Looks at settings in which all else is right: what is wrong with them, or nothing.
using further_check = std::function<std::optional<std::string>(const config::settings&)>;

/// Defaults, then the TOML file, then the environment, then the flags; the later ones win. Every given value is
/// checked, also one that a later source replaces. An error is one line that names its source (a flag, an environment
/// variable or FILE:LINE) and says what would be right; it never shows a password. Throws only std::bad_alloc.
/// Options that `which` does not have are unknown to it, and their settings stay at their defaults. What load returns
/// has `bus_listen` for the bus program, and either `bus_listen` or `bus`, or neither, for the gateway.
/// `cores` is how many processors the process may use. What was not given fits the machine: no default is ever refused.
/// `check` looks at what this room cannot judge, such as keys; its complaint is one line, too.
outcome load(config::program which, int argc, const char* const* argv, const environment& variables,
             std::size_t cores = 1, const further_check& check = {});

/// The same for the gateway.
outcome load(int argc, const char* const* argv, const environment& variables, std::size_t cores = 1);

} // namespace carillon::loading
