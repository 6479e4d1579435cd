#include "door/state.hpp"
#include "door/table.hpp"
#include "door/text.hpp"
#include "resp/glob.hpp"

#include <array>
#include <utility>
#include <vector>

namespace carillon::door {

namespace {

using entry = resp_door::command_entry;

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

// The ten values of COMMAND INFO.
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

std::string_view group_of(const entry& of) noexcept {
    if (of.has(transactional)) return "transactions";
    if (of.has(scripting) || of.name == "script") return "scripting";
    if (of.name == "info" || of.name == "role" || of.name.starts_with("co")) return "server";
    return of.has(connection) || of.name.starts_with("client") ? "connection" : "pubsub";
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

} // namespace

void resp_door::run_command(door_client& c, resp::arguments) {
    resp::append_array_header(out(), commands().size());
    for (const entry& each : commands()) append_info(out(), each, dialect(c));
}

void resp_door::run_command_count(door_client&, resp::arguments) {
    resp::append_integer(out(), static_cast<std::int64_t>(commands().size()));
}

void resp_door::run_command_info(door_client& c, resp::arguments args) {
    if (args.size() == 2) return run_command(c, args);
    resp::append_array_header(out(), args.size() - 2);
    for (const std::string_view name : args.subspan(2)) {
        const entry* const found = find_command(name);
        if (found == nullptr) {
            resp::append_null(out(), dialect(c));
        } else {
            append_info(out(), *found, dialect(c));
        }
    }
}

// redis-cli asks this at its start, for its hints. Names that are not known are left out.
void resp_door::run_command_docs(door_client& c, resp::arguments args) {
    std::vector<const entry*> found;
    for (const std::string_view name : args.subspan(2)) {
        if (const entry* const one = find_command(name); one != nullptr) found.push_back(one);
    }
    if (args.size() == 2) {
        for (const entry& each : commands()) found.push_back(&each);
    }
    resp::append_map_header(out(), found.size(), dialect(c));
    for (const entry* each : found) append_docs(out(), *each, dialect(c));
}

void resp_door::run_command_list(door_client&, resp::arguments args) {
    const auto filter = filter_of(args);
    if (!filter) return error(metrics::resp_error::wrong_arguments, "ERR syntax error");
    words names;
    for (const entry& each : commands()) {
        if (filter->admits(each)) names.push_back(each.name);
        if (filter->by == name_filter::kind::all) continue;
        for (const entry& sub : each.subcommands) {
            if (filter->admits(sub)) names.push_back(sub.name);
        }
    }
    resp::append_array_header(out(), names.size());
    for (const std::string_view each : names) resp::append_bulk(out(), each);
}

} // namespace carillon::door
