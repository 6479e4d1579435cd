#pragma once

#include "http/request_head.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace carillon::http {

/// What a client and the server have agreed upon of permessage-deflate (RFC 7692 §7.1). Neither keeps a context from
/// one message to the next: that is part of every agreement.
enum class deflate_agreement : std::uint8_t {
    none,       ///< messages are not compressed
    wide,       ///< the server may look back 32 KiB
    wide_asked, ///< the same, because the client said server_max_window_bits=15, which must be answered
    narrow,     ///< at most 512 bytes: the client asked for less than 32 KiB, and less is always allowed
};

/// The client's first offer of permessage-deflate that can be accepted: one without an unknown parameter, one that
/// comes twice, or a value that is not allowed (§7.1), and with a window of at least 512 bytes. Other extensions are
/// declined. False: a Sec-WebSocket-Extensions of `head` is not a list of extensions (RFC 6455 §9.1), and the handshake
/// must fail. Allocates nothing.
[[nodiscard]] bool choose_deflate(const request_head& head, deflate_agreement& chosen) noexcept;

/// The same for the value of one field line, when the lines before it have come to `chosen`.
[[nodiscard]] bool choose_deflate(std::string_view value, deflate_agreement& chosen) noexcept;

/// The value of the Sec-WebSocket-Extensions that says so; empty for none.
[[nodiscard]] std::string_view answer_to_deflate(deflate_agreement agreed) noexcept;
inline constexpr std::size_t deflate_answer_bytes_max = 104;

} // namespace carillon::http
