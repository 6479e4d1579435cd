#include "migrate/proxies.hpp"

#include "http/url.hpp"

#include <algorithm>
#include <chrono>
#include <map>
#include <optional>
#include <tuple>

namespace carillon::migrate {

namespace json = boost::json;

namespace {

constexpr std::int64_t timeout_ms_least = 10, timeout_ms_most = 60'000;

// Where the application is, and what it is sent.
struct place {
    std::string url{};
    std::optional<std::int64_t> timeout_ms{};
    std::vector<std::string> headers{};
    std::vector<std::string> emulated_headers{};
    std::map<std::string, std::string> static_headers{};
    auto operator<=>(const place&) const = default;
};

// Its name there, how it is written in the older and in the newer form, and the event here.
struct event {
    std::string_view name;       ///< here, and in "subscribe_proxy_enabled"
    std::string_view default_at; ///< "channel.proxy.subscribe"
};
constexpr event of_channels[] = {{"subscribe", "channel.proxy.subscribe"},
                                 {"publish", "channel.proxy.publish"},
                                 {"sub_refresh", "channel.proxy.sub_refresh"}};
constexpr event of_clients[] = {{"connect", "client.proxy.connect"}, {"refresh", "client.proxy.refresh"}};

struct use {
    place where;
    std::vector<std::string> events{};
    std::vector<std::string> name_spaces{};
    bool is_of_channels = false;
};

class collector {
public:
    collector(old_options& from, const writing& out) : from_{from}, out_{out} {
        take_headers("proxy.", "static_http_headers", common_);
        if (from_.take("proxy.include_connection_meta") != nullptr) {} // it is always there
        named();
    }

    void clients() {
        for (const event& each : of_clients) {
            const auto* name = from_.take(fmt::format("client.{}_proxy_name", each.name));
            const auto* on = from_.take(std::string{each.default_at} + ".enabled");
            const auto found = name != nullptr ? called(name->written, *name->value) : default_place(each.default_at);
            const bool is_off = on != nullptr && !truth_in(*on->value).value_or(false);
            if (found && !is_off) add(std::string{each.name}, *found, {}, false);
        }
    }

    void calls() {
        const auto* name = from_.take("rpc.without_namespace.proxy_name");
        const auto* on = from_.take("rpc.without_namespace.proxy_enabled");
        const bool is_named = name != nullptr && text_in(*name->value).value_or("default") != "default";
        const auto found = is_named ? called(name->written, *name->value) : default_place("rpc.proxy");
        const bool is_off = on != nullptr && !truth_in(*on->value).value_or(false);
        if (found && !is_off) add("rpc", *found, {}, false);
    }

    void channels(const named_options& name_spaces) {
        for (const event& each : of_channels) {
            const auto usual = default_place(each.default_at);
            for (const auto& [name, options] : name_spaces) {
                const std::string name_key = fmt::format("{}_proxy_name", each.name);
                const auto* proxy = member_of(*options, name_key);
                const bool is_on = is_true(*options, fmt::format("proxy_{}", each.name)) ||
                                   is_true(*options, fmt::format("{}_proxy_enabled", each.name));
                const bool is_named = proxy != nullptr && !says_nothing(*proxy) && text_in(*proxy) != "default";
                const bool is_granular =
                    is_named && member_of(*options, fmt::format("{}_proxy_enabled", each.name)) == nullptr;
                if (!is_on && !is_granular) continue;
                const std::string label = fmt::format("{}: {}", name.empty() ? "channels without a namespace" : name,
                                                      is_named ? name_key : fmt::format("{} proxy", each.name));
                const auto found = is_named ? called(label, *proxy) : usual;
                if (found) {
                    add(std::string{each.name}, *found, {name}, true);
                } else if (!is_named) {
                    out_.say(fate::missing, label, "there is no endpoint that can be asked");
                }
            }
        }
    }

    void write() const {
        for (const use& each : uses_) {
            out_.into.toml += "\n[[proxy]]\n";
            out_.line("event", in_toml(each.events));
            if (each.is_of_channels) out_.line("namespaces", in_toml(each.name_spaces));
            out_.line("url", in_toml(each.where.url));
            if (each.where.timeout_ms) out_.line("timeout_ms", fmt::to_string(*each.where.timeout_ms));
            if (!each.where.headers.empty()) out_.line("headers", in_toml(each.where.headers));
            if (!each.where.emulated_headers.empty())
                out_.line("emulated_headers", in_toml(each.where.emulated_headers));
            if (each.where.static_headers.empty()) continue;
            std::string pairs;
            for (const auto& [name, value] : each.where.static_headers)
                pairs += fmt::format("{}{} = {}", pairs.empty() ? "" : ", ", in_toml(name), in_toml(value));
            out_.line("static_headers", fmt::format("{{ {} }}", pairs));
        }
    }

private:
    // The same place and the same namespaces are one table.
    void add(std::string what, const place& where, const std::vector<std::string>& name_spaces, bool is_of_channels) {
        for (use& each : uses_) {
            if (each.where != where || each.is_of_channels != is_of_channels) continue;
            if (is_of_channels && each.events == std::vector{what}) {
                each.name_spaces.insert(each.name_spaces.end(), name_spaces.begin(), name_spaces.end());
                return;
            }
        }
        uses_.push_back({where, {std::move(what)}, name_spaces, is_of_channels});
    }

