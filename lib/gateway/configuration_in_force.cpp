#include "gateway/configuration_in_force.hpp"

#include "config/option.hpp"
#include "config/value.hpp"
#include "protocol/payload.hpp"

#include <fmt/format.h>

#include <initializer_list>
#include <string_view>
#include <utility>

namespace carillon::gateway {

namespace {

void append_object(std::string& out, std::initializer_list<std::pair<std::string_view, std::string_view>> members) {
    out += out.ends_with('[') ? "{" : ",{";
    bool first = true;
    for (const auto& [name, value] : members) {
        out += first ? "\"" : ",\"";
        first = false;
        out += name;
        out += "\":";
        protocol::append_json_string(out, value);
    }
    out += '}';
}

} // namespace

std::string configuration_in_force(const config::settings& how) {
    std::string out = R"({"options":[)";
    for (const config::option& each : config::options_of(config::program::gateway)) {
        std::string value = config::text_of(how, each);
        // A bus is written without its password.
        const bool is_hidden = config::is_secret(each) && each.key != "bus";
        if (is_hidden) value = value.empty() ? "" : "(set)";
        append_object(out, {{"key", each.key},
                            {"value", value},
                            {"default", is_hidden ? "" : config::text_of(config::settings{}, each)},
                            {"group", each.group},
                            {"help", each.help}});
    }
    out += R"(],"namespaces":[)";
    for (const auto& each : how.namespaces)
        append_object(out, {{"name", each.name},
                            {"history_size", fmt::to_string(each.history_size)},
                            {"presence", each.presence ? "yes" : "no"}});
    out += R"(],"proxies":[)";
    for (const auto& each : how.proxies)
        append_object(out, {{"url", each.url}, {"timeout_ms", fmt::to_string(each.timeout.count())}});
    out += "]}";
    return out;
}

} // namespace carillon::gateway
