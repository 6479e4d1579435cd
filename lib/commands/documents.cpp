#include "commands/documents.hpp"

#include "commands/text.hpp"
#include "resp/glob.hpp"
#include "resp/names.hpp"

#include <array>
#include <utility>
#include <vector>

namespace carillon::commands {

namespace {

using words = std::vector<std::string_view>;

words flags_of(const entry& of) {
    using named = std::pair<command_flag, std::string_view>;
    constexpr std::array names{
        named{admin, "admin"},     named{pubsub, "pubsub"},         named{noscript, "noscript"},
        named{loading, "loading"}, named{stale, "stale"},           named{fast, "fast"},
        named{no_auth, "no_auth"}, named{allow_busy, "allow_busy"}, named{skip_slowlog, "skip_slowlog"}};
    words found;
    for (const auto& [flag, name] : names) {
        if (of.has(flag)) found.push_back(name);
    }
    return found;
}

words categories_of(const entry& of) {
    words found;
    if (of.has(pubsub)) found.push_back("@pubsub");
    if (of.has(admin)) found.push_back("@admin");
    found.push_back(of.has(fast) ? "@fast" : "@slow");
    if (of.has(admin) || of.has(dangerous)) found.push_back("@dangerous");
    if (of.has(connection)) found.push_back("@connection");
    if (of.has(transactional)) found.push_back("@transaction");
    if (of.has(scripting)) found.push_back("@scripting");
    return found;
}

words tips_of(const entry& of) {
    words found;
    if (of.has(nondeterministic)) found.push_back("nondeterministic_output");
    if (of.has(nondeterministic_order)) found.push_back("nondeterministic_output_order");
    if (of.has(all_shards)) found.push_back("request_policy:all_shards");
    if (of.has(all_succeeded)) found.push_back("response_policy:all_succeeded");
    if (of.has(all_shards) && !of.has(all_succeeded)) found.push_back("response_policy:special");
    return found;
}

void append_statuses(std::string& out, const words& texts, resp::version dialect) {
    resp::append_set_header(out, texts.size(), dialect);
    for (const std::string_view each : texts) resp::append_simple(out, each);
}

// {"type": kind, "spec": {...}} of which the caller appends what is in the spec.
void append_search(std::string& out, std::string_view kind, std::size_t pairs, resp::version dialect) {
    resp::append_map_header(out, 2, dialect);
    resp::append_bulk(out, "type");
    resp::append_bulk(out, kind);
    resp::append_bulk(out, "spec");
    resp::append_map_header(out, pairs, dialect);
}

// Sharded channels stand where other commands have keys, so that a cluster's clients find their node.
void append_key_specs(std::string& out, const entry& of, resp::version dialect) {
    resp::append_set_header(out, of.last_key == 0 ? 0 : 1, dialect);
    if (of.last_key == 0) return;
    resp::append_map_header(out, 3, dialect);
    resp::append_bulk(out, "flags");
    append_statuses(out, {"not_key"}, dialect);
    resp::append_bulk(out, "begin_search");
    append_search(out, "index", 1, dialect);
    resp::append_bulk(out, "index");
    resp::append_integer(out, 1);
    resp::append_bulk(out, "find_keys");
    append_search(out, "range", 3, dialect);
    resp::append_bulk(out, "lastkey");
    resp::append_integer(out, of.last_key < 0 ? -1 : 0); // counted from the first one
    resp::append_bulk(out, "keystep");
    resp::append_integer(out, 1);
    resp::append_bulk(out, "limit");
    resp::append_integer(out, 0);
}

std::string_view group_of(const entry& of) noexcept {
    if (of.has(transactional)) return "transactions";
    if (of.has(scripting) || of.name == "script") return "scripting";
    if (of.name == "info" || of.name == "role" || of.name.starts_with("co")) return "server";
    return of.has(connection) || of.name.starts_with("client") ? "connection" : "pubsub";
}

// Which names COMMAND LIST gives.
struct name_filter {
    enum class kind : std::uint8_t { all, module, category, pattern } by = kind::all;
    std::string word;

