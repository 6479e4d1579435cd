#include "loading/name_spaces.hpp"

#include "channels/pattern.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <type_traits>
#include <utility>

namespace carillon::loading {
namespace {

using channels::audience;
using channels::name_space;
using channels::party;

constexpr std::int64_t day_s = 24 * 3600;
constexpr audience who_subscribes{party::anonymous, party::client, party::token};
constexpr audience who_acts{party::anonymous, party::client, party::subscriber, party::subscribed_client, party::token};

complaint check_name(const std::string& text) {
    const auto why = channels::check_name_space_name(text);
    return why ? complaint{fmt::format("{} {}", in_quotes(text), *why)} : complaint{};
}

complaint check_channel_pattern(const std::string& text) {
    if (text.empty()) return "an empty pattern lets no channel in; leave it out for channels of any name";
    if (text.size() > channels::pattern_bytes_max)
        return fmt::format("the pattern is longer than {} bytes", channels::pattern_bytes_max);
    const auto why = channels::check_pattern(text);
    return why ? complaint{fmt::format("{} is not a pattern: {}", in_quotes(text), *why)} : complaint{};
}

// A key is its member's name.
#define PLACE(member) #member, &name_space::member

constexpr name_space_key table[] = {
    {PLACE(name),
     {},
     check_name,
     0,
     "channels without a namespace",
     "What stands before the first `:` of the channels' names; at least two letters, digits, `-`, `_` or `.`."},
    {PLACE(subscribe), who_subscribes, nullptr, 0, "nobody",
     "Who may subscribe. Who has a token for the channel always may."},
    {PLACE(publish), who_acts, nullptr, 0, "nobody", "Which clients may publish. Back ends publish everywhere."},
    {PLACE(user_limited),
     {},
     nullptr,
     0,
     "false",
     "`#` in a name begins a list of users, and the channel is for them only: `chat:dialog#42,43`."},
    {PLACE(channel_pattern),
     {},
     check_channel_pattern,
     0,
     "any ASCII",
     "What a name is like from the first `:` to its end, or to the `#` of its users."},
    {PLACE(history_size),
     {},
     nullptr,
     10'000,
     "0",
     "How many publications a channel keeps, the newest. 0: none, and its publications have no offsets."},
    {"history_ttl_s",
     &name_space::history_ttl,
     {},
     nullptr,
     366 * day_s,
     "300",
     "How long they are kept after the last one, all together, in seconds."},
    {"history_meta_ttl_s",
     &name_space::history_meta_ttl,
     {},
     nullptr,
     10 * 366 * day_s,
     "2592000",
     "How long after the last publication it is known where a channel's stream stands, in seconds. Who comes back "
     "later is told that it has missed something."},
    {PLACE(recovery),
     {},
     nullptr,
     0,
     "off",
     "What who comes back gets of what it has missed: `stream`, everything or to be told that it cannot; `cache`, the "
     "newest publication; `off`, nothing."},
    {PLACE(history), who_acts, nullptr, 0, "nobody", "Which clients may ask for what was published."},
    {PLACE(presence), {}, nullptr, 0, "false", "Whether it is known who is in a channel."},
    {PLACE(presence_for), who_acts, nullptr, 0, "nobody", "Which clients may ask who is there."},
    {PLACE(join_leave), {}, nullptr, 0, "false", "Whether subscribers that ask for it are told who comes and goes."},
    {PLACE(force_push_join_leave),
     {},
     nullptr,
     0,
     "false",
     "With `join_leave`: all subscribers are told, whether they ask for it or not."},
    {"join_leave_debounce_s",
     &name_space::join_leave_debounce,
     {},
     nullptr,
     3600,
     "none",
     "With `join_leave`: how long after a client has left that is told, in seconds. If its user comes back by then, as "
     "with a page that is loaded anew, neither is told."},
    {PLACE(occupancy_events),
     {},
     nullptr,
     0,
     "false",
     "Whether the application is told when a channel gets its first subscriber here, and when its last one leaves."},
    {PLACE(binary),
     {},
     nullptr,
     0,
     "false",
     "Whether clients that speak protobuf may publish bytes that are no text. A client that speaks JSON and subscribes "
     "is "
     "disconnected by them with 3506."},
    {PLACE(wildcard),
     {},
     nullptr,
     0,
     "false",
     "Whether a name that ends with `*` stands for many channels: who subscribes to `news:sport.*` gets what is "
     "published to all that begin with `news:sport.`."},
    {PLACE(slow_consumer),
     {},
     nullptr,
     0,
     "disconnect",
     "What happens when a client takes less than is published: `disconnect`, it is disconnected with 3008 when too "
     "much "
     "waits for it; `drop_oldest`, of what waits the oldest is dropped; `keep_latest`, only the newest of each channel "
     "waits."},
    {PLACE(allowed_delta_types),
     {},
     nullptr,
     0,
     "none",
     "How publications may be shortened to what has changed, for subscribers that ask for it ([deltas.md](deltas.md)). "
     "Needs `recovery`, and `slow_consumer = \"disconnect\"`."},
    {PLACE(allow_tags_filter),
     {},
     nullptr,
     0,
     "false",
     "Whether a subscriber may ask for some publications only, by their tags ([filters.md](filters.md))."},
};

#undef PLACE

std::vector<std::string> names_in(const audience& parties) {
    std::vector<std::string> names;
    boost::mp11::mp_for_each<boost::describe::describe_enumerators<party>>([&](auto each) {
        if (parties.has(each.value)) names.emplace_back(each.name);
    });
    return names;
}

template <class Enum>
std::vector<std::string> names_of() {
    std::vector<std::string> names;
    boost::mp11::mp_for_each<boost::describe::describe_enumerators<Enum>>(
        [&](auto each) { names.emplace_back(each.name); });
    return names;
}

struct describe_values {
    const name_space_key& of;

