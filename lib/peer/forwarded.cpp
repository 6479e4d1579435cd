#include "peer/forwarded.hpp"

#include "base/check.hpp"

#include <algorithm>
#include <array>

namespace carillon::peer {

namespace {

constexpr std::array names{forwarding::x_forwarded_for, forwarding::forwarded, forwarding::x_real_ip};

std::string_view trimmed(std::string_view text) noexcept {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    return text;
}

bool same_ignoring_case(std::string_view text, std::string_view small) noexcept {
    return std::ranges::equal(
        text, small, {}, [](char each) { return each >= 'A' && each <= 'Z' ? static_cast<char>(each + 32) : each; });
}

// The value of `for` in "for=192.0.2.43;proto=http" (RFC 7239 §4); empty: there is none, or there are two.
std::string_view node_of(std::string_view element) noexcept {
    std::string_view found;
    bool seen = false;
    while (!element.empty()) {
        const std::size_t end = element.find(';');
        const std::string_view pair = trimmed(element.substr(0, end));
        element = end == element.npos ? std::string_view{} : element.substr(end + 1);
        const std::size_t equals = pair.find('=');
        if (equals == pair.npos || !same_ignoring_case(pair.substr(0, equals), "for")) continue;
        if (seen) return {};
        seen = true;
        found = pair.substr(equals + 1);
    }
    if (found.size() >= 2 && found.front() == '"' && found.back() == '"') found = found.substr(1, found.size() - 2);
    return found;
}

} // namespace

std::string_view name_of(forwarding field) noexcept {
    switch (field) {
    case forwarding::x_forwarded_for: return "x-forwarded-for";
    case forwarding::forwarded: return "forwarded";
    case forwarding::x_real_ip: return "x-real-ip";
    }
    CHECK(false);
}

std::optional<forwarding> forwarding_of(std::string_view name) noexcept {
    for (const forwarding each : names) {
        if (same_ignoring_case(name, name_of(each))) return each;
    }
    return std::nullopt;
}

// At every comma, also one in quotes: no address has one, and what a client left open must not hide what its proxy has
// appended.
void forwarded_chain::take(std::string_view line) noexcept {
    for (;;) {
        const std::size_t comma = line.find(',');
        take_one(trimmed(line.substr(0, comma)));
        if (comma == line.npos) return;
        line.remove_prefix(comma + 1);
    }
}

void forwarded_chain::take_one(std::string_view element) noexcept {
    if (element.empty()) return; // lists may have them (RFC 9110 §5.6.1)
    const std::string_view node = field_ == forwarding::forwarded ? node_of(element) : element;
    const std::optional<address> one = read_address_with_port(node);
    if (one && client_ && proxies_.has(*one)) return;
    client_ = one && one->known() ? one : std::nullopt;
}

} // namespace carillon::peer
