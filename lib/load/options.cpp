#include "load/options.hpp"

#include "load/raw_options.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace carillon::load {
namespace {

constexpr std::string_view introduction =
    "carillon-bench " CARILLON_VERSION ": measures a WebSocket server with many connections\n"
    "\n"
    "Scenes: idle     memory of connections that only answer pings, and what holding them costs\n"
    "        fanout   publishes to one channel that every connection is subscribed to\n"
    "        unicast  publishes to random ones of as many channels as there are connections, or of --channels\n"
    "        echo     sends commands and awaits their replies\n"
    "        storm    all connections end and come back at once\n"
    "        churn    connections leave and come back at a rate\n";

constexpr std::string_view at_the_end =
    "Exit codes: 0 all went well; 1 the run failed; 2 a mistake in the flags; 3 messages were lost, came twice or in\n"
    "disorder, or connections ended that should not have; 130 ended early by SIGINT, with a report.";

void add_connections(CLI::App& app, raw_options& into) {
    app.add_option("--url", into.url, "The WebSocket, ws://HOST[:PORT]/PATH; {channel} stands for the channel")
        ->capture_default_str();
    app.add_option("--protocol", into.protocol, "centrifuge, or plain for other servers")->capture_default_str();
    app.add_option("--hello", into.rest.hello, "plain: the first message of a client, with {channel}");
    app.add_option("--hello-reply", into.rest.hello_reply, "plain: what the answer to it contains");
    app.add_option("--header", into.rest.headers, "One more line for the upgrade request; repeatable")
        ->allow_extra_args(false);
    app.add_option("--connections", into.connections, "How many; default 1000, echo 64");
    app.add_option("--channels", into.channels,
                   "unicast: over how many channels the connections are spread; default one for each");
    app.add_option("--from", into.from,
                   "idle: the first count; default 1500, or a tenth of --connections if that is less");
    app.add_option("--processes", into.processes, "That share the connections; default: as the limit on files wants");
    app.add_option("--window", into.window, "Handshakes under way at once in each process; default 200, storm: all");
    app.add_option("--connect-rate", into.rest.connect_rate, "Connections a second; 0: as fast as the window lets")
        ->capture_default_str();
    app.add_option("--channel", into.rest.channel, "Name of the channel, or how names begin")->capture_default_str();
    app.add_flag("--read-later", into.read_later,
                 "fanout, unicast: nobody reads while it is published, so that the server has the processors");
    app.add_flag("--own-channels", into.own_channels, "idle, storm, churn: a channel for each connection");
}

void add_publishing(CLI::App& app, raw_options& into) {
    app.add_option(
        "--publish", into.publish,
        "fanout, unicast: where to publish, redis://[[USER]:PASSWORD@]HOST[:PORT] or http://HOST[:PORT]/PATH "
        "with {channel}; default redis://127.0.0.1:6390");
    app.add_option("--publish-body", into.rest.publish_body, "HTTP: the body, with {channel} and {payload}")
        ->capture_default_str();
    app.add_option("--publish-header", into.rest.publish_headers, "HTTP: one more line; repeatable")
        ->allow_extra_args(false);
    app.add_option("--publishers", into.rest.publishers, "HTTP: connections that publish")->capture_default_str();
    app.add_option("--in-flight", into.rest.in_flight, "Publications without an answer, at most")
        ->capture_default_str();
    app.add_option("--payload-bytes", into.rest.payload_bytes, "Size of a message")->capture_default_str();
    app.add_option("--rate", into.rate,
                   "Publications (fanout: default 10, unicast: 1000), commands (echo: 0) or "
                   "reconnections (churn: 100) a second; 0: the next when one is answered");
    app.add_option("--burst", into.rest.burst, "Publications that are due at the same moment")->capture_default_str();
}

void add_measuring(CLI::App& app, raw_options& into) {
    app.add_option("--duration", into.duration_s, "Seconds of what is measured")->capture_default_str();
    app.add_option("--warm-up", into.warm_up_s, "Seconds of the same before; default 1 for fanout, unicast and echo");
    app.add_option("--timeout", into.timeout_s, "Seconds that one answer may take")->capture_default_str();
    app.add_option("--server-pid", into.server_pids, "A process of the server, for its CPU and memory; repeatable")
        ->allow_extra_args(false);
    app.add_option("--cpus", into.cpus, "Processors the load generator keeps to, such as 0,2-3");
    app.add_option("--json", into.rest.json, "File for the result as JSON; - is standard output, without the table");
    app.add_option("--svg", into.rest.svg, "File for a picture of the latencies");
    app.add_flag("--quiet", into.rest.quiet, "Neither table nor progress bar");
    app.add_flag("--i-own-this-target", into.own_target, "Allow targets that are not this machine");
}

parsed_options refused(std::string why) {
    std::ranges::replace(why, '\n', ' ');
    return {std::nullopt, "carillon-bench: " + why, 2};
}

} // namespace

parsed_options parse_options(int argc, const char* const* argv, std::uint64_t descriptors_max) {
    CLI::App app{std::string{introduction}, "carillon-bench"};
    raw_options given;
    bool version = false;
    app.add_option("SCENE", given.scene, "idle, fanout, unicast, echo, storm or churn");
    app.add_flag("--version", version, "Print the version");
    add_connections(app, given);
    add_publishing(app, given);
    add_measuring(app, given);
    app.footer(std::string{at_the_end});
    try {
        app.parse(argc, argv);
    } catch (const CLI::CallForHelp&) { return {std::nullopt, app.help(), 0}; } catch (const CLI::ParseError& problem) {
        return refused(problem.what());
    }
    for (const CLI::Option* each : app.get_options())
        if (each->count() > 0) given.flags.push_back(each->get_name());
    if (version) return {std::nullopt, "carillon-bench " CARILLON_VERSION, 0};
    options checked;
    if (std::string wrong = check_options(given, descriptors_max, checked); !wrong.empty()) return refused(wrong);
    return {std::move(checked), {}, 0};
}

} // namespace carillon::load