    std::string operator()(bool name_space::*) const { return "true or false"; }
    std::string operator()(std::string name_space::*) const { return "a text"; }
    std::string operator()(std::size_t name_space::*) const { return fmt::format("a number from 0 to {}", of.most); }
    std::string operator()(std::chrono::seconds name_space::*) const {
        return fmt::format("a number from 1 to {} (seconds)", of.most);
    }
    template <class Enum>
    requires std::is_enum_v<Enum> std::string operator()(Enum name_space::*) const {
        return fmt::format("one of {}", fmt::join(names_of<Enum>(), ", "));
    }
    std::string operator()(channels::delta_types name_space::*) const { return "an array, any of fossil"; }
    std::string operator()(audience name_space::*) const {
        return fmt::format("an array, any of {}", fmt::join(names_in(of.of), ", "));
    }
};

/// Reads a value into the member it is called with.
struct reader {
    const toml::node& node;
    const name_space_key& of;
    name_space& into;

    complaint operator()(bool name_space::*member) const {
        if (!node.is_boolean()) return fmt::format("give {}, without quotes", values_of(of));
        into.*member = **node.as_boolean();
        return {};
    }

    complaint operator()(std::string name_space::*member) const {
        if (!node.is_string()) return fmt::format("give {}, in quotes", values_of(of));
        into.*member = **node.as_string();
        return of.is_good(into.*member);
    }

    complaint read_number(std::int64_t least, std::int64_t& number) const {
        if (!node.is_integer()) return fmt::format("give {}, without quotes", values_of(of));
        number = **node.as_integer();
        if (number < least || number > of.most) return fmt::format("{} is not {}", number, values_of(of));
        return {};
    }

    complaint operator()(std::size_t name_space::*member) const {
        std::int64_t number = 0;
        if (auto why = read_number(0, number)) return why;
        into.*member = static_cast<std::size_t>(number);
        return {};
    }

    complaint operator()(std::chrono::seconds name_space::*member) const {
        std::int64_t number = 0;
        if (auto why = read_number(1, number)) return why;
        into.*member = std::chrono::seconds{number};
        return {};
    }

    template <class Enum>
    requires std::is_enum_v<Enum> complaint operator()(Enum name_space::*member) const {
        if (!node.is_string()) return fmt::format("give {}, in quotes", values_of(of));
        const std::string& text = **node.as_string();
        bool known = false;
        boost::mp11::mp_for_each<boost::describe::describe_enumerators<Enum>>([&](auto each) {
            if (text != each.name) return;
            into.*member = each.value;
            known = true;
        });
        if (known) return {};
        return fmt::format("{} is not known; give {}{}", in_quotes(text), values_of(of),
                           did_you_mean(text, names_of<Enum>()));
    }

    complaint operator()(channels::delta_types name_space::*member) const {
        const auto* array = node.as_array();
        if (array == nullptr) return fmt::format("give {}", values_of(of));
        for (const auto& item : *array) {
            if (!item.is_string()) return fmt::format("every item of the array must be a text in quotes");
            const std::string& text = **item.as_string();
            if (text != "fossil") return fmt::format("{} is not known; give {}", in_quotes(text), values_of(of));
            if (std::exchange((into.*member).fossil, true)) return fmt::format("{} is there twice", in_quotes(text));
        }
        return {};
    }

    complaint operator()(audience name_space::*member) const {
        const auto* array = node.as_array();
        if (array == nullptr) return fmt::format("give {}", values_of(of));
        for (const auto& item : *array) {
            if (!item.is_string()) return fmt::format("every item of the array must be a text in quotes");
            if (auto why = add(**item.as_string(), into.*member)) return why;
        }
        return {};
    }

