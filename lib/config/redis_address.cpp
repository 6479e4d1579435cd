#include "config/redis_address.hpp"

#include "config/address.hpp"
#include "config/error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

namespace carillon::config {
namespace {

bool is_digit(char letter) { return letter >= '0' && letter <= '9'; }

bool is_letter(char letter) { return (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z'); }

/// What may stand in a user or a password as it is; the rest of RFC 3986 §3.2.1 is %XX.
bool is_plain(char letter) {
    return is_letter(letter) || is_digit(letter) ||
           std::string_view{"-._~!$&'()*+,;=:"}.find(letter) != std::string_view::npos;
}

bool is_control(char letter) { return (letter >= 0 && letter < ' ') || letter == 0x7f; }

/// The byte that "%XX" at the beginning of `text` stands for.
std::optional<char> decoded_byte(std::string_view text) {
    unsigned byte = 0;
    if (text.size() < 3) return {};
    const auto [end, failed] = std::from_chars(text.data() + 1, text.data() + 3, byte, 16);
    if (failed != std::errc{} || end != text.data() + 3) return {};
    return static_cast<char>(byte);
}

result<std::string> decoded(std::string_view text) {
    std::string bytes;
    while (!text.empty()) {
        const bool escaped = text.front() == '%';
        const auto byte = escaped ? decoded_byte(text) : std::optional{text.front()};
        if (!byte || (!escaped && !is_plain(*byte))) return error::credentials_not_encoded;
        if (is_control(*byte)) return error::credentials_with_control;
        bytes += *byte;
        text.remove_prefix(escaped ? 3 : 1);
    }
    return bytes;
}

std::string encoded(std::string_view text) {
    std::string url;
    for (const char letter : text)
        if (is_plain(letter) && letter != ':')
            url += letter;
        else
            url += fmt::format("%{:02X}", static_cast<unsigned char>(letter));
    return url;
}

error_code read_credentials(std::string_view text, redis_address& into) {
    const auto colon = std::min(text.find(':'), text.size());
    auto user = decoded(text.substr(0, colon));
    if (!user) return user.error();
    auto password = decoded(text.substr(std::min(colon + 1, text.size())));
    if (!password) return password.error();
    if (!user->empty()) into.user = std::move(*user);
    into.password = std::move(*password);
    return {};
}

/// A host in brackets, as inet_ntop writes it, or empty. The listeners' address does the work.
std::string ipv6(std::string_view brackets) {
    const auto read = parse_address(fmt::format("{}:0", brackets));
    return read ? read->host : std::string{};
}

/// A name as DNS and container networks have it. What looks like IPv4 must be IPv4: resolvers take 10.1 for 10.0.0.1.
bool is_name_or_ipv4(std::string_view host) {
    constexpr std::size_t name_bytes_max = 253; // RFC 1035 §2.3.4, without its length bytes
    const auto allowed = [](char letter) {
        return is_letter(letter) || is_digit(letter) || letter == '-' || letter == '.' || letter == '_';
    };
    if (host.empty() || host.size() > name_bytes_max || host.front() == '.' || host.front() == '-') return false;
    if (host.find("..") != std::string_view::npos) return false;
    if (!std::all_of(host.begin(), host.end(), allowed)) return false;
    if (host.find_first_not_of("0123456789.") != std::string_view::npos) return true;
    return parse_address(fmt::format("{}:0", host)).has_value();
}

/// Nothing, a slash, or a database number. Its size does not matter, for nothing is looked up in that database.
bool is_path(std::string_view text) {
    if (text.starts_with('/')) text.remove_prefix(1);
    return std::all_of(text.begin(), text.end(), is_digit);
}

error_code read_host_and_port(std::string_view text, redis_address& into) {
    const bool bracketed = text.starts_with('[');
    const auto end_of_host = bracketed ? text.find(']') : text.find(':');
    if (bracketed && end_of_host == std::string_view::npos) return error::redis_host;
    const auto host = text.substr(0, bracketed ? end_of_host + 1 : end_of_host);
    const auto rest = text.substr(host.size());
    if (bracketed) into.host = ipv6(host);
    if (!bracketed && is_name_or_ipv4(host)) into.host = host;
    if (into.host.empty() || (!rest.empty() && rest.front() != ':')) return error::redis_host;
    if (rest.empty()) return {};

    const auto* end = text.data() + text.size();
    const auto [stop, failed] = std::from_chars(rest.data() + 1, end, into.port);
    return failed != std::errc{} || stop != end || into.port == 0 ? make_error_code(error::redis_port) : error_code{};
}

} // namespace

result<redis_address> parse_redis_address(std::string_view text) {
    constexpr std::string_view scheme = "redis://";
    if (text.starts_with("rediss:")) return error::tls_not_supported;
    if (!text.starts_with(scheme)) return error::not_a_redis_url;
    text.remove_prefix(scheme.size());

    redis_address value;
    // The last @, so that a password with one that is not encoded is told so, and never taken for a host.
    if (const auto at = text.rfind('@'); at != std::string_view::npos) {
        if (const auto failed = read_credentials(text.substr(0, at), value)) return failed;
        text.remove_prefix(at + 1);
    }
    const auto end_of_host = std::min(text.find_first_of("/?#"), text.size());
    if (!is_path(text.substr(end_of_host))) return error::redis_path;
    if (const auto failed = read_host_and_port(text.substr(0, end_of_host), value)) return failed;
    return value;
}

std::string to_string(const redis_address& value) {
    const bool is_ipv6 = value.host.find(':') != std::string::npos;
    const std::string user = value.user == "default" ? "" : encoded(value.user) + "@";
    return fmt::format("redis://{}{}:{}", user, is_ipv6 ? "[" + value.host + "]" : value.host, value.port);
}

} // namespace carillon::config
