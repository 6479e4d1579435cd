#pragma once

#include "loading/load.hpp"

namespace carillon::program {

/// The whole of main(): reads the configuration, runs the program until it is told to stop, and says the exit code: 0
/// after a shutdown in order, 2 for a configuration that is wrong, 1 for everything else that keeps it from running.
int run_program(config::program which, int argc, const char* const* argv);

} // namespace carillon::program
