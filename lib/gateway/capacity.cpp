#include "gateway/capacity.hpp"

#include "config/option.hpp"
#include "config/rules.hpp"
#include "gateway/outside.hpp"
#include "shards/limits.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>

namespace carillon::gateway {

namespace {

// Fewer clients than this is rarely what somebody means who gave no number.
constexpr std::size_t clients_few = 1'000;

} // namespace

config::settings fitted(config::settings how) {
    const std::size_t descriptors = shards::raise_descriptor_limit();
    how.control_connections_max = shards::control_connections_for(descriptors, how.control_connections_max);
    how.farewells_max =
        shards::farewells_for(descriptors, config::shards_of(how, shards::allowed_cores()), how.farewells_max);
    return how;
}

capacity capacity_for(const config::settings& how, std::size_t shards) {
    const std::size_t descriptors = shards::raise_descriptor_limit();
    const std::size_t most = config::find_option("connections_max")->most;
    const std::size_t others = 2 * how.control_connections_max + shards::doors_of_shard * shards * how.farewells_max +
                               outside::connections_max(how);
    const std::size_t allowed =
        std::min(shards::connections_for(descriptors, shards, others), most + how.bus_connections_max);
    // Clients leave the publishers some room: whoever fills the client port must not shut out the back ends.
    const std::size_t reserved =
        how.bus_listen ? std::min(how.bus_connections_max, std::max<std::size_t>(allowed / 20, shards)) : 0;
    const std::size_t room = allowed > reserved + shards ? allowed - reserved : shards;
    const std::size_t clients = std::min(how.connections_max > 0 ? how.connections_max : most, room);
    spdlog::info("limit on file descriptors {}: at most {} client connections", descriptors, clients);
    if (clients < how.connections_max) {
        spdlog::warn("connections_max {} is more than the limit on file descriptors allows", how.connections_max);
    } else if (how.connections_max == 0 && clients < clients_few) {
        spdlog::warn("the limit on file descriptors is low: it lets in {} clients, and {} connections of the control "
                     "port; raise it: ulimit -n, LimitNOFILE= of systemd, --ulimit nofile= of docker",
                     clients, how.control_connections_max);
    }
    return {std::max(allowed, clients), clients};
}

} // namespace carillon::gateway
