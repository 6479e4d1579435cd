#include "config/peer_rules.hpp"

#include "peer/forwarded.hpp"
#include "peer/network.hpp"

#include <fmt/format.h>

namespace carillon::config {

complaint check_peers(const settings& values) {
    for (const std::string& each : values.trusted_proxies) {
        if (!peer::is_trustable(each))
            return fmt::format("trusted-proxies: {} is neither an address, nor a network like 10.0.0.0/8, nor unix",
                               in_quotes(each));
    }
    for (const std::string& each : values.trusted_proxy_headers) {
        if (!peer::forwarding_of(each))
            return fmt::format("trusted-proxy-headers: {} is none of X-Forwarded-For, Forwarded and X-Real-IP",
                               in_quotes(each));
    }
    return {};
}

} // namespace carillon::config
