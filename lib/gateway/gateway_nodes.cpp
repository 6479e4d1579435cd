#include "gateway/gateway.hpp"
#include "people/client_ids.hpp"

#include <spdlog/spdlog.h>

#include <utility>

// The other gateways on the same bus.
namespace carillon::gateway {

void gateway::join_nodes(const std::string& uid) {
    nodes::exchange_options how{.prefix = settings_.bus_prefix,
                                .uid = uid,
                                .bytes_max = settings_.bus_payload_bytes_max,
                                .orders_max = settings_.bus_orders_max,
                                .sayings_max = settings_.client_emulations_waiting_max,
                                .patience = settings_.bus_order_timeout};
    nodes::exchange_ends ends;
    ends.say = [this](std::string channel, std::string text, std::function<void(std::uint32_t)> then) {
        upstream_->say(std::move(channel), std::move(text), std::move(then));
    };
    ends.carry_out = [this](api::command what) { return api_->carry_out_for_node(std::move(what)); };
    ends.hear = [this](std::string session, std::string data) {
        if (const auto shard = people::client_ids::shard_of_session(session))
            emulate(*shard, std::move(session), std::move(data), settings_.client_emulations_waiting_max);
    };
    nodes_.emplace(control_context_, std::move(how), std::move(ends));
    api_->join(*nodes_, settings_.bus_payload_bytes_max);
    upstream_->listen_to_nodes(
        nodes_->channels(),
        [prefix = settings_.bus_prefix](std::string_view channel) { return nodes::exchange::is_ours(prefix, channel); },
        [this](std::string_view text) { nodes_->heard(text); },
        [](std::string_view channel) {
            spdlog::error("the bus does not let this gateway have {}: what back ends ask of others is not done here",
                          channel);
        });
}

session::options::passing gateway::emulate_elsewhere(const std::string& node, std::string session, std::string data) {
    using passing = session::options::passing;
    if (!upstream_->reachable()) return passing::too_many;
    switch (nodes_->pass_on(node, {std::move(session), std::move(data)})) {
    case nodes::passing::taken: return passing::taken;
    case nodes::passing::too_many: return passing::too_many;
    case nodes::passing::too_large: return passing::too_large;
    case nodes::passing::nobody: return passing::nobody;
    }
    return passing::nobody;
}

} // namespace carillon::gateway
