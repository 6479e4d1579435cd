#pragma once

#include "support/started.hpp"

#include <gtest/gtest.h>

#include <csignal>
#include <map>
#include <regex>
#include <string>
#include <vector>

namespace carillon::load {

using test::read_all;
using test::started;

/// A gateway with ports of its own, ready.
class gateway_process {
public:
    explicit gateway_process(const std::vector<std::string>& flags = {}) : program_{command(flags)} {
        const std::string log = test::read_until_ready(program_.err());
        static const std::regex door{R"(listening on \S+:(\d+) \((\w+)\))"};
        for (std::sregex_iterator at{log.begin(), log.end(), door}, end; at != end; ++at) ports_[(*at)[2]] = (*at)[1];
        EXPECT_TRUE(ports_.contains("client") && ports_.contains("bus")) << log;
    }

    std::string url() const { return "ws://127.0.0.1:" + ports_.at("client") + "/connection/websocket"; }
    std::string bus() const { return "redis://127.0.0.1:" + ports_.at("bus"); }
    std::string pid() const { return std::to_string(program_.process()); }
    void signal(int number) const { ::kill(program_.process(), number); }

private:
    static std::vector<std::string> command(const std::vector<std::string>& flags) {
        std::vector<std::string> all{CARILLON_PROGRAM,
                                     "--dev",
                                     "--shards=1",
                                     "--client-listen=127.0.0.1:0",
                                     "--control-listen=127.0.0.1:0",
                                     "--bus-listen=127.0.0.1:0"};
        all.insert(all.end(), flags.begin(), flags.end());
        return all;
    }

    started program_;
    std::map<std::string, std::string> ports_;
};

/// What carillon-bench said and how it ended.
struct bench_run {
    std::string out, err;
    int exit_code = -1;
};

inline bench_run run_bench(std::vector<std::string> flags) {
    flags.insert(flags.begin(), CARILLON_BENCH_PROGRAM);
    started program{flags};
    bench_run run;
    run.out = read_all(program.out());
    run.err = read_all(program.err()); // a line or two: no pipe gets full
    run.exit_code = program.wait();
    return run;
}

} // namespace carillon::load
