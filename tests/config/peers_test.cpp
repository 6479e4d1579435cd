#include "config/peer_rules.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace carillon::config {
namespace {

TEST(peers, trusted_proxies_are_networks_and_their_fields_such_that_are_read) {
    struct row {
        const char* name;
        std::vector<std::string> proxies, fields;
        const char* wrong; // empty: nothing
    };
    const row rows[] = {
        {"the default", {}, {"X-Forwarded-For", "Forwarded", "X-Real-IP"}, ""},
        {"both families, one address, and sockets",
         {"10.0.0.0/8", "2001:db8::/32", "192.0.2.7", "unix"},
         {"forwarded"},
         ""},
        {"too many bits",
         {"10.0.0.0/33"},
         {"forwarded"},
         R"(trusted-proxies: '10.0.0.0/33' is neither an address, nor a network like 10.0.0.0/8, nor unix)"},
        {"a name",
         {"proxy.example.com"},
         {"forwarded"},
         R"(trusted-proxies: 'proxy.example.com' is neither an address, nor a network like 10.0.0.0/8, nor unix)"},
        {"another field",
         {},
         {"X-Client"},
         R"(trusted-proxy-headers: 'X-Client' is none of X-Forwarded-For, Forwarded and X-Real-IP)"},
    };
    for (const row& each : rows) {
        settings how;
        how.trusted_proxies = each.proxies;
        how.trusted_proxy_headers = each.fields;
        EXPECT_EQ(check_peers(how).value_or(""), each.wrong) << each.name;
    }
}

} // namespace
} // namespace carillon::config
