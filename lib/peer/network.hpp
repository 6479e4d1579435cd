#pragma once

#include "peer/address.hpp"

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace carillon::peer {

/// The addresses that begin with the same bits.
struct network {
    address base{};
    unsigned bits = 128; ///< of the 16 bytes: those of IPv4 are 96 more than written

    bool has(const address& one) const noexcept;
    bool operator==(const network&) const = default;
};

/// "10.0.0.0/8", "2001:db8::/32", or one address; what follows the bits does not matter. 0.0.0.0/0 is all of IPv4, ::/0
/// everything. Nothing: it is none.
[[nodiscard]] std::optional<network> read_network(std::string_view text) noexcept;

/// Proxies that are believed when they say whose connection they bring.
class trusted {
public:
    trusted() = default;
    /// Networks, as read_network reads them, and "unix" for who comes over a unix socket. Texts that are none are
    /// nobody's: the configuration has been checked.
    explicit trusted(std::span<const std::string> texts);

    bool has(const address& one) const noexcept;
    bool empty() const noexcept { return networks_.empty() && !unix_sockets_; }

private:
    std::vector<network> networks_;
    bool unix_sockets_ = false;
};

/// Whether `text` may stand in a list of trusted proxies.
[[nodiscard]] bool is_trustable(std::string_view text) noexcept;

} // namespace carillon::peer
