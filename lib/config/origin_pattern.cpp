#include "config/origin_pattern.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <charconv>
#include <string_view>

namespace carillon::config {
namespace {

constexpr bool is_digit(char byte) { return byte >= '0' && byte <= '9'; }
constexpr bool is_letter(char byte) { return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z'); }
constexpr bool in_scheme(char byte) {
    return is_letter(byte) || is_digit(byte) || byte == '+' || byte == '-' || byte == '.' || byte == '*';
}
constexpr bool in_label(char byte) {
    return is_letter(byte) || is_digit(byte) || byte == '-' || byte == '_' || byte == '*';
}

struct judge {
    const std::string& pattern;

    complaint wrong(std::string_view why) const { return fmt::format("{} {}", in_quotes(pattern), why); }

    complaint scheme(std::string_view text) const {
        if (text.empty() || is_digit(text.front()) || !std::ranges::all_of(text, in_scheme))
            return wrong("does not begin with a scheme like https://");
        return {};
    }

    complaint address(std::string_view text) const {
        in6_addr binary{};
        std::array<char, INET6_ADDRSTRLEN> shortest{};
        const std::string host{text.substr(1, text.size() - 2)};
        if (!text.ends_with(']') || inet_pton(AF_INET6, host.c_str(), &binary) != 1)
            return wrong("has brackets, but no IPv6 address in them");
        if (inet_ntop(AF_INET6, &binary, shortest.data(), shortest.size()) != host)
            return wrong(fmt::format("has an address that browsers write as [{}]", shortest.data()));
        return {};
    }

    complaint host(std::string_view text) const {
        if (text.empty()) return wrong("has no host");
        if (text.front() == '[') return address(text);
        if (text.find('@') != text.npos) return wrong("names a user, which no origin does");
        while (true) {
            const std::size_t dot = text.find('.');
            const std::string_view label = text.substr(0, dot);
            if (label.empty()) return wrong("has an empty label in its host");
            if (!std::ranges::all_of(label, in_label))
                return wrong("has a character in its host that no browser sends; a name is written in ASCII (xn--)");
            if (dot == text.npos) return {};
            text.remove_prefix(dot + 1);
        }
    }

    complaint port(std::string_view scheme, std::string_view text) const {
        if (text.find('*') != text.npos)
            return std::ranges::all_of(text, [](char byte) { return is_digit(byte) || byte == '*'; })
                       ? complaint{}
                       : wrong("has a port that is no number");
        unsigned number = 0;
        const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
        if (failed != std::errc{} || end != text.data() + text.size() || number > 65'535 || text.front() == '0')
            return wrong("has a port that is no number from 1 to 65535");
        if ((scheme == "https" && number == 443) || (scheme == "http" && number == 80))
            return wrong(fmt::format("has the port of {}, which browsers leave out; give {}", scheme,
                                     in_quotes(std::string_view{pattern}.substr(0, pattern.rfind(':')))));
        return {};
    }

    complaint operator()() const {
        if (pattern == "*" || pattern == "null") return {};
        std::string_view rest = pattern;
        const std::size_t end = rest.find("://");
        const std::string_view scheme_text = end == rest.npos ? std::string_view{} : rest.substr(0, end);
        if (end != rest.npos) {
            if (auto why = scheme(scheme_text)) return why;
            rest.remove_prefix(end + 3);
        } else if (!rest.starts_with("*.")) {
            return wrong("has no scheme; give one like https://*.example.com");
        }
        if (rest.ends_with('/') && rest.find('/') == rest.size() - 1)
            return wrong(fmt::format("ends with a slash, which no origin does; give {}",
                                     in_quotes(std::string_view{pattern}.substr(0, pattern.size() - 1))));
        if (rest.find_first_of("/?#") != rest.npos) return wrong("has a path, which no origin has");
        const std::size_t bracket = rest.starts_with('[') ? rest.find(']') : 0;
        const std::size_t colon = bracket == rest.npos ? rest.npos : rest.find(':', bracket);
        if (auto why = host(rest.substr(0, colon))) return why;
        return colon == rest.npos ? complaint{} : port(scheme_text, rest.substr(colon + 1));
    }
};

} // namespace

complaint check_origin_pattern(const std::string& pattern) {
    if (pattern.empty()) return "an empty pattern matches nothing; give one like https://*.example.com";
    if (pattern.size() > 255) return "a pattern is longer than 255 bytes";
    const auto is_visible = [](char byte) { return byte > ' ' && byte < 0x7f && byte != ','; };
    if (!std::ranges::all_of(pattern, is_visible))
        return fmt::format("{} holds a space, a comma or a character that no origin has", in_quotes(pattern));
    return judge{pattern}();
}

} // namespace carillon::config
