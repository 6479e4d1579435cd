#pragma once

#include "channels/rules.hpp"
#include "ledger/node_presence.hpp"
#include "ledger/node_streams.hpp"
#include "upstream/probe.hpp"
#include "upstream/upstream.hpp"
#include "wires/whereabouts.hpp"

#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>

namespace carillon::redis {

using wires::whereabouts;

/// What is kept at the server, and how it is asked for.
struct keeping_options {
    std::function<channels::rules()> rules; ///< a copy for each thread
    std::string prefix = "carillon";        ///< of the names of what is kept
    std::chrono::seconds key_ttl{300};      ///< of publications' idempotency keys
    ledger::node_streams::limits reads{};
    ledger::node_presence::limits presence{};
    std::size_t listed_max = 1'000;    ///< clients in one answer that lists them
    std::size_t announced_max = 1'000; ///< clients in a channel up to which comings and goings are told
};

/// Where the bus is, and how it is used.
struct redis_options {
    whereabouts where{};
    carillon::upstream::upstream_options upstream{};
    carillon::upstream::probe::limits probes{};
    std::chrono::milliseconds subscribe_timeout{4'000}; ///< then a client's subscribe fails, temporarily
    std::optional<keeping_options> keeping{};           ///< none: nothing is
    std::size_t input_bytes_max = 32 * 1024 * 1024; ///< of messages that wait for shards; then the server is not read
};

} // namespace carillon::redis
