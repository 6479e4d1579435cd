#include "config/bus_rules.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace carillon::config {

complaint check_bus(const settings& values, const origins& set_by) {
    using of_tls = std::pair<std::string_view, const std::string*>;
    for (const auto& [key, text] :
         std::array<of_tls, 4>{{{"bus_tls_ca_file", &values.bus_tls_ca_file},
                                {"bus_tls_certificate_file", &values.bus_tls_certificate_file},
                                {"bus_tls_key_file", &values.bus_tls_key_file},
                                {"bus_tls_server_name", &values.bus_tls_server_name}}}) {
        if (!text->empty() && !(values.bus && values.bus->encrypted))
            return fmt::format("{}: it is for a bus with TLS, rediss://, rediss-sentinel:// or rediss-cluster://",
                               set_by.at(key));
    }
    if (values.bus_tls_certificate_file.empty() != values.bus_tls_key_file.empty())
        return fmt::format(
            "{}: a certificate and its key are given together, or neither",
            set_by.at(values.bus_tls_key_file.empty() ? "bus_tls_certificate_file" : "bus_tls_key_file"));
    const bool is_spread = values.bus && !(values.bus->cluster.empty() && values.bus->servers.empty());
    if (is_spread && values.bus_prefix.find('{') != std::string::npos) // it would decide where keys are
        return fmt::format("{}: with a cluster or several servers it holds no {{", set_by.at("bus_prefix"));
    if (values.bus) {
        const auto& servers = values.bus->servers;
        for (auto each = servers.begin(); each != servers.end(); ++each)
            if (std::find(servers.begin(), each, *each) != each)
                return fmt::format("{}: {}:{} stands there twice", set_by.at("bus"), each->host, each->port);
    }
    if (values.bus_sentinel_password.empty()) {
        if (values.bus_sentinel_user == "default") return {};
        return fmt::format("{}: the user of the Sentinels has no password; give bus-sentinel-password",
                           set_by.at("bus_sentinel_user"));
    }
    if (values.bus && !values.bus->sentinels.empty()) return {};
    const bool in_file = !values.bus_sentinel_password_file.empty();
    return fmt::format("{}: it is for Sentinels, redis-sentinel:// or rediss-sentinel://",
                       set_by.at(in_file ? "bus_sentinel_password_file" : "bus_sentinel_password"));
}

} // namespace carillon::config
