#pragma once

#include "base/result.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace carillon::endpoints {

/// A Redis, a Valkey or a carillon-bus to connect to, or several that know nothing of each other, or Sentinels that
/// know where it is, or nodes of a cluster; and who to be there.
struct redis_address {
    struct node {
        std::string host; ///< A name, an IPv4 address, or an IPv6 address without brackets.
        std::uint16_t port = 0;

        bool operator==(const node&) const = default;
    };

    /// As a node's; or the path of a unix socket, which begins with '/'; empty with several servers, Sentinels or a
    /// cluster.
    std::string host;
    std::uint16_t port = 6379;
    std::string user = "default";
    std::string password{};        ///< Empty: none. Never print it.
    bool encrypted = false;        ///< TLS, also to the Sentinels, or all nodes.
    std::vector<node> sentinels{}; ///< At most nodes_max.
    std::string master{};          ///< The name under which they watch it.

    std::vector<node> cluster{}; ///< Some of its nodes, which know the others. At most nodes_max.
    std::vector<node> servers{}; ///< Of several, each has a part of the channels. Two or more; at most nodes_max.

    static constexpr std::size_t nodes_max = 16;

    bool is_path() const noexcept { return host.starts_with('/'); }
    bool operator==(const redis_address&) const = default;
};

/// Reads redis://[user[:password]@]host[:port][/[database]], or rediss:// with TLS: a URL (RFC 3986 §3) whose user and
/// password are percent-decoded. An IPv6 host stands in brackets; names are not looked up here. The database is any
/// whole number, and forgotten: publish and subscribe know none. Several hosts with commas between them are several
/// servers with one user and password; before each the scheme may stand again. unix:[//][user[:password]@]/path is a
/// unix socket; redis-sentinel://[user[:password]@]host[:port][,host[:port]...]/master names Sentinels, whose port is
/// 26379 unless it is given, and rediss-sentinel:// Sentinels and a master with TLS.
/// redis-cluster://[user[:password]@]host[:port][,host[:port]...] names nodes of a cluster, whose port is 6379 unless
/// it is given, and rediss-cluster:// such with TLS. Errors: endpoints::error::not_a_redis_url,
/// credentials_not_encoded, credentials_with_control, redis_path, redis_host, redis_port, redis_master, redis_nodes,
/// redis_credentials,
/// path_not_absolute.
result<redis_address> parse_redis_address(std::string_view text);

/// For people: "redis://bus.example.com:6379", "redis://a:6379,b:6379", "redis://user@[::1]:6379",
/// "unix:/run/redis.sock", "redis-sentinel://s1:26379,s2:26379/mymaster", "redis-cluster://a:6379,b:6379". Without the
/// password, and without the user "default".
std::string to_string(const redis_address& value);

} // namespace carillon::endpoints
