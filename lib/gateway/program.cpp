#include "gateway/program.hpp"

#include "base/standard_streams.hpp"
#include "gateway/gateway.hpp"
#include "gateway/limits.hpp"
#include "gateway/log.hpp"

#include <spdlog/spdlog.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>

namespace carillon::gateway {

namespace {

int fail(const std::exception& why) {
    spdlog::critical("{}", why.what());
    return EXIT_FAILURE;
}

int serve(gateway& whole) {
    try {
        whole.run();
        return EXIT_SUCCESS;
    } catch (const std::exception& failure) { return fail(failure); }
}

} // namespace

int run_program(config::program which, int argc, const char* const* argv) {
    keep_standard_streams();
    const config::outcome loaded = config::load(which, argc, argv, config::process_environment(), allowed_cores());
    if (!loaded.value) {
        std::fprintf(loaded.exit_code == 0 ? stdout : stderr, "%s\n", loaded.text.c_str());
        return loaded.exit_code;
    }
    // Whoever reads the log may end before us; that is no reason to end without a word to the browsers.
    std::signal(SIGPIPE, SIG_IGN);
    set_up_log(*loaded.value);
    try {
        gateway whole{*loaded.value, which == config::program::bus ? role::bus : role::gateway};
        whole.stop_on_signals();
        const int code = serve(whole);
        // To destroy it would be to wait until the system's resolver gives up.
        if (whole.looks_up()) std::_Exit(code);
        return code;
    } catch (const std::exception& failure) { return fail(failure); }
}

} // namespace carillon::gateway
