#pragma once

#include "discovery/detours.hpp"
#include "discovery/slot_table.hpp"
#include "wires/branch.hpp"
#include "wires/whereabouts.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace carillon::redis {

using carillon::upstream::upstream;
using wires::branch;
using wires::cluster_options;
using wires::place;

/// What a link knows of the cluster that it is connected to, and has counted.
struct cluster {
    cluster(const cluster_options& how, std::chrono::milliseconds patience)
        : sent_on{{.patience = patience}}, pace{how.pause, how.interval}, nodes{how.nodes} {}

    carillon::discovery::slot_table table{};
    carillon::discovery::detours sent_on; ///< calls that the first node has not carried out
    carillon::discovery::asking_pace pace;
    std::vector<place> nodes;   ///< who can be asked what is where
    std::size_t first = 0;      ///< of them, who is asked first
    std::uint64_t epoch = 0;    ///< of what is believed
    std::string failure{};      ///< why nobody has said anything of use, the last time; empty: somebody has
    std::string told_failure{}; ///< so that each is told once
    std::vector<std::unique_ptr<branch>> closed{}; ///< until they have ended
    upstream::counters counted{};                  ///< by those
    std::uint64_t failovers = 0;                   ///< of those
    std::uint64_t redirects = 0;
    std::uint64_t topologies = 0;
};

/// Adds what one connection has counted.
void add(upstream::counters& to, const upstream::counters& more) noexcept;

} // namespace carillon::redis
