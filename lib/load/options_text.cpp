#include "load/options.hpp"

#include <fmt/format.h>

namespace carillon::load {
namespace {

std::string in_seconds(std::chrono::nanoseconds length) {
    return fmt::format("{}", std::chrono::duration<double>{length}.count());
}

} // namespace

std::vector<parameter> describe(const options& what) {
    std::vector<parameter> all{
        {"protocol", what.protocol == protocol::plain ? "plain" : "centrifuge", true},
        {"connections", std::to_string(what.connections)},
        {"processes", std::to_string(what.processes)},
        {"window", std::to_string(what.window)},
        {"channel", what.channel, true},
    };
    const auto add = [&all](std::string name, std::string value) {
        all.push_back({std::move(name), std::move(value), false});
    };
    if (what.connect_rate > 0) add("connect_rate", fmt::format("{}", what.connect_rate));
    if (what.scene == scene::idle) add("from", std::to_string(what.from));
    if (what.scene == scene::idle || what.scene == scene::storm || what.scene == scene::churn)
        add("own_channels", what.own_channels ? "true" : "false");
    if (what.scene == scene::unicast) add("channels", std::to_string(what.channels));
    if (what.read_later) add("read_later", "true");
    if (what.publish) {
        // The password stays out of the report.
        const bool posts = what.publish->scheme == "http";
        all.push_back({"publish",
                       what.publish->scheme + "://" + what.publish->authority() + (posts ? what.publish->target : ""),
                       true});
        if (posts) add("publishers", std::to_string(what.publishers));
        add("in_flight", std::to_string(what.in_flight));
        add("burst", std::to_string(what.burst));
    }
    if (what.publish || what.scene == scene::echo) {
        add("payload_bytes", std::to_string(what.payload_bytes));
        add("warm_up_seconds", in_seconds(what.warm_up));
    }
    if (what.scene != scene::idle && what.scene != scene::storm) add("rate", fmt::format("{}", what.rate));
    if (what.scene != scene::storm) add("duration_seconds", in_seconds(what.duration));
    add("timeout_seconds", in_seconds(what.timeout));
    return all;
}

} // namespace carillon::load
