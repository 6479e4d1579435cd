#include "http/credentials.hpp"

#include "http/ascii.hpp"

namespace carillon::http {

namespace {

std::string_view trimmed(std::string_view text) noexcept {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    return text;
}

// Calls `visit(name, value)` for the parts of a list until it says true.
template <class Visit>
void each_part(std::string_view list, char separator, Visit&& visit) {
    while (!list.empty()) {
        const std::size_t end = list.find(separator);
        const std::string_view part = list.substr(0, end);
        list = end == list.npos ? std::string_view{} : list.substr(end + 1);
        const std::size_t equals = part.find('=');
        if (equals != part.npos && visit(part.substr(0, equals), part.substr(equals + 1))) return;
    }
}

} // namespace

std::string_view bearer_token(const request_head& head) noexcept {
    constexpr std::string_view scheme = "bearer ";
    std::string_view token;
    bool seen = false;
    for (const header_field& each : head.headers()) {
        if (!same_ignoring_case(each.name, "authorization")) continue;
        if (seen) return {}; // two answers to one question
        seen = true;
        if (each.value.size() > scheme.size() && same_ignoring_case(each.value.substr(0, scheme.size()), scheme))
            token = trimmed(each.value.substr(scheme.size()));
    }
    return token;
}

std::string_view cookie_value(const request_head& head, std::string_view name) noexcept {
    std::string_view found;
    for (const header_field& each : head.headers()) {
        if (!same_ignoring_case(each.name, "cookie")) continue;
        each_part(each.value, ';', [&](std::string_view key, std::string_view value) {
            if (trimmed(key) != name) return false;
            found = trimmed(value);
            return true;
        });
        if (!found.empty()) break;
    }
    if (found.size() >= 2 && found.front() == '"' && found.back() == '"') found = found.substr(1, found.size() - 2);
    return found;
}

std::string_view query_value(std::string_view query, std::string_view name) noexcept {
    std::string_view found;
    each_part(query, '&', [&](std::string_view key, std::string_view value) {
        if (key != name) return false;
        found = value;
        return true;
    });
    return found;
}

} // namespace carillon::http
