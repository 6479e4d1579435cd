// carillon: the notification gateway. Parse, build, run, exit code; everything else is in lib/.
#include "config/load.hpp"
#include "gateway/gateway.hpp"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <cstdio>
#include <exception>
#include <memory>

namespace {

constexpr int exit_failure = 1; // it could not run; 2 is a wrong configuration

void set_up_log(const carillon::config::settings& how) {
    auto logger = std::make_shared<spdlog::logger>("carillon", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    if (how.log_format == carillon::config::log_format::json) {
        logger->set_pattern(R"({"time":"%Y-%m-%dT%H:%M:%S.%e%z","level":"%l","message":"%v"})");
    } else {
        logger->set_pattern("%Y-%m-%d %H:%M:%S.%e %l: %v");
    }
    logger->set_level(static_cast<spdlog::level::level_enum>(how.log_level));
    logger->flush_on(spdlog::level::trace);
    spdlog::set_default_logger(std::move(logger));
}

} // namespace

int main(int argc, char** argv) {
    using namespace carillon;
    const config::outcome loaded = config::load(argc, argv, config::process_environment());
    if (!loaded.value) {
        std::fprintf(loaded.exit_code == 0 ? stdout : stderr, "%s\n", loaded.text.c_str());
        return loaded.exit_code;
    }
    set_up_log(*loaded.value);
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
