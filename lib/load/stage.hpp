#pragma once

#include "load/crew.hpp"
#include "load/options.hpp"
#include "load/outcome.hpp"
#include "load/process_probe.hpp"
#include "load/progress.hpp"
#include "load/publishing.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace carillon::load {

/// What became of a run.
struct run_result {
    load::outcome outcome;
    std::string trouble;      ///< why it failed; empty when it did not
    bool has_figures = false; ///< the connections were there, so that the outcome says something
    bool interrupted = false;
};

/// Plays one scene with a crew: gives orders, publishes, and looks at the server before and after each part.
class stage {
public:
    stage(const options& what, const endpoint& where, std::uint32_t run, progress& shown);

    run_result play();

private:
    using server_cpu = std::optional<std::chrono::nanoseconds>;

    void play_idle();
    void play_publications();
    void play_echo();
    void play_storm();
    void play_churn();

    bool connect(std::uint32_t count, std::string_view words);
    bool carry_out(const order& what, clock::time_point limit, std::string_view words, server_cpu& before);
    void missing_connections();
    void take_handshakes(clock::time_point begin, const server_cpu& before, std::uint64_t expected);
    bool hold(std::chrono::nanoseconds length, std::string_view words);
    bool publish_for(std::uint32_t run, std::chrono::nanoseconds length, std::string_view words,
                     std::uint64_t& published);
    bool await_deliveries(std::uint64_t expected, bool warm_up);
    void report();

    server_cpu cpu();
    std::int64_t resident_bytes();
    bool go_on(std::string_view words, double share);
    void fail(std::string why);

    const options& what_;
    const std::uint32_t run_;
    progress& shown_;
    process_probe probe_;
    crew crew_;
    std::unique_ptr<publisher> publisher_;
    std::vector<std::uint64_t> warm_up_sequences_;
    std::uint64_t warm_up_lost_ = 0;
    std::uint64_t overdue_ = 0; // churn: reconnections that were due and not made
    std::minstd_rand random_;
    bool connected_ = false; // there should be somebody at any moment
    run_result result_;
};

} // namespace carillon::load
