#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace carillon::peer {

/// An IP address, always in 16 bytes: 192.0.2.7 is ::ffff:192.0.2.7 (RFC 4291 §2.5.5.2), so that what a socket of both
/// families says and what a header says are the same. All zero: nobody knows, as of a unix socket.
struct address {
    std::array<std::uint8_t, 16> bytes{};

    bool known() const noexcept { return *this != address{}; }
    auto operator<=>(const address&) const = default;
};

/// Of the four bytes of an IPv4 address.
address of_ipv4(const std::uint8_t* bytes) noexcept;
bool is_ipv4(const address& one) noexcept;

/// "192.0.2.7", "2001:db8::7"; without brackets, port and zone. Nothing: it is none.
[[nodiscard]] std::optional<address> read_address(std::string_view text) noexcept;

/// The same with what proxies write around it: "192.0.2.7:4711", "[2001:db8::7]", "[2001:db8::7]:4711".
[[nodiscard]] std::optional<address> read_address_with_port(std::string_view text) noexcept;

/// What read_address reads back; "unknown".
std::string to_text(const address& one);

} // namespace carillon::peer
