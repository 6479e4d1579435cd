#include "peer/network.hpp"

#include <algorithm>
#include <charconv>

namespace carillon::peer {

namespace {

constexpr std::string_view over_unix_sockets = "unix";
constexpr unsigned bits_of_ipv6 = 128, bits_before_ipv4 = 96;

} // namespace

bool network::has(const address& one) const noexcept {
    const std::size_t whole = bits / 8;
    if (!std::equal(base.bytes.begin(), base.bytes.begin() + static_cast<std::ptrdiff_t>(whole), one.bytes.begin()))
        return false;
    const unsigned rest = bits % 8;
    return rest == 0 || (base.bytes[whole] ^ one.bytes[whole]) >> (8 - rest) == 0;
}

std::optional<network> read_network(std::string_view text) noexcept {
    const std::size_t slash = text.find('/');
    const std::string_view host = text.substr(0, slash);
    const auto base = read_address(host);
    if (!base) return std::nullopt;
    if (slash == text.npos) return network{*base, bits_of_ipv6};
    const std::string_view digits = text.substr(slash + 1);
    unsigned bits = 0;
    const auto [end, why] = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
    if (why != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
    const bool four = host.find(':') == host.npos;
    if (bits > (four ? bits_of_ipv6 - bits_before_ipv4 : bits_of_ipv6)) return std::nullopt;
    return network{*base, four ? bits + bits_before_ipv4 : bits};
}

bool is_trustable(std::string_view text) noexcept { return text == over_unix_sockets || read_network(text); }

trusted::trusted(std::span<const std::string> texts) {
    for (const std::string& each : texts) {
        if (each == over_unix_sockets) unix_sockets_ = true;
        if (const auto one = read_network(each)) networks_.push_back(*one);
    }
}

bool trusted::has(const address& one) const noexcept {
    if (!one.known()) return unix_sockets_;
    return std::ranges::any_of(networks_, [&](const network& each) { return each.has(one); });
}

} // namespace carillon::peer
