// carillon: the notification gateway. Parse, build, run, exit code; everything else is in lib/.
#include "config/load.hpp"
#include "gateway/gateway.hpp"
#include "gateway/log.hpp"

#include <spdlog/spdlog.h>

#include <cstdio>
#include <exception>

namespace {

constexpr int exit_failure = 1; // it could not run; 2 is a wrong configuration

} // namespace

int main(int argc, char** argv) {
    using namespace carillon;
    const config::outcome loaded = config::load(argc, argv, config::process_environment());
    if (!loaded.value) {
        std::fprintf(loaded.exit_code == 0 ? stdout : stderr, "%s\n", loaded.text.c_str());
        return loaded.exit_code;
    }
    gateway::set_up_log(*loaded.value);
    try {
        gateway::gateway gateway{*loaded.value};
        gateway.stop_on_signals();
        gateway.run();
    } catch (const std::exception& failure) {
        spdlog::critical("{}", failure.what());
        return exit_failure;
    }
    return 0;
}
