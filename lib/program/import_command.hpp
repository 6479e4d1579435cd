#pragma once

namespace carillon::program {

/// `carillon import-centrifugo FILE`: prints the configuration that one of Centrifugo is here, and on stderr what has
/// become of each option. Returns the exit code: 0, or 2 with one line on stderr.
int run_import_command(int argc, const char* const* argv);

} // namespace carillon::program
