#pragma once

#include "discovery/place.hpp"
#include "discovery/sentinel.hpp"
#include "tls/trust_terms.hpp"

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace carillon::wires {

using carillon::discovery::place;
using carillon::discovery::sentinel_options;

/// How a cluster is found, and looked after.
struct cluster_options {
    std::vector<place> nodes{};                 ///< some of them, which know the others; none: it is no cluster
    std::chrono::milliseconds interval{10'000}; ///< between two questions what is where, while all is well
    std::chrono::milliseconds pause{500};       ///< between two of them at least, whatever happens
    std::size_t primaries_max = 64;             ///< with a connection to each; a cluster that has more is not used
};

/// Who we are at the bus, and at those who know where it is.
struct logins {
    std::string user = "default";
    std::string password{}; ///< empty: no AUTH; so below
    std::string sentinel_user = "default";
    std::string sentinel_password{};
};

/// Where the bus is, or who knows where it is, and how it is spoken to there.
struct whereabouts {
    place server{};                 ///< unless there are several, or Sentinels, or nodes of a cluster
    std::vector<place> servers{};   ///< several that know nothing of each other
    std::vector<place> sentinels{}; ///< they say where the master is
    sentinel_options asked{};       ///< of them
    /// On average between two questions whether the master is elsewhere, while there is a connection to it.
    std::chrono::milliseconds sentinel_interval{10'000};
    cluster_options cluster{};
    std::optional<tls::trust_terms> encryption{}; ///< none: no TLS. Who is asked speaks it if the server does.
    std::string server_name{};                    ///< that certificates must be for; empty: each host's own

    void use_login(const logins& now) { asked.user = now.sentinel_user, asked.password = now.sentinel_password; }
};

/// For people: "bus:6379", "a:6379, b:6379", "/run/redis.sock", "mymaster (Sentinels s1:26379, s2:26379)", "the cluster
/// of a:6379, b:6379".
std::string to_string(const whereabouts& of);

/// What TLS at that host asks for.
const std::string& name_at(const whereabouts& of, const place& where) noexcept;

} // namespace carillon::wires
