#pragma once

#include "load/options.hpp"

namespace carillon::load {

/// The command line as it was given; absent is what was not. Numbers are in the units of the manual.
struct raw_options {
    std::vector<std::string> flags; ///< which were given
    std::string scene;
    std::string url = "ws://127.0.0.1:8000/connection/websocket";
    std::string protocol = "centrifuge";
    std::optional<std::string> publish;
    std::string cpus;
    std::optional<std::uint32_t> connections, channels, from, processes, window;
    std::optional<double> rate;
    double duration_s = 10, timeout_s = 10;
    std::optional<double> warm_up_s;
    std::vector<std::int64_t> server_pids;
    bool own_target = false;
    bool own_channels = false;
    bool read_later = false;
    options rest; ///< what is taken as it is given
};

/// What is wrong with them, as one sentence; empty when `into` is right.
std::string check_options(const raw_options& given, std::uint64_t descriptors_max, options& into);

} // namespace carillon::load
