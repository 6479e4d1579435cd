#include "program/program.hpp"

#include "backend/token_keys.hpp"
#include "base/standard_streams.hpp"
#include "gateway/bus_place.hpp"
#include "gateway/encryption.hpp"
#include "gateway/gateway.hpp"
#include "logs/log.hpp"
#include "program/failure.hpp"
#include "program/health.hpp"
#include "program/import_command.hpp"
#include "program/token_command.hpp"
#include "shards/limits.hpp"

#include <spdlog/spdlog.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace carillon::program {

namespace {

constexpr int exit_invalid = 2;
// The last lines of the log have this long to be read.
constexpr std::chrono::milliseconds last_lines{1'000};

int fail(const std::exception& why) {
    spdlog::critical("{}", in_words(why));
    return EXIT_FAILURE;
}

int serve(gateway::gateway& whole) {
    try {
        whole.run();
        return EXIT_SUCCESS;
    } catch (const std::exception& failure) { return fail(failure); }
}

int run_gateway(const config::settings& how, gateway::role which, std::function<loading::outcome()> read,
                bool takes_over) {
    try {
        auto before = takes_over ? std::make_unique<succession::predecessor>(how.upgrade_socket) : nullptr;
        gateway::gateway whole{how, which, std::move(before)};
        whole.stop_on_signals();
        whole.read_again_by(std::move(read));
        const int code = serve(whole);
        if (whole.looks_up()) {
            // To destroy it would be to wait until the system's resolver gives up.
            logs::finish_log(last_lines);
            std::_Exit(code);
        }
        return code;
    } catch (const std::exception& failure) { return fail(failure); }
}

int say(int code, const std::string& text) {
    std::fprintf(code == 0 ? stdout : stderr, "%s\n", text.c_str());
    return code;
}

std::optional<std::string> complaint_of_keys(config::program which, const config::settings& how) {
    backend::token_keys read;
    if (auto why = backend::read_token_keys(how, read)) return why;
    if (auto why = gateway::encryption::complaint_of(which, how)) return why;
    return gateway::complaint_of_bus(how);
}

} // namespace

int run_program(config::program which, int argc, const char* const* argv) {
    keep_standard_streams();
    // Whoever reads the log may end before us, and so may the terminal; that is no reason to end without a word to the
    // browsers.
    std::signal(SIGPIPE, SIG_IGN);
    std::signal(SIGHUP, SIG_IGN);
    const bool is_gateway = which == config::program::gateway;
    if (is_gateway && argc > 1 && std::string_view{argv[1]} == "token") return run_token_command(argc - 1, argv + 1);
    if (is_gateway && argc > 1 && std::string_view{argv[1]} == "import-centrifugo")
        return run_import_command(argc - 1, argv + 1);
    // With the options that the running gateway has, whose place it takes.
    const bool takes_over = is_gateway && argc > 1 && std::string_view{argv[1]} == "upgrade";
    if (takes_over) --argc, ++argv;
    const auto read = [which, argc, argv] {
        return loading::load(which, argc, argv, loading::process_environment(), shards::allowed_cores(),
                             [which](const config::settings& how) { return complaint_of_keys(which, how); });
    };
    const loading::outcome loaded = read();
    if (!loaded.value) return say(loaded.exit_code, loaded.text);
    if (takes_over && loaded.value->upgrade_socket.empty())
        return say(exit_invalid, "upgrade: give the upgrade_socket of the running gateway");
    try {
        if (!loaded.health.empty()) {
            const health asked = ask_health(which, *loaded.value, loaded.health);
            return say(asked.well ? EXIT_SUCCESS : EXIT_FAILURE, asked.words);
        }
        logs::set_up_log(*loaded.value);
    } catch (const std::exception& failure) { return say(EXIT_FAILURE, in_words(failure)); }
    const int code =
        run_gateway(*loaded.value, is_gateway ? gateway::role::gateway : gateway::role::bus, read, takes_over);
    logs::finish_log(last_lines);
    return code;
}

} // namespace carillon::program
