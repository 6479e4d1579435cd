#include "peer/address.hpp"

#include <algorithm>
#include <arpa/inet.h>

namespace carillon::peer {

namespace {

constexpr std::array<std::uint8_t, 12> before_ipv4{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
constexpr std::size_t port_digits_max = 5;

bool is_port(std::string_view text) noexcept {
    return !text.empty() && text.size() <= port_digits_max &&
           std::ranges::all_of(text, [](char each) { return each >= '0' && each <= '9'; });
}

} // namespace

address of_ipv4(const std::uint8_t* bytes) noexcept {
    address made;
    std::ranges::copy(before_ipv4, made.bytes.begin());
    std::copy_n(bytes, 4, made.bytes.begin() + before_ipv4.size());
    return made;
}

bool is_ipv4(const address& one) noexcept {
    return std::equal(before_ipv4.begin(), before_ipv4.end(), one.bytes.begin());
}

std::optional<address> read_address(std::string_view text) noexcept {
    std::array<char, INET6_ADDRSTRLEN> terminated{};
    // A NUL would end the reading early and let what follows it pass.
    if (text.empty() || text.size() >= terminated.size() || text.find('\0') != text.npos) return std::nullopt;
    std::ranges::copy(text, terminated.begin());
    address made;
    if (text.find(':') != text.npos) {
        if (::inet_pton(AF_INET6, terminated.data(), made.bytes.data()) != 1) return std::nullopt;
        return made;
    }
    std::array<std::uint8_t, 4> four{};
    if (::inet_pton(AF_INET, terminated.data(), four.data()) != 1) return std::nullopt;
    return of_ipv4(four.data());
}

std::optional<address> read_address_with_port(std::string_view text) noexcept {
    if (text.starts_with('[')) {
        const std::size_t end = text.find(']');
        if (end == text.npos) return std::nullopt;
        const std::string_view after = text.substr(end + 1);
        if (!after.empty() && (after.front() != ':' || !is_port(after.substr(1)))) return std::nullopt;
        const std::string_view inside = text.substr(1, end - 1);
        return inside.find(':') == inside.npos ? std::nullopt : read_address(inside);
    }
    const std::size_t colon = text.find(':');
    if (colon != text.npos && text.find(':', colon + 1) == text.npos) {
        if (!is_port(text.substr(colon + 1))) return std::nullopt;
        text = text.substr(0, colon);
    }
    return read_address(text);
}

std::string to_text(const address& one) {
    if (!one.known()) return "unknown";
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (is_ipv4(one)) return ::inet_ntop(AF_INET, one.bytes.data() + before_ipv4.size(), text.data(), text.size());
    return ::inet_ntop(AF_INET6, one.bytes.data(), text.data(), text.size());
}

} // namespace carillon::peer
