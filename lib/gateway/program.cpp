#include "gateway/program.hpp"

#include "gateway/gateway.hpp"
#include "gateway/limits.hpp"
#include "gateway/log.hpp"

#include <spdlog/spdlog.h>

#include <cstdio>
#include <exception>

namespace carillon::gateway {

namespace {
constexpr int exit_failure = 1;
}

int run_program(config::program which, int argc, const char* const* argv) {
    const config::outcome loaded = config::load(which, argc, argv, config::process_environment(), allowed_cores());
    if (!loaded.value) {
        std::fprintf(loaded.exit_code == 0 ? stdout : stderr, "%s\n", loaded.text.c_str());
        return loaded.exit_code;
    }
    set_up_log(*loaded.value);
    try {
        gateway gateway{*loaded.value, which == config::program::bus ? role::bus : role::gateway};
        gateway.stop_on_signals();
        gateway.run();
    } catch (const std::exception& failure) {
        spdlog::critical("{}", failure.what());
        return exit_failure;
    }
    return 0;
}

} // namespace carillon::gateway
