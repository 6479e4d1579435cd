#include "endpoints/address.hpp"

#include "endpoints/error.hpp"

#include <arpa/inet.h>
#include <array>
#include <charconv>
#include <cstddef>

namespace carillon::endpoints {
namespace {

constexpr std::size_t path_bytes_max = 107; // sun_path of unix(7), less its final zero

/// `host` as inet_ntop writes it, or empty if it is no address of `family`.
std::string normalized(int family, const std::string& host) {
    in6_addr binary{}; // large enough for both families
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (inet_pton(family, host.c_str(), &binary) != 1) return {};
    return inet_ntop(family, &binary, text.data(), text.size());
}

bool is_ipv6(const address& value) noexcept { return value.host.find(':') != std::string::npos; }

/// True if listening on `host` also takes connections to `other`: Linux lets [::] serve IPv4 as well.
bool covers(const address& every, const address& other) noexcept {
    if (every.host == "localhost") return other.host == "127.0.0.1" || other.host == "::1";
    return every.host == "::" || (every.host == "0.0.0.0" && !is_ipv6(other));
}

} // namespace

result<address> parse_address(std::string_view text) {
    constexpr std::string_view unix_socket = "unix:";
    if (text.starts_with(unix_socket)) {
        const std::string_view path = text.substr(unix_socket.size());
        // A relative one would depend on where the program was started.
        if (!path.starts_with('/') || path.size() > path_bytes_max || path.find('\0') != path.npos)
            return error::path_not_absolute;
        return address{std::string{path}, 0};
    }
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos) return error::address_without_port;
    std::string_view host = text.substr(0, colon);
    const std::string_view port = text.substr(colon + 1);
    const bool bracketed = host.size() >= 2 && host.front() == '[' && host.back() == ']';
    if (bracketed) host = host.substr(1, host.size() - 2);
    if (!bracketed && host.find(':') != std::string_view::npos) return error::address_without_port;

    address value;
    const auto [end, failed] = std::from_chars(port.data(), port.data() + port.size(), value.port);
    if (failed != std::errc{} || end != port.data() + port.size()) return error::port_out_of_range;

    if (!bracketed && (host.empty() || host == "localhost")) {
        value.host = host.empty() ? "::" : "localhost";
        return value;
    }
    // A NUL would end inet_pton's reading early and let what follows it pass.
    if (host.find('\0') != std::string_view::npos) return error::host_not_numeric;
    value.host = normalized(bracketed ? AF_INET6 : AF_INET, std::string{host});
    if (value.host.empty()) return error::host_not_numeric;
    return value;
}

std::string to_string(const address& value) {
    if (value.is_path()) return "unix:" + value.host;
    const std::string port = std::to_string(value.port);
    return is_ipv6(value) ? "[" + value.host + "]:" + port : value.host + ":" + port;
}

bool overlap(const address& left, const address& right) noexcept {
    if (left.is_path() || right.is_path()) return left.host == right.host;
    if (left.port != right.port || left.port == 0) return false;
    return left.host == right.host || covers(left, right) || covers(right, left);
}

} // namespace carillon::endpoints
