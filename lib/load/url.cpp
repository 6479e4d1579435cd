#include "load/url.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <arpa/inet.h>
#include <charconv>

namespace carillon::load {
namespace {

std::optional<std::uint16_t> port_of(std::string_view text) {
    std::uint16_t port = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (failed != std::errc{} || end != text.data() + text.size() || port == 0) return std::nullopt;
    return port;
}

std::uint16_t usual_port(std::string_view scheme) {
    if (scheme == "redis") return 6379;
    return scheme == "ws" || scheme == "http" ? 80 : 0;
}

// Blanks and control characters would end a line of HTTP early.
bool is_printable(std::string_view text) {
    return std::ranges::all_of(text, [](unsigned char c) { return c > ' ' && c != 0x7f; });
}

bool read_authority(std::string_view text, url& into) {
    if (const std::size_t at = text.rfind('@'); at != text.npos) {
        const std::string_view who = text.substr(0, at);
        const std::size_t colon = who.find(':');
        into.user = who.substr(0, colon);
        if (colon != who.npos) into.password = who.substr(colon + 1);
        text.remove_prefix(at + 1);
    }
    std::string_view port;
    if (text.starts_with('[')) {
        const std::size_t end = text.find(']');
        if (end == text.npos) return false;
        into.host = text.substr(1, end - 1);
        port = text.substr(end + 1);
    } else {
        const std::size_t colon = text.find(':');
        into.host = text.substr(0, colon);
        port = colon == text.npos ? std::string_view{} : text.substr(colon);
    }
    if (into.host.empty()) return false;
    if (port.empty()) return into.port != 0;
    const auto number = port.starts_with(':') ? port_of(port.substr(1)) : std::nullopt;
    if (number) into.port = *number;
    return number.has_value();
}

} // namespace

std::string url::authority() const {
    return host.find(':') == host.npos ? fmt::format("{}:{}", host, port) : fmt::format("[{}]:{}", host, port);
}

std::optional<url> parse_url(std::string_view text) {
    constexpr std::string_view mark = "://";
    const std::size_t end = text.find(mark);
    if (end == text.npos || !is_printable(text)) return std::nullopt;
    url found;
    found.scheme = text.substr(0, end);
    found.port = usual_port(found.scheme);
    if (found.port == 0) return std::nullopt;
    text.remove_prefix(end + mark.size());
    const std::size_t slash = text.find_first_of("/?");
    found.target = slash == text.npos ? "/" : text.substr(slash);
    if (found.target.front() == '?') found.target.insert(0, 1, '/');
    if (!read_authority(text.substr(0, slash), found)) return std::nullopt;
    return found;
}

bool is_loopback(std::string_view host) {
    const std::string name{host};
    in_addr four{};
    in6_addr six{};
    if (inet_pton(AF_INET, name.c_str(), &four) == 1) return ntohl(four.s_addr) >> 24 == 127;
    if (inet_pton(AF_INET6, name.c_str(), &six) == 1) return IN6_IS_ADDR_LOOPBACK(&six);
    return host == "localhost";
}

} // namespace carillon::load