    std::optional<place> place_of(const std::string& written, const std::string& url) {
        carillon::http::url ignored;
        const std::string_view why = carillon::http::read_url(url, ignored);
        if (why.empty()) return place{url, {}, common_.headers, common_.emulated_headers, common_.static_headers};
        out_.say(fate::missing, written,
                 url.starts_with("grpc") ? "an application is asked over HTTP only" : fmt::format("the URL {}", why));
        return std::nullopt;
    }

    void set_timeout(const std::string& written, const json::value& given, place& to) {
        const auto time = time_in(given);
        if (!time) return out_.say(fate::missing, written, "it is no time");
        to.timeout_ms = std::clamp<std::int64_t>(time->count(), timeout_ms_least, timeout_ms_most);
        out_.say(*to.timeout_ms == time->count() ? fate::taken : fate::differs, written,
                 fmt::format("timeout_ms = {} of a [[proxy]]", *to.timeout_ms));
    }

    void take_headers(const std::string& at, const std::string& fixed, place& to) {
        if (const auto* given = from_.take(at + "http_headers")) read_headers(given->written, *given->value, to);
        if (const auto* given = from_.take(at + "emulated_headers")) read_emulated(given->written, *given->value, to);
        if (const auto* given = from_.take(at + fixed)) read_static(given->written, *given->value, to);
    }

    void read_headers(const std::string& written, const json::value& given, place& to) {
        to.headers = texts_in(given).value_or(std::vector<std::string>{});
        if (!to.headers.empty()) out_.say(fate::taken, written, "headers of a [[proxy]]");
    }

    void read_emulated(const std::string& written, const json::value& given, place& to) {
        to.emulated_headers = texts_in(given).value_or(std::vector<std::string>{});
        if (!to.emulated_headers.empty()) out_.say(fate::taken, written, "emulated_headers of a [[proxy]]");
    }

    void read_static(const std::string& written, const json::value& given, place& to) {
        if (!given.is_object() || given.as_object().empty()) return;
        to.static_headers.clear();
        for (const auto& [key, value] : given.as_object())
            to.static_headers[std::string{key.data(), key.size()}] = text_in(value).value_or("");
        out_.say(fate::taken, written, "static_headers of a [[proxy]]");
    }

    std::optional<place> default_place(std::string_view at) {
        const std::string path{at};
        const auto* endpoint = from_.take(path + ".endpoint");
        const auto* timeout = from_.take(path + ".timeout");
        from_.take(path + ".include_connection_meta");
        if (endpoint == nullptr || says_nothing(*endpoint->value)) return std::nullopt;
        auto found = place_of(endpoint->written, text_in(*endpoint->value).value_or(""));
        if (!found) return found;
        out_.say(fate::taken, endpoint->written, "url of a [[proxy]]");
        if (timeout != nullptr) set_timeout(timeout->written, *timeout->value, *found);
        take_headers(path + ".", "http.static_headers", *found);
        return found;
    }

    void named() {
        const auto* all = from_.take("proxies");
        from_.take("granular_proxy_mode");
        if (all == nullptr || !all->value->is_array()) return;
        for (const json::value& each : all->value->as_array()) {
            if (!each.is_object()) continue;
            const json::object& proxy = each.as_object();
            const auto text = [&proxy](std::string_view key) {
                const auto* value = member_of(proxy, key);
                return value == nullptr ? std::string{} : text_in(*value).value_or("");
            };
            const std::string label = fmt::format("proxies: {}", text("name"));
            auto found = place_of(label, text("endpoint"));
            if (found) {
                out_.say(fate::taken, label, "url of a [[proxy]]");
                if (const auto* given = member_of(proxy, "timeout")) set_timeout(label + ".timeout", *given, *found);
                if (const auto* given = member_of(proxy, "http_headers"))
                    read_headers(label + ".http_headers", *given, *found);
                if (const auto* given = member_of(proxy, "emulated_headers"))
                    read_emulated(label + ".emulated_headers", *given, *found);
                for (const std::string_view key : {"static_http_headers", "http_static_headers"})
                    if (const auto* given = member_of(proxy, key)) read_static(label, *given, *found);
                const auto* http = member_of(proxy, "http");
                if (http != nullptr && http->is_object())
                    if (const auto* given = member_of(http->as_object(), "static_headers"))
                        read_static(label, *given, *found);
            }
            named_[text("name")] = found;
        }
    }

    std::optional<place> called(const std::string& written, const json::value& name) {
        const std::string wanted = text_in(name).value_or("");
        if (wanted.empty()) return std::nullopt;
        const auto found = named_.find(wanted);
        if (found == named_.end()) out_.say(fate::missing, written, "there is no proxy of this name");
        if (found == named_.end() || !found->second) return std::nullopt;
        out_.say(fate::taken, written, "event of a [[proxy]]");
        return found->second;
    }

    old_options& from_;
    const writing& out_;
    place common_;
    std::map<std::string, std::optional<place>> named_; // none: it cannot be asked
    std::vector<use> uses_;
};

} // namespace

void write_proxies(old_options& from, const named_options& name_spaces, const writing& out) {
    collector all{from, out};
    all.clients();
    all.calls();
    all.channels(name_spaces);
    all.write();
}

} // namespace carillon::migrate