    bool admits(const entry& one) const {
        switch (by) {
        case kind::all: return true;
        case kind::module: return false; // there are none
        case kind::category: {
            const words all = categories_of(one);
            return std::find(all.begin(), all.end(), "@" + word) != all.end();
        }
        case kind::pattern: return resp::glob_match(word, one.name);
        }
        return false;
    }
};

std::optional<name_filter> filter_of(resp::arguments args) {
    if (args.size() == 2) return name_filter{};
    if (args.size() != 5 || !resp::equals_ignoring_case(args[2], "FILTERBY")) return std::nullopt;
    using kind = name_filter::kind;
    if (resp::equals_ignoring_case(args[3], "MODULE")) return name_filter{kind::module, {}};
    if (resp::equals_ignoring_case(args[3], "ACLCAT")) return name_filter{kind::category, lower(args[4])};
    if (resp::equals_ignoring_case(args[3], "PATTERN")) return name_filter{kind::pattern, lower(args[4])};
    return std::nullopt;
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

} // namespace

void append_info(std::string& out, const entry& of, resp::version dialect) {
    resp::append_array_header(out, 10);
    resp::append_bulk(out, of.name);
    resp::append_integer(out, of.arity);
    append_statuses(out, flags_of(of), dialect);
    const int first = of.last_key == 0 ? 0 : 1;
    resp::append_integer(out, first);
    resp::append_integer(out, of.last_key);
    resp::append_integer(out, first);
    append_statuses(out, categories_of(of), dialect);
    const words tips = tips_of(of);
    resp::append_set_header(out, tips.size(), dialect);
    for (const std::string_view each : tips) resp::append_bulk(out, each);
    append_key_specs(out, of, dialect);
    resp::append_set_header(out, of.subcommands.size(), dialect);
    for (const entry& each : of.subcommands) append_info(out, each, dialect);
}

void append_docs(std::string& out, const entry& of, resp::version dialect) {
    const bool has_subcommands = !of.subcommands.empty();
    resp::append_bulk(out, of.name);
    resp::append_map_header(out, has_subcommands ? 4 : 3, dialect);
    resp::append_bulk(out, "summary");
    resp::append_bulk(out, of.summary);
    resp::append_bulk(out, "since");
    resp::append_bulk(out, of.since);
    resp::append_bulk(out, "group");
    resp::append_bulk(out, group_of(of));
    if (!has_subcommands) return;
    resp::append_bulk(out, "subcommands");
    resp::append_map_header(out, of.subcommands.size(), dialect);
    for (const entry& each : of.subcommands) append_docs(out, each, dialect);
}

bool append_names(std::string& out, resp::arguments args) {
    const auto filter = filter_of(args);
    if (!filter) return false;
    words names;
    for (const entry& each : all()) {
        if (filter->admits(each)) names.push_back(each.name);
        if (filter->by == name_filter::kind::all) continue;
        for (const entry& sub : each.subcommands) {
            if (filter->admits(sub)) names.push_back(sub.name);
        }
    }
    resp::append_array_header(out, names.size());
    for (const std::string_view each : names) resp::append_bulk(out, each);
    return true;
}

void append_help(std::string& out, std::string_view of) {
    std::string container{of};
    std::transform(container.begin(), container.end(), container.begin(),
                   [](char ch) { return ch >= 'a' && ch <= 'z' ? static_cast<char>(ch - 'a' + 'A') : ch; });
    const auto lines = help_of(container);
    resp::append_array_header(out, lines.size() + 3);
    resp::append_simple(out, container + " " + std::string{help_head});
    for (const std::string_view each : lines) resp::append_simple(out, each);
    resp::append_simple(out, "HELP");
    resp::append_simple(out, "    Prints this help.");
}

} // namespace carillon::commands
