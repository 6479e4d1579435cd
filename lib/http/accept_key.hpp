#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace carillon::http {

/// Bytes of a Sec-WebSocket-Key: 16 bytes in base64.
inline constexpr std::size_t websocket_key_bytes = 24;
/// Bytes of a Sec-WebSocket-Accept: a SHA-1 in base64.
inline constexpr std::size_t websocket_accept_bytes = 28;

/// Whether `key` is base64 of exactly 16 bytes (RFC 6455 §4.2.1, item 5). The four bits that the last letter has too
/// many may be anything, as decoders commonly allow.
[[nodiscard]] bool is_websocket_key(std::string_view key) noexcept;

/// Writes base64(SHA-1(key + GUID)), the proof that the handshake was understood (RFC 6455 §4.2.2, item 5.4). `key`
/// must be valid.
void write_accept(std::span<char, websocket_accept_bytes> out, std::string_view key) noexcept;

} // namespace carillon::http
