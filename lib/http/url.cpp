#include "http/url.hpp"

#include "http/ascii.hpp"
#include "http/host.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace carillon::http {

namespace {

constexpr std::string_view no_host = "has no host";

constexpr std::uint16_t usual_port(bool encrypted) noexcept { return encrypted ? 443 : 80; }

bool read_port(std::string_view text, std::uint16_t& into) {
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), into);
    return failed == std::errc{} && end == text.data() + text.size() && into != 0;
}

std::string_view read_authority(std::string_view text, url& into) {
    if (text.find('@') != text.npos) return "must not hold a user or a password";
    if (!is_host(text)) return no_host;
    const std::size_t end = text.starts_with('[') ? text.find(']') + 1 : std::min(text.find(':'), text.size());
    into.host = text.starts_with('[') ? text.substr(1, end - 2) : text.substr(0, end);
    text.remove_prefix(end);
    into.port = usual_port(into.encrypted);
    if (into.host.empty()) return no_host;
    if (text.empty()) return {};
    return read_port(text.substr(1), into.port) ? std::string_view{} : "has no port between 1 and 65535";
}

bool bracketed(std::string_view host) noexcept { return host.find(':') != host.npos; }

} // namespace

std::string url::authority() const {
    const std::string name = bracketed(host) ? fmt::format("[{}]", host) : host;
    return port == usual_port(encrypted) ? name : fmt::format("{}:{}", name, port);
}

std::string url::origin() const { return fmt::format("{}://{}", encrypted ? "https" : "http", authority()); }

std::string_view read_url(std::string_view text, url& into) {
    if (text.size() > url_bytes_max) return "is too long";
    // Blanks and control bytes would end a line of HTTP early.
    if (!std::ranges::all_of(text, [](unsigned char c) { return c > ' ' && c < 0x7f; }))
        return "holds a blank, or what is no printable ASCII";
    url found;
    if (text.starts_with("https://")) {
        found.encrypted = true;
    } else if (!text.starts_with("http://")) {
        return "must begin with http:// or https://";
    }
    text.remove_prefix(found.encrypted ? 8 : 7);
    if (text.find('#') != text.npos) return "must not have a fragment (#)";
    const std::size_t end = std::min(text.find_first_of("/?"), text.size());
    if (const auto why = read_authority(text.substr(0, end), found); !why.empty()) return why;
    found.target = text.substr(end);
    if (!found.target.starts_with('/')) found.target.insert(0, 1, '/');
    into = std::move(found);
    return {};
}

bool is_field_name(std::string_view name) noexcept {
    constexpr std::string_view signs = "!#$%&'*+-.^_`|~";
    return !name.empty() && std::ranges::all_of(name, [&](char c) {
        return is_digit(c) || (to_lower(c) >= 'a' && to_lower(c) <= 'z') || signs.find(c) != signs.npos;
    });
}

bool is_field_value(std::string_view value) noexcept {
    return std::ranges::all_of(value, [](unsigned char c) { return (c >= ' ' && c != 0x7f) || c == '\t'; });
}

} // namespace carillon::http
