#pragma once

#include "config/program.hpp"
#include "config/settings.hpp"

#include <string>

namespace carillon::program {

/// What a program that runs says about itself.
struct health {
    bool well = false;
    std::string words; ///< one line, without its newline
};

/// Asks the control port of the program that runs with the same settings for `page`, "readyz" or "livez". Where TLS is
/// spoken there, it shows the program's own certificate and believes whatever it is shown: it says nothing that others
/// may not hear. Answers within some three seconds.
health ask_health(config::program which, const config::settings& how, const std::string& page);

} // namespace carillon::program
