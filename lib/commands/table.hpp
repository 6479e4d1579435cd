#pragma once

#include "metrics/labels.hpp"
#include "resp/command.hpp"

#include <cstdint>
#include <span>
#include <string_view>

namespace carillon::commands {

/// What COMMAND INFO says of a command, as Redis names it.
enum command_flag : std::uint32_t {
    admin = 1,
    pubsub = 2,
    noscript = 4,
    loading = 8,
    stale = 16,
    fast = 32,
    no_auth = 64, ///< allowed before AUTH
    allow_busy = 128,
    dangerous = 256, ///< a category only
    connection = 512,
    while_subscribed = 1024, ///< RESP2 connections with subscriptions may use only these; not shown
    all_shards = 2048,       ///< tips
    all_succeeded = 4096,
    nondeterministic = 8192,
    nondeterministic_order = 16384,
    transactional = 32768, ///< a category only, as the next one
    scripting = 65536,
    skip_slowlog = 131072,
    at_once = 262144, ///< carried out between MULTI and EXEC, too; not shown
};

/// What is done for a command; several names may be the same.
enum class action : std::uint8_t {
    none, ///< it has subcommands
    client_name,
    help,
    client_id,
    client_info,
    client_kill,
    client_list,
    client_switch,
    client_reply,
    client_setinfo,
    client_setname,
    pubsub_channels,
    pubsub_patterns,
    pubsub_numbers,
    config_get,
    command_count,
    command_docs,
    command_info,
    command_list,
    script_exists,
    script_flush,
    script_load,
    publish,
    ping,
    subscribe,
    unsubscribe,
    pattern_subscribe,
    pattern_unsubscribe,
    sharded_publish,
    sharded_subscribe,
    sharded_unsubscribe,
    echo,
    auth,
    hello,
    select,
    command,
    info,
    multi,
    exec,
    discard,
    watch,
    unwatch,
    eval,
    role,
    reset,
    quit,
};

/// A command of the door, or a subcommand.
struct entry {
    std::string_view name; ///< lower case; of a subcommand "client|id"
    metrics::resp_command counted_as{};
    int arity = 0; ///< as Redis writes it: the name included; negative: at least so many
    std::uint32_t flags = 0;
    int last_key = 0; ///< 0: it has no keys; else they begin at 1
    action does = action::none;
    std::string_view since{};
    std::string_view summary{};
    std::span<const entry> subcommands{};

    bool has(command_flag flag) const noexcept { return (flags & flag) != 0; }
    bool is_confirmed_by_pushes() const noexcept { return has(pubsub) && has(while_subscribed); }
    /// What stands behind the '|', or the name.
    std::string_view own_name() const noexcept { return name.substr(name.find('|') + 1); }
};

/// All commands, the most frequent ones first.
std::span<const entry> all() noexcept;
/// By its full name, "client|id"; null: there is none.
const entry* find(std::string_view name) noexcept;
/// As it is called; null when the command is not known, or when its subcommand is not.
const entry* find(resp::arguments args) noexcept;

} // namespace carillon::commands
