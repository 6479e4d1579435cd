#pragma once

#include "config/settings.hpp"

#include <string>

namespace carillon::program {

/// What a program that runs says about itself.
struct health {
    bool well = false;
    std::string words; ///< one line, without its newline
};

/// Asks the control port of the program that runs with the same settings for `page`, "readyz" or "livez", over a plain
/// socket. Answers within some three seconds.
health ask_health(const config::settings& how, const std::string& page);

} // namespace carillon::program
