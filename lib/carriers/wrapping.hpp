#pragma once

#include "hub/subscriber.hpp"
#include "protocol/encoder.hpp"
#include "ws/deflater.hpp"

#include <string>
#include <string_view>

namespace carillon::carriers {

// What a client's format (hub::format, with or without joins) means for the bytes on its connection.

/// How messages lie on the wire.
struct wrapping {
    bool framed = true;         ///< in WebSocket frames
    bool binary = false;        ///< which are binary ones
    std::string_view before{};  ///< each message
    std::string_view between{}; ///< messages
    std::string_view after{};   ///< the last of several that are sent together
};

const wrapping& wrapping_of(hub::format speaks) noexcept;
const protocol::encoder& encoder_of(hub::format speaks) noexcept;

/// The same over a WebSocket with compression.
hub::format deflated(hub::format websocket, ws::deflate_window most) noexcept;
bool is_deflated(hub::format speaks) noexcept;
/// How far back its compressed messages may point.
ws::deflate_window window_of(hub::format speaks) noexcept;

/// Over a WebSocket; else it is the body of an HTTP response, and the client has no way to say anything there.
inline bool is_framed(hub::format speaks) noexcept { return wrapping_of(speaks).framed; }
bool speaks_protobuf(hub::format speaks) noexcept;
/// Listens only: what it may have is settled with its first request (protocol §7.4).
bool only_listens(hub::format speaks) noexcept;

/// What back ends know it by (protocol §9).
std::string_view transport_of(hub::format speaks) noexcept;

/// Appends one message, as encoder_of(speaks) has made it, with all that is around it.
void append_wrapped(std::string& out, hub::format speaks, std::string_view message);

} // namespace carillon::carriers
