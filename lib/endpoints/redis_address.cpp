#include "endpoints/redis_address.hpp"

#include "endpoints/address.hpp"
#include "endpoints/error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

namespace carillon::endpoints {
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

error_code read_host_and_port(std::string_view text, std::string& into, std::uint16_t& port) {
    const bool bracketed = text.starts_with('[');
    const auto end_of_host = bracketed ? text.find(']') : text.find(':');
    if (bracketed && end_of_host == std::string_view::npos) return error::redis_host;
    const auto host = text.substr(0, bracketed ? end_of_host + 1 : end_of_host);
    const auto rest = text.substr(host.size());
    if (bracketed) into = ipv6(host);
    if (!bracketed && is_name_or_ipv4(host)) into = host;
    if (into.empty() || (!rest.empty() && rest.front() != ':')) return error::redis_host;
    if (rest.empty()) return {};

    const auto* end = text.data() + text.size();
    const auto [stop, failed] = std::from_chars(rest.data() + 1, end, port);
    return failed != std::errc{} || stop != end || port == 0 ? make_error_code(error::redis_port) : error_code{};
}

/// Takes what stands before the last @, so that a password with one that is not encoded is told so, and never taken for
/// a host.
error_code take_credentials(std::string_view& text, redis_address& into) {
    const auto at = text.rfind('@');
    if (at == std::string_view::npos) return {};
    const auto failed = read_credentials(text.substr(0, at), into);
    text.remove_prefix(at + 1);
    return failed;
}

error_code read_path(std::string_view text, redis_address& into) {
    constexpr std::size_t path_bytes_max = 107; // sun_path of unix(7), less its final zero
    if (text.starts_with("//")) text.remove_prefix(2);
    auto before = text.substr(0, text.find('/'));
    text.remove_prefix(before.size());
    if (const auto failed = take_credentials(before, into)) return failed;
    const bool is_absolute = before.empty() && text.size() > 1 && text.size() <= path_bytes_max;
    if (!is_absolute || std::any_of(text.begin(), text.end(), is_control)) return error::path_not_absolute;
    into.host = text;
    into.port = 0;
    return {};
}

bool is_master_name(std::string_view text) {
    constexpr std::size_t bytes_max = 64;
    return !text.empty() && text.size() <= bytes_max && std::ranges::all_of(text, [](char letter) {
        return is_letter(letter) || is_digit(letter) || letter == '.' || letter == '-' || letter == '_';
    });
}

/// HOST[:PORT][,HOST[:PORT]...]
error_code read_nodes(std::string_view text, std::uint16_t usual_port, std::vector<redis_address::node>& into) {
    for (bool more = true; more;) {
        if (into.size() == redis_address::nodes_max) return error::redis_nodes;
        const auto comma = std::min(text.find(','), text.size());
        auto& each = into.emplace_back(redis_address::node{{}, usual_port});
        if (const auto failed = read_host_and_port(text.substr(0, comma), each.host, each.port)) return failed;
        more = comma < text.size();
        text.remove_prefix(std::min(comma + 1, text.size()));
    }
    return {};
}

error_code read_servers(std::string_view text, redis_address& into) {
    constexpr std::uint16_t usual_port = 6379;
    if (const auto failed = take_credentials(text, into)) return failed;
    const auto end_of_hosts = std::min(text.find_first_of("/?#"), text.size());
    if (!is_path(text.substr(end_of_hosts))) return error::redis_path;
    text = text.substr(0, end_of_hosts);
    if (text.find(',') == std::string_view::npos) return read_host_and_port(text, into.host, into.port);
    into.port = 0;
    return read_nodes(text, usual_port, into.servers);
}

error_code read_cluster(std::string_view text, redis_address& into) {
    constexpr std::uint16_t usual_port = 6379;
    if (const auto failed = take_credentials(text, into)) return failed;
    into.port = 0;
    const auto end = std::min(text.find_first_of("/?#"), text.size());
    if (text.substr(end) != "" && text.substr(end) != "/" && text.substr(end) != "/0") return error::redis_path;
    return read_nodes(text.substr(0, end), usual_port, into.cluster);
}

error_code read_sentinels(std::string_view text, redis_address& into) {
    constexpr std::uint16_t usual_port = 26379;
    if (const auto failed = take_credentials(text, into)) return failed;
    const auto slash = text.find('/');
    if (slash == std::string_view::npos || !is_master_name(text.substr(slash + 1))) return error::redis_master;
    into.port = 0;
    into.master = text.substr(slash + 1);
    return read_nodes(text.substr(0, slash), usual_port, into.sentinels);
}

struct scheme {
    std::string_view beginning;
    bool encrypted;
    error_code (*read)(std::string_view text, redis_address& into);
};

constexpr scheme schemes[] = {
    {"redis://", false, read_servers},
    {"rediss://", true, read_servers},
    {"redis-sentinel://", false, read_sentinels},
    {"rediss-sentinel://", true, read_sentinels},
    {"redis-cluster://", false, read_cluster},
    {"rediss-cluster://", true, read_cluster},
    {"unix:", false, read_path},
};

std::string with_port(const std::string& host, std::uint16_t port) {
    const bool is_ipv6 = host.find(':') != std::string::npos;
    return is_ipv6 ? fmt::format("[{}]:{}", host, port) : fmt::format("{}:{}", host, port);
}

std::string list_of(const std::vector<redis_address::node>& nodes) {
    std::string list;
    for (const auto& each : nodes) {
        if (!list.empty()) list += ',';
        list += with_port(each.host, each.port);
    }
    return list;
}

} // namespace

result<redis_address> parse_redis_address(std::string_view text) {
    for (const scheme& each : schemes) {
        if (!text.starts_with(each.beginning)) continue;
        redis_address value;
        value.encrypted = each.encrypted;
        const std::string again = fmt::format(",{}", each.beginning);
        const std::size_t second = text.find(again);
        if (second != std::string_view::npos && text.find('@', second) != std::string_view::npos)
            return error::redis_credentials;
        std::string rest{text.substr(each.beginning.size())};
        for (auto at = rest.find(again); at != std::string::npos; at = rest.find(again, at))
            rest.erase(at + 1, again.size() - 1);
        if (const auto failed = each.read(rest, value)) return failed;
        return value;
    }
    return error::not_a_redis_url;
}

std::string to_string(const redis_address& value) {
    const std::string user = value.user == "default" ? "" : encoded(value.user) + "@";
    if (value.is_path()) return fmt::format("unix:{}{}", user, value.host);
    const std::string_view letter = value.encrypted ? "s" : "";
    if (!value.cluster.empty()) return fmt::format("redis{}-cluster://{}{}", letter, user, list_of(value.cluster));
    if (!value.servers.empty()) return fmt::format("redis{}://{}{}", letter, user, list_of(value.servers));
    if (value.sentinels.empty()) return fmt::format("redis{}://{}{}", letter, user, with_port(value.host, value.port));
    return fmt::format("redis{}-sentinel://{}{}/{}", letter, user, list_of(value.sentinels), value.master);
}

} // namespace carillon::endpoints
