#include "commands/text.hpp"
#include "door/state.hpp"
#include "resp/glob.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <netinet/in.h>
#include <span>
#include <sys/socket.h>
#include <unistd.h>

namespace carillon::door {

namespace {

// Clients look at this before they use what is new in a version: the door does what Redis 7.0 does for publish and
// subscribe.
constexpr std::string_view redis_version = "7.0.15";

std::uint16_t port_of(int descriptor) noexcept {
    sockaddr_storage storage{};
    socklen_t size = sizeof storage;
    if (::getsockname(descriptor, reinterpret_cast<sockaddr*>(&storage), &size) != 0) return 0;
    if (storage.ss_family == AF_INET) return ntohs(reinterpret_cast<const sockaddr_in&>(storage).sin_port);
    if (storage.ss_family == AF_INET6) return ntohs(reinterpret_cast<const sockaddr_in6&>(storage).sin6_port);
    return 0;
}

struct section {
    std::string_view name;
    std::string text;
};

// Whether a section was asked for; nothing, `all` and the like mean every one.
bool wanted(std::span<const std::string> asked, std::string_view name) {
    if (asked.empty()) return true;
    return std::any_of(asked.begin(), asked.end(), [&](std::string_view each) {
        for (const std::string_view all : {"all", "default", "everything"}) {
            if (resp::equals_ignoring_case(each, all)) return true;
        }
        return resp::equals_ignoring_case(each, name);
    });
}

} // namespace

void resp_door::run_info(door_client& c, resp::arguments args) {
    bus::question what{.about = bus::question::subject::totals};
    what.words.assign(args.begin() + 1, args.end());
    if (port_ == 0) port_ = port_of(c.descriptor);
    ask(c, std::move(what));
}

// What clients and tools look for, in Redis' form.
std::string resp_door::info_of(std::span<const std::string> sections, const bus::answer& totals) const {
    const std::uint32_t up = seconds();
    const std::array all{
        section{"server", fmt::format("# Server\r\nredis_version:{}\r\nserver_name:carillon\r\ncarillon_version:{}\r\n"
                                      "redis_mode:standalone\r\narch_bits:64\r\nmultiplexing_api:epoll\r\n"
                                      "process_id:{}\r\ntcp_port:{}\r\nuptime_in_seconds:{}\r\nuptime_in_days:{}\r\n",
                                      redis_version, CARILLON_VERSION, ::getpid(), port_, up, up / 86'400)},
        section{"clients", fmt::format("# Clients\r\nconnected_clients:{}\r\ncluster_connections:0\r\nmaxclients:{}\r\n"
                                       "blocked_clients:0\r\ntracking_clients:0\r\n",
                                       totals.numbers[0], options_.connections_max * bus_->shards())},
        section{"persistence", "# Persistence\r\nloading:0\r\nasync_loading:0\r\nrdb_changes_since_last_save:0\r\n"
                               "rdb_bgsave_in_progress:0\r\naof_enabled:0\r\naof_rewrite_in_progress:0\r\n"},
        section{"stats", fmt::format("# Stats\r\npubsub_channels:{}\r\npubsub_patterns:{}\r\n"
                                     "pubsubshard_channels:{}\r\n",
                                     totals.numbers[1], totals.numbers[2], totals.numbers[3])},
        section{"replication", "# Replication\r\nrole:master\r\nconnected_slaves:0\r\n"
                               "master_failover_state:no-failover\r\nmaster_repl_offset:0\r\n"},
        section{"cluster", "# Cluster\r\ncluster_enabled:0\r\n"},
        section{"keyspace", "# Keyspace\r\n"},
    };
    std::string text;
    for (const section& each : all) {
        if (!wanted(sections, each.name)) continue;
        if (!text.empty()) text += "\r\n";
        text += each.text;
    }
    return text;
}

// What tools ask before they work: redis-benchmark wants `save` and `appendonly`.
void resp_door::run_config_get(door_client& c, resp::arguments args) {
    using parameter = std::pair<std::string_view, std::string>;
    const std::array parameters{
        parameter{"appendonly", "no"},
        parameter{"databases", std::to_string(commands::databases)},
        parameter{"maxclients", std::to_string(options_.connections_max * bus_->shards())},
        parameter{"maxmemory", "0"},
        parameter{"notify-keyspace-events", ""},
        parameter{"proto-max-bulk-len", std::to_string(options_.query_bytes_max)},
        parameter{"save", ""},
        parameter{"timeout", "0"},
    };
    std::vector<parameter> found;
    for (const std::string_view pattern : args.subspan(2)) {
        for (const auto& [name, value] : parameters) {
            // A name is repeated as it was asked for.
            const std::string_view shown = resp::equals_ignoring_case(pattern, name) ? pattern : name;
            const bool known =
                std::any_of(found.begin(), found.end(), [&](const parameter& each) { return each.first == shown; });
            if (!known && resp::glob_match(commands::lower(pattern), name)) found.emplace_back(shown, value);
        }
    }
    resp::append_map_header(out(), found.size(), dialect(c));
    for (const auto& [name, value] : found) {
        resp::append_bulk(out(), name);
        resp::append_bulk(out(), value);
    }
}

} // namespace carillon::door
