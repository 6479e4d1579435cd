#include "http/origin.hpp"

#include "http/ascii.hpp"

#include <algorithm>
#include <cstddef>

namespace carillon::http {
namespace {

constexpr bool is_letter(char byte) noexcept { return to_lower(byte) >= 'a' && to_lower(byte) <= 'z'; }
constexpr bool in_scheme(char byte) noexcept {
    return is_letter(byte) || is_digit(byte) || byte == '+' || byte == '-' || byte == '.';
}
constexpr bool in_label(char byte) noexcept { return is_letter(byte) || is_digit(byte) || byte == '-' || byte == '_'; }

/// Whether the whole text is like the pattern, where '*' stands for any number of bytes that are `allowed`.
template <class Allowed>
bool is_like(std::string_view text, std::string_view pattern, Allowed allowed) noexcept {
    // Only the last star needs to be tried anew: what is between two stars may take the first place where it fits.
    std::size_t at = 0, in_pattern = 0, star = pattern.npos, after_star = 0;
    while (at < text.size()) {
        if (in_pattern < pattern.size() && pattern[in_pattern] == '*') {
            star = in_pattern++;
            after_star = at;
        } else if (in_pattern < pattern.size() && to_lower(pattern[in_pattern]) == to_lower(text[at])) {
            ++in_pattern;
            ++at;
        } else if (star != pattern.npos && allowed(text[after_star])) {
            in_pattern = star + 1;
            at = ++after_star;
        } else {
            return false;
        }
    }
    while (in_pattern < pattern.size() && pattern[in_pattern] == '*') ++in_pattern;
    return in_pattern == pattern.size();
}

struct parts {
    std::string_view scheme, host, port;
    bool has_scheme = false, has_port = false;
};

parts split(std::string_view text) noexcept {
    parts found;
    if (const std::size_t end = text.find("://"); end != text.npos) {
        found.scheme = text.substr(0, end);
        found.has_scheme = true;
        text.remove_prefix(end + 3);
    }
    const std::size_t bracket = text.starts_with('[') ? text.find(']') : text.npos;
    const std::size_t colon = text.find(':', bracket == text.npos ? 0 : bracket);
    found.host = text.substr(0, colon);
    found.has_port = colon != text.npos;
    if (found.has_port) found.port = text.substr(colon + 1);
    return found;
}

/// The text behind the last dot, which is taken away with it.
std::string_view take_last_label(std::string_view& host) noexcept {
    const std::size_t dot = host.rfind('.');
    const std::string_view label = dot == host.npos ? host : host.substr(dot + 1);
    host = dot == host.npos ? std::string_view{} : host.substr(0, dot);
    return label;
}

template <class Allowed>
bool are_labels(std::string_view host, Allowed allowed) noexcept {
    do {
        const std::string_view label = take_last_label(host);
        if (label.empty() || !std::ranges::all_of(label, allowed)) return false;
    } while (!host.empty());
    return true;
}

template <class Allowed>
bool host_is_like(std::string_view host, std::string_view pattern, Allowed allowed) noexcept {
    while (pattern != "*") {
        if (pattern.empty() || host.empty()) return pattern.empty() && host.empty();
        const std::string_view label = take_last_label(pattern);
        if (!is_like(take_last_label(host), label, allowed)) return false;
    }
    return are_labels(host, allowed);
}

bool matches_host(std::string_view host, std::string_view pattern) noexcept {
    if (pattern.starts_with('[') || host.starts_with('[')) // an address, which has no labels
        return !host.empty() && (pattern == "*" || same_ignoring_case(host, pattern));
    const bool of_numbers = std::ranges::any_of(pattern, is_digit) && std::ranges::all_of(pattern, [](char byte) {
                                return is_digit(byte) || byte == '.' || byte == '*';
                            });
    return of_numbers ? host_is_like(host, pattern, is_digit) : host_is_like(host, pattern, in_label);
}

bool matches_port(const parts& origin, const parts& pattern) noexcept {
    if (pattern.port == "*") return std::ranges::all_of(origin.port, is_digit);
    if (origin.has_port != pattern.has_port) return false;
    return is_like(origin.port, pattern.port, is_digit);
}

} // namespace

bool matches_origin(std::string_view origin, std::string_view pattern) noexcept {
    if (pattern == "*") return true;
    const parts meant = split(pattern);
    const parts is = split(origin);
    // null, and what is neither an Origin nor a pattern, is only like itself.
    if (!is.has_scheme || (!meant.has_scheme && !pattern.starts_with("*."))) return same_ignoring_case(origin, pattern);
    if (meant.has_scheme && !is_like(is.scheme, meant.scheme, in_scheme)) return false;
    return matches_host(is.host, meant.host) && matches_port(is, meant);
}

} // namespace carillon::http
