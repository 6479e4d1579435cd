#include "door/state.hpp"
#include "door/text.hpp"
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

constexpr std::string_view help_head = "<subcommand> [<arg> [value] [opt] ...]. Subcommands are:";

constexpr std::array<std::string_view, 38> client_help{
    "GETNAME",
    "    Return the name of the current connection.",
    "ID",
    "    Return the ID of the current connection.",
    "INFO",
    "    Return information about the current client connection.",
    "KILL <ip:port>",
    "    Kill connection made from <ip:port>.",
    "KILL <option> <value> [<option> <value> [...]]",
    "    Kill connections. Options are:",
    "    * ADDR <ip:port>",
    "      Kill connections made from the specified address",
    "    * LADDR <ip:port>",
    "      Kill connections made to specified local address",
    "    * TYPE (NORMAL|MASTER|REPLICA|PUBSUB)",
    "      Kill connections by type.",
    "    * USER <username>",
    "      Kill connections authenticated by <username>.",
    "    * ID <client-id>",
    "      Kill the connection of that ID.",
    "    * SKIPME (YES|NO)",
    "      Skip killing current connection (default: yes).",
    "LIST [options ...]",
    "    Return information about client connections. Options:",
    "    * TYPE (NORMAL|MASTER|REPLICA|PUBSUB)",
    "      Return clients of specified type.",
    "    * ID <client-id> [...]",
    "      Return clients of specified IDs.",
    "NO-EVICT (ON|OFF)",
    "    Protect current client connection from eviction.",
    "NO-TOUCH (ON|OFF)",
    "    Taken, without effect: there are no keys.",
    "REPLY (ON|OFF|SKIP)",
    "    Control the replies sent to the current connection.",
    "SETINFO (LIB-NAME <name>|LIB-VER <version>)",
    "    Say which client library this is.",
    "SETNAME <name>",
    "    Assign the name <name> to the current connection.",
};
constexpr std::array<std::string_view, 11> pubsub_help{
    "CHANNELS [<pattern>]",
    "    Return the currently active channels matching a <pattern> (default: '*').",
    "NUMPAT",
    "    Return number of subscriptions to patterns.",
    "NUMSUB [<channel> ...]",
    "    Return the number of subscribers for the specified channels, excluding",
    "    pattern subscriptions(default: no channels).",
    "SHARDCHANNELS [<pattern>]",
    "    Return the currently active shard level channels matching a <pattern> (default: '*').",
    "SHARDNUMSUB [<shardchannel> ...]",
    "    Return the number of subscribers for the specified shard level channel(s)",
};
constexpr std::array<std::string_view, 10> command_help{
    "(no subcommand)",
    "    Return details about all commands.",
    "COUNT",
    "    Return the total number of commands in this server.",
    "LIST [FILTERBY (MODULE <name>|ACLCAT <category>|PATTERN <pattern>)]",
    "    Return a list of all commands in this server.",
    "INFO [<command-name> ...]",
    "    Return details about multiple commands.",
    "DOCS [<command-name> ...]",
    "    Return documentation details about multiple commands.",
};
constexpr std::array<std::string_view, 6> script_help{
    "EXISTS <sha1> [<sha1> ...]",
    "    Return information about the existence of the scripts in the script cache.",
    "FLUSH [ASYNC|SYNC]",
    "    Taken, without effect: the script that is known stays known.",
    "LOAD <script>",
    "    Return the SHA-1 of the script, if it is the one that is known.",
};
constexpr std::array<std::string_view, 2> config_help{
    "GET <pattern>",
    "    Return parameters matching the glob-like <pattern> and their values.",
};

std::span<const std::string_view> help_of(std::string_view container) noexcept {
    if (container == "CLIENT") return client_help;
    if (container == "PUBSUB") return pubsub_help;
    if (container == "COMMAND") return command_help;
    if (container == "SCRIPT") return script_help;
    return config_help;
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
        parameter{"databases", std::to_string(databases)},
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
            if (!known && resp::glob_match(lower(pattern), name)) found.emplace_back(shown, value);
        }
    }
    resp::append_map_header(out(), found.size(), dialect(c));
    for (const auto& [name, value] : found) {
        resp::append_bulk(out(), name);
        resp::append_bulk(out(), value);
    }
}

void resp_door::run_help(door_client&, resp::arguments args) {
    std::string container{args[0]};
    std::transform(container.begin(), container.end(), container.begin(),
                   [](char ch) { return ch >= 'a' && ch <= 'z' ? static_cast<char>(ch - 'a' + 'A') : ch; });
    const auto lines = help_of(container);
    resp::append_array_header(out(), lines.size() + 3);
    resp::append_simple(out(), fmt::format("{} {}", container, help_head));
    for (const std::string_view each : lines) resp::append_simple(out(), each);
    resp::append_simple(out(), "HELP");
    resp::append_simple(out(), "    Prints this help.");
}

} // namespace carillon::door
