#pragma once

#include "load/parameter.hpp"
#include "load/url.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <utility>
#include <vector>

namespace carillon::load {

/// What is done to the server.
enum class scene : std::uint8_t {
    idle,    ///< connections that only answer pings
    fanout,  ///< one channel, everybody subscribed
    unicast, ///< a channel for each connection, or for a few, random ones are published to
    echo,    ///< commands and their replies
    storm,   ///< everybody reconnects at once
    churn,   ///< connections leave and come back at a rate
};
std::string_view name_of(scene which) noexcept;

/// What the clients speak.
enum class protocol : std::uint8_t {
    centrifuge, ///< Carillon's own: connect, subscribe, replies, {} as ping and pong
    plain,      ///< messages are messages; the hello subscribes, or the URL
};

/// All that can be set up; docs/bench.md says what each is for. Checked: what parse_options() gives is consistent.
struct options {
    load::scene scene{};
    url target; ///< of the WebSocket
    load::protocol protocol = protocol::centrifuge;
    std::string hello;                ///< plain: what a client says first; empty: nothing
    std::string hello_reply;          ///< plain: what the first answer must contain; empty: the 101 is enough
    std::vector<std::string> headers; ///< more lines for the upgrade request
    std::uint32_t connections = 1000;
    std::uint32_t from = 0;      ///< idle: connections at the first look at the memory
    std::uint32_t processes = 1; ///< that share the connections
    std::uint32_t window = 200;  ///< handshakes under way at once, in each process
    double connect_rate = 0;     ///< connections a second, of all processes; 0: as fast as the window lets
    bool read_later = false;     ///< nobody reads while it is published: the kernel keeps the messages meanwhile
    bool own_channels = false;   ///< there are numbered channels; else one for all
    std::uint32_t channels = 1;  ///< over which the connections are spread evenly
    std::string channel = "bench";

    std::optional<url> publish;               ///< where publications go; only for scenes that publish
    std::string publish_body = "{payload}";   ///< HTTP: the body, with {channel} and {payload}
    std::vector<std::string> publish_headers; ///< HTTP: more lines
    std::uint32_t publishers = 4;             ///< HTTP: connections that publish; each channel keeps to one of them
    std::uint32_t in_flight = 1000;           ///< publications without an answer
    std::uint32_t payload_bytes = 128;
    double rate = 0;         ///< events a second of all processes; 0: as fast as they are answered
    std::uint32_t burst = 1; ///< publications that are due at the same moment

    std::chrono::nanoseconds duration = std::chrono::seconds{10};
    std::chrono::nanoseconds warm_up = std::chrono::seconds{1};
    std::chrono::nanoseconds timeout = std::chrono::seconds{10}; ///< longest wait for one answer
    std::vector<pid_t> server_pids;
    std::vector<int> cpus; ///< that the load generator keeps to; empty: all

    std::string json; ///< file, "-" for standard output, empty: none
    std::string svg;
    bool quiet = false;

    bool has_publications() const noexcept { return scene == scene::fanout || scene == scene::unicast; }
    std::uint32_t channel_number(std::uint32_t connection) const noexcept { return connection % channels; }
    std::string channel_of(std::uint32_t connection) const; ///< its name; a channel's number will do, too
};

/// What was set, in words and in the order of the manual, for the report.
std::vector<parameter> describe(const options& what);

/// Options, or a text to print: help and version (exit code 0), or one line that says what is wrong (exit code 2).
struct parsed_options {
    std::optional<options> value;
    std::string text;
    int exit_code = 0;
};

/// Reads a command line. `descriptors_max` is how many files a process may open; it decides how many processes there
/// are. Looks nothing up. Pure.
parsed_options parse_options(int argc, const char* const* argv, std::uint64_t descriptors_max);

} // namespace carillon::load
