#include "loading/sources.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <unistd.h>

namespace carillon::loading {
namespace {

constexpr std::string_view prefix = "CARILLON_";

/// "8000_TCP" or "8000_TCP_ADDR", as Kubernetes goes on after CARILLON_PORT_.
bool is_port_and_protocol(std::string_view text) {
    const auto digits = text.find_first_not_of("0123456789");
    if (digits == 0 || digits == std::string_view::npos) return false;
    text.remove_prefix(digits);
    for (const std::string_view protocol : {"_TCP", "_UDP", "_SCTP"})
        for (const std::string_view part : {"", "_PROTO", "_PORT", "_ADDR"})
            if (text.starts_with(protocol) && text.substr(protocol.size()) == part) return true;
    return false;
}

/// Kubernetes gives every pod variables about the services of its namespace: CARILLON_SERVICE_HOST,
/// CARILLON_PORT_8000_TCP_ADDR and so on for a service "carillon", CARILLON_CONTROL_SERVICE_PORT for a service
/// "carillon-control".
bool is_about_a_service(std::string_view name, std::string_view value) {
    constexpr std::string_view port = "_PORT_";
    if (name.ends_with("_SERVICE_HOST") || name.ends_with("_SERVICE_PORT")) return true;
    if (name.find("_SERVICE_PORT_") != std::string_view::npos) return true;
    if (const auto at = name.find(port); at != std::string_view::npos)
        return is_port_and_protocol(name.substr(at + port.size()));
    // CARILLON_PORT=tcp://10.0.0.1:8000 is Kubernetes speaking; CARILLON_PORT=8000 is somebody who means client_listen.
    return name.ends_with("_PORT") && value.find("://") != std::string_view::npos;
}

std::string trimmed(std::string_view text) {
    const auto begin = text.find_first_not_of(" \t");
    if (begin == std::string_view::npos) return {};
    return std::string{text.substr(begin, text.find_last_not_of(" \t") - begin + 1)};
}

/// "a, b" is two texts; an empty value is an empty list.
std::vector<std::string> split(std::string_view list) {
    std::vector<std::string> items;
    if (trimmed(list).empty()) return items;
    for (std::size_t begin = 0; begin <= list.size();) {
        const auto end = std::min(list.find(',', begin), list.size());
        items.push_back(trimmed(list.substr(begin, end - begin)));
        begin = end + 1;
    }
    return items;
}

} // namespace

complaint read_environment(program which, const environment& variables, std::vector<given>& into) {
    for (const auto& [name, value] : variables) {
        if (!name.starts_with(prefix)) continue;
        if (const auto* row = find_written(which, variable_of, name)) {
            auto texts = is_list(*row) ? split(value) : std::vector<std::string>{value};
            into.push_back({row, std::move(texts), "environment variable " + name});
        } else if (!is_about_a_service(name, value)) {
            return fmt::format("environment variable {} is not an option{}", in_quotes(name),
                               hint(which, variable_of, name));
        }
    }
    return {};
}

environment process_environment() {
    environment variables;
    for (char** entry = ::environ; entry != nullptr && *entry != nullptr; ++entry) {
        const std::string_view text{*entry};
        const auto equals = text.find('=');
        if (equals == std::string_view::npos || !text.starts_with(prefix)) continue;
        variables.emplace(text.substr(0, equals), text.substr(equals + 1));
    }
    return variables;
}

} // namespace carillon::loading
