#pragma once

#include <cstdint>

namespace carillon::metrics {

/// What the gateways that share a bus outside ask of each other.
struct node_facts {
    std::uint64_t nodes = 0; ///< that the last order to all has reached
    std::uint64_t orders = 0;
    std::uint64_t orders_incomplete = 0;
    std::uint64_t orders_refused = 0;
    std::uint64_t orders_carried_out = 0;
    std::uint64_t messages_ignored = 0;
    std::uint64_t emulations = 0;
    std::uint64_t emulations_lost = 0;
};

/// What the connection to an external bus has counted since the start, and how it is now.
struct upstream_facts {
    bool up = false; ///< connected, and everything wanted is subscribed
    std::uint64_t connects = 0;
    std::uint64_t connect_failures = 0;
    std::uint64_t disconnects = 0;
    std::uint64_t timeouts = 0;
    std::uint64_t messages = 0;
    std::uint64_t messages_refused = 0; ///< neither JSON nor text, or larger than bus_payload_bytes_max
    std::uint64_t messages_as_text = 0; ///< no JSON, but text
    std::uint64_t publications = 0;
    std::uint64_t publications_failed = 0;
    std::uint64_t subscribes = 0;
    std::uint64_t subscribes_refused = 0; ///< channels that the server does not let us have
    std::uint64_t unsubscribes = 0;
    std::uint64_t channels = 0;        ///< now
    std::uint64_t in_flight = 0;       ///< publications without a reply now
    std::uint64_t input_bytes = 0;     ///< of messages that wait for shards now
    std::uint64_t holds = 0;           ///< times the server was not read because of these
    std::uint64_t stream_channels = 0; ///< whose place in the stream is followed now
    std::uint64_t stream_reads = 0;
    std::uint64_t stream_reads_shared = 0; ///< questions that another one's reading answered
    std::uint64_t stream_gaps = 0;         ///< times that publications were missing
    std::uint64_t stream_gaps_lost = 0;    ///< of these, that they could not be had
    std::uint64_t present = 0;             ///< pairs of client and channel that the server is told of now
    std::uint64_t presence_calls = 0;
    node_facts nodes{};
    std::uint64_t failovers = 0;         ///< times that a server was found at another address than before
    std::uint64_t servers = 0;           ///< that there are connections to, or are to be; more than one in a cluster
    std::uint64_t servers_live = 0;      ///< of these, that are there and have every subscription
    double probe_seconds = 0;            ///< from publishing to hearing it, of the slowest connection's last probe
    std::uint64_t probes_lost = 0;       ///< that have not come back
    std::uint64_t libraries_refused = 0; ///< functions for programs that a server has not taken
    std::uint64_t redirects = 0;         ///< calls that a node of the cluster has not carried out, for another to do so
    std::uint64_t topologies = 0;        ///< times that the cluster has said which primary has which slots
};

} // namespace carillon::metrics
