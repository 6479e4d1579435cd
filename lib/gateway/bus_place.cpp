#include "gateway/bus_place.hpp"

#include "tls/trust.hpp"

#include <memory>

namespace carillon::gateway {

wires::whereabouts whereabouts_of(const config::settings& how) {
    wires::whereabouts found;
    found.server = {how.bus->host, how.bus->port};
    for (const auto& each : how.bus->servers) found.servers.push_back({each.host, each.port});
    for (const auto& each : how.bus->sentinels) found.sentinels.push_back({each.host, each.port});
    found.asked = {how.bus->master, how.bus_sentinel_user, how.bus_sentinel_password};
    found.sentinel_interval = how.bus_sentinel_interval;
    for (const auto& each : how.bus->cluster) found.cluster.nodes.push_back({each.host, each.port});
    found.cluster.interval = how.bus_cluster_interval;
    found.cluster.pause = how.bus_cluster_pause;
    found.cluster.primaries_max = how.bus_cluster_primaries_max;
    found.server_name = how.bus_tls_server_name;
    if (how.bus->encrypted)
        found.encryption =
            tls::trust_terms{how.bus_tls_ca_file, how.bus_tls_certificate_file, how.bus_tls_key_file, "bus_tls_"};
    return found;
}

wires::logins logins_of(const config::settings& how) {
    return {how.bus->user, how.bus->password, how.bus_sentinel_user, how.bus_sentinel_password};
}

std::optional<std::string> complaint_of_bus(const config::settings& how) {
    if (!how.bus || !how.bus->encrypted) return {};
    std::shared_ptr<const tls::trust> unused;
    return tls::trust::read(*whereabouts_of(how).encryption, unused);
}

} // namespace carillon::gateway
