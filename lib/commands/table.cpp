#include "commands/table.hpp"

#include "resp/names.hpp"

#include <algorithm>
#include <array>

namespace carillon::commands {

namespace {

using counted = metrics::resp_command;

constexpr std::uint32_t talk = noscript | loading | stale | connection;
constexpr std::uint32_t before_login = noscript | loading | stale | fast | no_auth | allow_busy | connection;
constexpr std::uint32_t listen = pubsub | noscript | loading | stale | while_subscribed;
constexpr std::uint32_t query = pubsub | loading | stale;
constexpr std::uint32_t about_commands = loading | stale | connection;
constexpr std::uint32_t around = noscript | loading | stale | transactional;
constexpr std::uint32_t script = noscript | scripting;

const entry* find_in(std::span<const entry> table, std::string_view name) noexcept {
    const auto found = std::find_if(table.begin(), table.end(), [&](const entry& each) {
        return resp::equals_ignoring_case(each.own_name(), name);
    });
    return found == table.end() ? nullptr : &*found;
}

} // namespace

std::span<const entry> all() noexcept {
    static constexpr std::array client_commands{
        entry{"client|getname", counted::client, 2, talk, 0, action::client_name, "2.6.9",
              "Get the current connection name"},
        entry{"client|help", counted::client, 2, about_commands, 0, action::help, "5.0.0",
              "Show helpful text about the different subcommands"},
        entry{"client|id", counted::client, 2, talk, 0, action::client_id, "5.0.0",
              "Returns the client ID for the current connection"},
        entry{"client|info", counted::client, 2, talk | nondeterministic, 0, action::client_info, "6.2.0",
              "Returns information about the current client connection."},
        entry{"client|kill", counted::client, -3, admin | talk, 0, action::client_kill, "2.4.0",
              "Kill the connection of a client"},
        entry{"client|list", counted::client, -2, admin | talk | nondeterministic, 0, action::client_list, "2.4.0",
              "Get the list of client connections"},
        entry{"client|no-evict", counted::client, 3, admin | talk, 0, action::client_switch, "7.0.0",
              "Set client eviction mode for the current connection"},
        entry{"client|no-touch", counted::client, 3, talk, 0, action::client_switch, "7.2.0",
              "Controls whether commands sent by the client affect the LRU/LFU of accessed keys"},
        entry{"client|reply", counted::client, 3, talk, 0, action::client_reply, "3.2.0",
              "Instruct the server whether to reply to commands"},
        entry{"client|setinfo", counted::client, 4, talk, 0, action::client_setinfo, "7.2.0",
              "Sets information specific to the client or connection"},
        entry{"client|setname", counted::client, 3, talk, 0, action::client_setname, "2.6.9",
              "Set the current connection name"},
    };
    static constexpr std::array pubsub_commands{
        entry{"pubsub|channels", counted::pubsub, -2, query, 0, action::pubsub_channels, "2.8.0",
              "List active channels"},
        entry{"pubsub|help", counted::pubsub, 2, loading | stale, 0, action::help, "6.2.0",
              "Show helpful text about the different subcommands"},
        entry{"pubsub|numpat", counted::pubsub, 2, query, 0, action::pubsub_patterns, "2.8.0",
              "Get the count of unique patterns pattern subscriptions"},
        entry{"pubsub|numsub", counted::pubsub, -2, query, 0, action::pubsub_numbers, "2.8.0",
              "Get the count of subscribers for channels"},
        entry{"pubsub|shardchannels", counted::pubsub, -2, query, 0, action::pubsub_channels, "7.0.0",
              "List active shard channels"},
        entry{"pubsub|shardnumsub", counted::pubsub, -2, query, 0, action::pubsub_numbers, "7.0.0",
              "Get the count of subscribers for shard channels"},
    };
    static constexpr std::array config_commands{
        entry{"config|get", counted::config, -3, admin | noscript | loading | stale, 0, action::config_get, "2.0.0",
              "Get the values of configuration parameters"},
        entry{"config|help", counted::config, 2, loading | stale, 0, action::help, "5.0.0",
              "Show helpful text about the different subcommands"},
    };
    static constexpr std::array command_commands{
        entry{"command|count", counted::command, 2, about_commands, 0, action::command_count, "2.8.13",
              "Get total number of Redis commands"},
        entry{"command|docs", counted::command, -2, about_commands | nondeterministic_order, 0, action::command_docs,
              "7.0.0", "Get array of specific Redis command documentation"},
        entry{"command|help", counted::command, 2, about_commands, 0, action::help, "5.0.0",
              "Show helpful text about the different subcommands"},
        entry{"command|info", counted::command, -2, about_commands | nondeterministic_order, 0, action::command_info,
              "2.8.13", "Get array of specific Redis command details, or all when no argument is given."},
        entry{"command|list", counted::command, -2, about_commands | nondeterministic_order, 0, action::command_list,
              "7.0.0", "Get an array of Redis command names"},
    };
    static constexpr std::array script_commands{
        entry{"script|exists", counted::script, -3, script, 0, action::script_exists, "2.6.0",
              "Check existence of scripts in the script cache."},
        entry{"script|flush", counted::script, -2, script, 0, action::script_flush, "2.6.0",
              "Taken, without effect: the script that is known stays known"},
        entry{"script|help", counted::script, 2, loading | stale | scripting, 0, action::help, "5.0.0",
              "Show helpful text about the different subcommands"},
        entry{"script|load", counted::script, 3, script | stale, 0, action::script_load, "2.6.0",
              "Return the SHA-1 of the script of Laravel's Redis broadcaster"},
    };
    // The most frequent ones are found first.
    static constexpr std::array table{
        entry{"publish", counted::publish, 3, pubsub | loading | stale | fast, 0, action::publish, "2.0.0",
              "Post a message to a channel"},
        entry{"ping", counted::ping, -1, fast | connection | while_subscribed | all_shards | all_succeeded, 0,
              action::ping, "1.0.0", "Ping the server"},
        entry{"subscribe", counted::subscribe, -2, listen, 0, action::subscribe, "2.0.0",
              "Listen for messages published to the given channels"},
        entry{"unsubscribe", counted::unsubscribe, -1, listen, 0, action::unsubscribe, "2.0.0",
              "Stop listening for messages posted to the given channels"},
        entry{"psubscribe", counted::psubscribe, -2, listen, 0, action::pattern_subscribe, "2.0.0",
              "Listen for messages published to channels matching the given patterns"},
        entry{"punsubscribe", counted::punsubscribe, -1, listen, 0, action::pattern_unsubscribe, "2.0.0",
              "Stop listening for messages posted to channels matching the given patterns"},
        entry{"spublish", counted::spublish, 3, pubsub | loading | stale | fast, 1, action::sharded_publish, "7.0.0",
              "Post a message to a shard channel"},
        entry{"ssubscribe", counted::ssubscribe, -2, listen, -1, action::sharded_subscribe, "7.0.0",
              "Listen for messages published to the given shard channels"},
        entry{"sunsubscribe", counted::sunsubscribe, -1, listen, -1, action::sharded_unsubscribe, "7.0.0",
              "Stop listening for messages posted to the given shard channels"},
        entry{"echo", counted::echo, 2, loading | stale | fast | connection, 0, action::echo, "1.0.0",
              "Echo the given string"},
        entry{"auth", counted::auth, -2, before_login, 0, action::auth, "1.0.0", "Authenticate to the server"},
        entry{"hello", counted::hello, -1, before_login, 0, action::hello, "6.0.0", "Handshake with Redis"},
        entry{"select", counted::select, 2, loading | stale | fast | connection, 0, action::select, "1.0.0",
              "Change the selected database for the current connection"},
        entry{"pubsub", counted::pubsub, -2, 0, 0, action::none, "2.8.0", "A container for Pub/Sub commands",
              pubsub_commands},
        entry{"client", counted::client, -2, 0, 0, action::none, "2.4.0", "A container for client connection commands",
              client_commands},
        entry{"command", counted::command, -1, loading | stale | connection | nondeterministic_order, 0,
              action::command, "2.8.13", "Get array of Redis command details", command_commands},
        entry{"config", counted::config, -2, 0, 0, action::none, "2.0.0",
              "A container for server configuration commands", config_commands},
        entry{"info", counted::info, -1, loading | stale | dangerous | nondeterministic | all_shards, 0, action::info,
              "1.0.0", "Get information and statistics about the server"},
        entry{"multi", counted::multi, 1, around | fast | allow_busy | at_once, 0, action::multi, "1.2.0",
              "Mark the start of a transaction block"},
        entry{"exec", counted::exec, 1, around | skip_slowlog | at_once, 0, action::exec, "1.2.0",
              "Execute all commands issued after MULTI"},
        entry{"discard", counted::discard, 1, around | fast | allow_busy | at_once, 0, action::discard, "2.0.0",
              "Discard all commands issued after MULTI"},
        entry{"watch", counted::watch, -2, around | fast | allow_busy | at_once, 0, action::watch, "2.2.0",
              "Taken, without effect: there are no keys"},
        entry{"unwatch", counted::unwatch, 1, around | fast | allow_busy, 0, action::unwatch, "2.2.0",
              "Forget about all watched keys"},
        entry{"eval", counted::eval, -3, script | stale, 0, action::eval, "2.6.0",
              "Execute the script of Laravel's Redis broadcaster"},
        entry{"evalsha", counted::evalsha, -3, script | stale, 0, action::eval, "2.6.0",
              "Execute the script of Laravel's Redis broadcaster, by its SHA-1"},
        entry{"script", counted::script, -2, 0, 0, action::none, "2.6.0",
              "A container for Lua scripts management commands", script_commands},
        entry{"role", counted::role, 1, noscript | loading | stale | fast | dangerous, 0, action::role, "2.8.12",
              "Return the role of the instance in the context of replication"},
        entry{"reset", counted::reset, 1, before_login | while_subscribed | at_once, 0, action::reset, "6.2.0",
              "Reset the connection"},
        entry{"quit", counted::quit, -1, before_login | while_subscribed | at_once, 0, action::quit, "1.0.0",
              "Close the connection"},
    };
    static_assert(table.size() < 256); // the number of one fits a connection's record
    return table;
}

const entry* find(std::string_view name) noexcept {
    const std::size_t bar = name.find('|');
    const entry* const found = find_in(all(), name.substr(0, bar));
    if (found == nullptr || bar == std::string_view::npos) return found;
    return find_in(found->subcommands, name.substr(bar + 1));
}

const entry* find(resp::arguments args) noexcept {
    const entry* const found = find_in(all(), args[0]);
    if (found == nullptr || found->subcommands.empty() || args.size() < 2) return found;
    return find_in(found->subcommands, args[1]);
}

} // namespace carillon::commands
