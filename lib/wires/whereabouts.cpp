#include "wires/whereabouts.hpp"

namespace carillon::wires {

namespace {

std::string list_of(const std::vector<place>& places) {
    std::string list;
    for (const place& each : places) {
        if (!list.empty()) list += ", ";
        list += to_string(each);
    }
    return list;
}

} // namespace

std::string to_string(const whereabouts& of) {
    if (!of.cluster.nodes.empty()) return "the cluster of " + list_of(of.cluster.nodes);
    if (!of.servers.empty()) return list_of(of.servers);
    if (of.sentinels.empty()) return to_string(of.server);
    return of.asked.master + " (Sentinels " + list_of(of.sentinels) + ")";
}

const std::string& name_at(const whereabouts& of, const place& where) noexcept {
    return of.server_name.empty() ? where.host : of.server_name;
}

} // namespace carillon::wires
