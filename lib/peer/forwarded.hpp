#pragma once

#include "peer/address.hpp"
#include "peer/network.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace carillon::peer {

/// The fields in which proxies say whose request they bring.
enum class forwarding : std::uint8_t {
    x_forwarded_for, ///< addresses, each proxy's own peer behind those that it was told
    forwarded,       ///< the same in the words of RFC 7239
    x_real_ip,       ///< one address
};

/// "x-forwarded-for"
std::string_view name_of(forwarding field) noexcept;
/// In any case of letters. Nothing: there is no such field here.
[[nodiscard]] std::optional<forwarding> forwarding_of(std::string_view name) noexcept;

/// Whose request it is, from what the proxies say of it: each of the field's lines in their order, from a peer that is
/// trusted. The last address that is no trusted proxy's wins: whatever stands before it, anybody may have written. If
/// all are trusted, it is the first. What cannot be read, "unknown" and hidden names (RFC 7239 §6.3) end the chain:
/// then it is the first address behind. Allocates nothing.
class forwarded_chain {
public:
    forwarded_chain(forwarding field, const trusted& proxies) noexcept : field_{field}, proxies_{proxies} {}

    void take(std::string_view line) noexcept;
    /// Nothing: no address was said, and so it is the peer.
    std::optional<address> client() const noexcept { return client_; }

private:
    void take_one(std::string_view element) noexcept;

    forwarding field_;
    const trusted& proxies_;
    std::optional<address> client_;
};

} // namespace carillon::peer
