#pragma once

namespace carillon::load {

/// carillon-bench from its command line to its exit code, which docs/bench.md explains. Forks, so that it is to be
/// called before there is a second thread.
int run_program(int argc, const char* const* argv);

} // namespace carillon::load
