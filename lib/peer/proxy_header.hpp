#pragma once

#include "peer/address.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace carillon::peer {

/// A longer one is refused; what proxies send is 28 to some 500 bytes. No read buffer is smaller.
inline constexpr std::size_t proxy_header_bytes_max = 4'096;

/// What a proxy says before the first byte of the connection that it brings (PROXY protocol, versions 1 and 2:
/// https://www.haproxy.org/download/2.9/doc/proxy-protocol.txt).
struct proxy_header {
    std::size_t bytes = 0; ///< of the header itself
    bool local = false;    ///< the proxy speaks for itself, as to see whether we are there
    address source{};      ///< whose connection it is; not known: the proxy does not say, or it is no address
};

enum class header_outcome : std::uint8_t {
    complete,
    need_more, ///< a valid beginning
    refused,   ///< nothing that may follow can make it valid, or it would be too long
};

/// Reads it from the first bytes of a connection; `into` is meaningful when it is complete. What follows the header in
/// `bytes` is not looked at, and what it says beside the addresses (TLVs) is skipped. Allocates nothing.
[[nodiscard]] header_outcome read_proxy_header(std::string_view bytes, proxy_header& into) noexcept;

} // namespace carillon::peer