    complaint add(const std::string& text, audience& to) const {
        complaint why = fmt::format("{} is not known; give {}{}", in_quotes(text), values_of(of),
                                    did_you_mean(text, names_in(of.of)));
        boost::mp11::mp_for_each<boost::describe::describe_enumerators<party>>([&](auto each) {
            if (text != each.name || !of.of.has(each.value)) return;
            why.reset();
            if (to.has(each.value)) why = fmt::format("{} is there twice", in_quotes(text));
            to.add(each.value);
        });
        return why;
    }
};

complaint refuse_key(std::string_view key) {
    // In TOML all that follows a table is in it.
    if (find_option(key) != nullptr)
        return fmt::format("{} is no key of a namespace; write it above the first [[namespace]]", in_quotes(key));
    std::vector<std::string> known;
    for (const auto& row : table) known.emplace_back(row.key);
    return fmt::format("{} is no key of a namespace{}", in_quotes(key), did_you_mean(key, known));
}

complaint read_table(const std::string& path, const toml::table& written, placed_name_space& into) {
    into.source = fmt::format("{}:{}", path, written.source().begin.line);
    for (const auto& [key, node] : written) {
        const auto* row = std::ranges::find(table, key.str(), &name_space_key::key);
        if (row == std::end(table))
            return fmt::format("{}:{}: {}", path, key.source().begin.line, *refuse_key(key.str()));
        if (auto why = std::visit(reader{node, *row, into.value}, row->target))
            return fmt::format("{}:{}: {}: {}", path, node.source().begin.line, row->key, *why);
    }
    return {};
}

complaint check_unique(const placed_name_space& added, std::span<const placed_name_space> others) {
    const auto twin = std::ranges::find(others, added.value.name,
                                        [](const auto& each) -> const std::string& { return each.value.name; });
    if (twin == others.end()) return {};
    if (added.value.name.empty())
        return fmt::format("{}: {} has the channels without a namespace already; give one of them a name", added.source,
                           twin->source);
    return fmt::format("{}: {} is the namespace {} already", added.source, twin->source, in_quotes(added.value.name));
}

} // namespace

std::span<const name_space_key> name_space_keys() { return table; }

std::string values_of(const name_space_key& key) { return std::visit(describe_values{key}, key.target); }

complaint read_name_spaces(const std::string& path, const toml::node& node, std::vector<placed_name_space>& into) {
    const auto* array = node.as_array();
    if (array == nullptr || !std::ranges::all_of(*array, [](const auto& item) { return item.is_table(); }))
        return fmt::format("{}:{}: there can be several namespaces; write [[namespace]] above the keys of each", path,
                           node.source().begin.line);
    for (const auto& item : *array) {
        placed_name_space added;
        if (auto why = read_table(path, *item.as_table(), added)) return why;
        if (auto why = check_unique(added, into)) return why;
        if (into.size() == channels::name_spaces_max)
            return fmt::format("{}: there are more than {} namespaces", added.source, channels::name_spaces_max);
        into.push_back(std::move(added));
    }
    return {};
}

complaint check_name_spaces(std::span<const placed_name_space> all, const settings& values, const origins& set_by) {
    for (const auto& [value, source] : all) {
        if (value.recovery != channels::recovery_mode::off && value.history_size == 0)
            return fmt::format("{}: nothing can be recovered where nothing is kept; give history_size, too", source);
        if (value.force_push_join_leave && !value.join_leave)
            return fmt::format("{}: force_push_join_leave needs join_leave", source);
        if (value.wildcard && value.user_limited)
            return fmt::format("{}: a wildcard would stand for channels that are for other users; leave out one of "
                               "wildcard and user_limited",
                               source);
        if (!value.allowed_delta_types.empty() && value.recovery == channels::recovery_mode::off)
            return fmt::format("{}: deltas are for channels that can be recovered; give recovery, too", source);
        if (!value.allowed_delta_types.empty() && value.slow_consumer != channels::slow_consumer_policy::disconnect)
            return fmt::format("{}: a delta is of the publication before it, which slow_consumer may drop; leave out "
                               "slow_consumer or allowed_delta_types",
                               source);
        if (value.join_leave_debounce.count() > 0 && !value.join_leave)
            return fmt::format("{}: join_leave_debounce_s needs join_leave", source);
        if (value.join_leave_debounce.count() > 0 && values.bus)
            return fmt::format("{}: join_leave_debounce_s is for the bus inside of the process so far; leave it out "
                               "with an external bus",
                               source);
        if (value.binary && values.bus)
            return fmt::format(
                "{}: binary is for the bus inside of the process so far; leave it out with an external bus", source);
        if (value.name.empty() || value.name.size() + 1 <= values.client_channel_bytes_max) continue;
        const auto limit = set_by.find("client_channel_bytes_max");
        return fmt::format("{}: no channel can be in the namespace {}: names have at most {} bytes (from {})", source,
                           in_quotes(value.name), values.client_channel_bytes_max,
                           limit == set_by.end() ? "the default" : limit->second);
    }
    return {};
}

complaint check_personal_channel(const settings& values, const origins& set_by) {
    const std::string& name = values.personal_channel_namespace;
    const bool is_there = name.empty() || (values.dev && values.namespaces.empty()) ||
                          std::ranges::any_of(values.namespaces, [&](const auto& each) { return each.name == name; });
    if (is_there) return {};
    return fmt::format("{}: there is no namespace {}", set_by.at("personal_channel_namespace"), in_quotes(name));
}

} // namespace carillon::loading
