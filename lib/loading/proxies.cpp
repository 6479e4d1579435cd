#include "loading/proxies.hpp"

#include "http/url.hpp"

#include <boost/describe/enumerators.hpp>
#include <boost/mp11/algorithm.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

namespace carillon::loading {

namespace {

using pairs = std::vector<std::pair<std::string, std::string>>;
constexpr std::size_t minute = 60'000;

#define PLACE(member) #member, &proxy::member
#define PLACE_MS(member) #member "_ms", &proxy::member

constexpr proxy_key table[] = {
    {PLACE(event), 1, hooks::events, "events", "What the application is asked about there, or told of."},
    {PLACE(url), 1, http::url_bytes_max, "", "Where: http or https. A user and a password have no place in it."},
    {PLACE(namespaces), 0, 1'024, "namespaces",
     "Asks about channels of these namespaces only; `\"\"` are those without one. For subscribe, publish, sub_refresh, "
     "occupied and vacated."},
    {PLACE_MS(timeout), 10, minute, "milliseconds",
     "Time for an answer, waiting for a connection included. Then the command is answered with error 100."},
    {PLACE(headers), 0, 32, "names",
     "Fields of the client's upgrade request that are passed on, as Cookie. No others are."},
    {PLACE(emulated_headers), 0, 32, "names",
     "Fields that are passed on of the `headers` that a client gives as it connects, for browsers, which cannot give "
     "any to a WebSocket. Anybody can say anything there."},
    {PLACE(static_headers), 0, 32, "names", "Fields that each request has, as a password for the application."},
    {PLACE(ca_file), 0, 4'096, "", "File of the certificates, as PEM, that an https server is trusted by."},
    {PLACE(connections_max), 1, 1'024, "connections", "Requests to it at the same time."},
    {PLACE(queue_max), 1, 1'000'000, "requests",
     "Requests that wait for a connection. One more fails at once, with error 100."},
    {PLACE(response_bytes_max), 1'024, 16'777'216, "bytes", "Largest answer. A larger one is none: error 100."},
    {PLACE(failures_max), 1, 1'000'000, "failures",
     "So many failures in a row, and it is not asked for a while: commands fail at once, with error 100."},
    {PLACE_MS(open), 10, 10 * minute, "milliseconds",
     "How long that lasts. Then one request tries, and decides for all."},
};

#undef PLACE
#undef PLACE_MS

std::vector<std::string> event_names() {
    std::vector<std::string> names;
    boost::mp11::mp_for_each<boost::describe::describe_enumerators<hooks::event>>(
        [&](auto each) { names.emplace_back(each.name); });
    return names;
}

struct describe_values {
    const proxy_key& of;

    std::string number() const { return fmt::format("a whole number from {} to {} ({})", of.least, of.most, of.unit); }
    std::string operator()(std::string proxy::*) const { return fmt::format("a text of at most {} bytes", of.most); }
    std::string operator()(std::size_t proxy::*) const { return number(); }
    std::string operator()(std::chrono::milliseconds proxy::*) const { return number(); }
    std::string operator()(std::vector<std::string> proxy::*) const {
        return fmt::format("an array of at most {} {}", of.most, of.unit);
    }
    std::string operator()(std::vector<hooks::event> proxy::*) const {
        return fmt::format("an array, any of {}", fmt::join(event_names(), ", "));
    }
    std::string operator()(pairs proxy::*) const { return fmt::format("a table of at most {} {}", of.most, of.unit); }
};

/// Reads a value into the member it is called with.
struct reader {
    const toml::node& node;
    const proxy_key& of;
    proxy& into;

    complaint number(std::size_t& to) const {
        if (!node.is_integer()) return fmt::format("give {}, without quotes", values_of(of));
        const std::int64_t given = **node.as_integer();
        if (given < 0 || static_cast<std::size_t>(given) < of.least || static_cast<std::size_t>(given) > of.most)
            return fmt::format("{} is not {}", given, values_of(of));
        to = static_cast<std::size_t>(given);
        return {};
    }

    complaint operator()(std::string proxy::*member) const {
        if (!node.is_string()) return fmt::format("give {}, in quotes", values_of(of));
        const std::string& text = **node.as_string();
        if (text.size() > of.most) return fmt::format("it is longer than {} bytes", of.most);
        into.*member = text;
        return {};
    }
    complaint operator()(std::size_t proxy::*member) const { return number(into.*member); }
    complaint operator()(std::chrono::milliseconds proxy::*member) const {
        std::size_t given = 0;
        if (auto why = number(given)) return why;
        into.*member = std::chrono::milliseconds{given};
        return {};
    }

    complaint operator()(std::vector<std::string> proxy::*member) const {
        return each_text([&](const std::string& text) -> complaint {
            auto& all = into.*member;
            if (std::ranges::find(all, text) != all.end()) return fmt::format("{} is there twice", in_quotes(text));
            if (of.key.ends_with("headers") && !http::is_field_name(text))
                return fmt::format("{} is no name of a header field", in_quotes(text));
            all.push_back(text);
            return {};
        });
    }

    complaint operator()(std::vector<hooks::event> proxy::*member) const {
        return each_text([&](const std::string& text) -> complaint {
            complaint why = fmt::format("{} is not known; give {}{}", in_quotes(text), values_of(of),
                                        did_you_mean(text, event_names()));
            boost::mp11::mp_for_each<boost::describe::describe_enumerators<hooks::event>>([&](auto each) {
                if (text != each.name) return;
                auto& all = into.*member;
                why.reset();
                if (std::ranges::find(all, each.value) != all.end())
                    why = fmt::format("{} is there twice", in_quotes(text));
                all.push_back(each.value);
            });
            return why;
        });
    }

    complaint operator()(pairs proxy::*member) const {
        const auto* given = node.as_table();
        if (given == nullptr) return fmt::format("give {} like {{ X-Key = \"...\" }}", values_of(of));
        for (const auto& [key, value] : *given) {
            if (!http::is_field_name(key.str()))
                return fmt::format("{} is no name of a header field", in_quotes(key.str()));
            if (!value.is_string() || !http::is_field_value(**value.as_string()))
                return fmt::format("the value of {} must be a text without line breaks", in_quotes(key.str()));
            (into.*member).emplace_back(key.str(), **value.as_string());
        }
        return (into.*member).size() > of.most ? complaint{fmt::format("there are more than {}", of.most)}
                                               : complaint{};
    }

    template <class Take>
    complaint each_text(Take&& take) const {
        const auto* array = node.as_array();
        if (array == nullptr) return fmt::format("give {}", values_of(of));
        if (array->size() > of.most) return fmt::format("there are more than {}", of.most);
        for (const auto& item : *array) {
            if (!item.is_string()) return "every item of the array must be a text in quotes";
            if (auto why = take(**item.as_string())) return why;
        }
        return {};
    }
};

complaint refuse_key(std::string_view key) {
    if (find_option(key) != nullptr) // in TOML all that follows a table is in it
        return fmt::format("{} is no key of a proxy; write it above the first [[proxy]]", in_quotes(key));
    std::vector<std::string> known;
    for (const auto& row : table) known.emplace_back(row.key);
    return fmt::format("{} is no key of a proxy{}", in_quotes(key), did_you_mean(key, known));
}

complaint read_table(const std::string& path, const toml::table& written, placed_proxy& into) {
    into.source = fmt::format("{}:{}", path, written.source().begin.line);
    for (const auto& [key, node] : written) {
        const auto* row = std::ranges::find(table, key.str(), &proxy_key::key);
        if (row == std::end(table))
            return fmt::format("{}:{}: {}", path, key.source().begin.line, *refuse_key(key.str()));
        if (auto why = std::visit(reader{node, *row, into.value}, row->target))
            return fmt::format("{}:{}: {}: {}", path, node.source().begin.line, row->key, *why);
    }
    http::url ignored;
    if (into.value.event.empty()) return fmt::format("{}: the proxy has no event", into.source);
    if (into.value.url.empty()) return fmt::format("{}: the proxy has no url", into.source);
    if (const auto why = http::read_url(into.value.url, ignored); !why.empty())
        return fmt::format("{}: url: the URL {}", into.source, why);
    if (!into.value.namespaces.empty() && std::ranges::none_of(into.value.event, hooks::is_of_channel))
        return fmt::format("{}: namespaces: none of its events is about a channel", into.source);
    return {};
}

// The list of connections is true up to an event, so comings and goings are told to one address; and who wants to hear
// of channels must have some.
complaint check_notices(std::span<const placed_proxy> all, const settings& values) {
    const auto has = [](const placed_proxy& of, hooks::event what) {
        return std::ranges::find(of.value.event, what) != of.value.event.end();
    };
    const placed_proxy* comings = nullptr;
    for (const placed_proxy& each : all) {
        const bool of_channels = has(each, hooks::event::occupied) || has(each, hooks::event::vacated);
        if (of_channels && std::ranges::none_of(values.namespaces, &channels::name_space::occupancy_events))
            return fmt::format("{}: occupied and vacated are told of namespaces with occupancy_events; there is none",
                               each.source);
        if (!has(each, hooks::event::connected) && !has(each, hooks::event::disconnected)) continue;
        if (comings != nullptr)
            return fmt::format("{}: connected and disconnected go to one proxy; one of them is at {}", each.source,
                               comings->source);
        comings = &each;
    }
    return {};
}

} // namespace

std::span<const proxy_key> proxy_keys() { return table; }

std::string values_of(const proxy_key& key) { return std::visit(describe_values{key}, key.target); }

std::string default_of(const proxy_key& key) {
    const proxy made;
    if (const auto* number = std::get_if<std::size_t proxy::*>(&key.target)) return fmt::to_string(made.*(*number));
    if (const auto* time = std::get_if<std::chrono::milliseconds proxy::*>(&key.target))
        return fmt::to_string((made.*(*time)).count());
    if (key.key == "event" || key.key == "url") return "must be given";
    if (key.key == "ca_file") return "the system's";
    return key.key == "namespaces" ? "all" : "none";
}

complaint read_proxies(const std::string& path, const toml::node& node, std::vector<placed_proxy>& into) {
    const auto* array = node.as_array();
    if (array == nullptr || !std::ranges::all_of(*array, [](const auto& item) { return item.is_table(); }))
        return fmt::format("{}:{}: there can be several proxies; write [[proxy]] above the keys of each", path,
                           node.source().begin.line);
    for (const auto& item : *array) {
        placed_proxy added;
        if (auto why = read_table(path, *item.as_table(), added)) return why;
        if (into.size() == proxies_max)
            return fmt::format("{}: there are more than {} proxies", added.source, proxies_max);
        into.push_back(std::move(added));
    }
    return {};
}

complaint check_proxies(std::span<const placed_proxy> all, const settings& values) {
    std::map<std::pair<hooks::event, std::string>, std::string> asked; // "*": all namespaces
    for (const auto& [value, source] : all) {
        for (const std::string& each : value.namespaces) {
            const bool is_there = each.empty() || std::ranges::any_of(values.namespaces, [&](const auto& space) {
                                      return space.name == each;
                                  });
            if (!is_there) return fmt::format("{}: namespaces: there is no namespace {}", source, in_quotes(each));
        }
        for (const hooks::event what : value.event) {
            std::vector<std::string> where = value.namespaces;
            if (where.empty() || !hooks::is_of_channel(what)) where = {"*"};
            for (const std::string& each : where) {
                const auto [at, is_new] = asked.emplace(std::pair{what, each}, source);
                if (is_new) continue;
                return fmt::format("{}: {} is asked about the same event{} already", source, at->second,
                                   each == "*" ? "" : " of the namespace " + in_quotes(each));
            }
        }
    }
    return check_notices(all, values);
}

} // namespace carillon::loading
