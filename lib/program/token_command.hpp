#pragma once

namespace carillon::program {

/// `carillon token`: prints a token for trying out, signed with the secret that the gateway would check it with; the
/// configuration is read as for the gateway. Returns the exit code: 0, or 2 with one line on stderr.
int run_token_command(int argc, const char* const* argv);

} // namespace carillon::program
