#pragma once

#include "load/url.hpp"
#include "ws/frame.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

/// What a client says and understands: text in, text out.
namespace carillon::load {

/// Puts `channel` where `text` says {channel}.
std::string with_channel(std::string_view text, std::string_view channel);

/// The request for a WebSocket at `to`, whose target may contain {channel}; `headers` are whole lines without their
/// ends. `key` is a Sec-WebSocket-Key.
std::string upgrade_request(const url& to, std::span<const std::string> headers, std::string_view key);

/// A masked frame, as a client sends it.
std::string client_frame(ws::opcode op, std::string_view payload);

/// The first message of a client of the Centrifuge protocol, as the SDKs batch it: connect, and subscribe unless
/// `channel` is empty.
std::string centrifuge_hello(std::string_view channel);
inline constexpr std::uint32_t connect_command = 1;
inline constexpr std::uint32_t subscribe_command = 2;
inline constexpr std::uint32_t first_free_command = 3;

/// The publish command. `payload` is JSON.
std::string centrifuge_publish(std::uint32_t command, std::string_view channel, std::string_view payload);

/// One line of what a server of the Centrifuge protocol sends.
struct server_line {
    enum class kind {
        ping,    ///< {}
        reply,   ///< to `command`
        refusal, ///< an error in reply to `command`
        other,   ///< a push
    };
    kind what = kind::other;
    std::uint32_t command = 0;
    bool wants_pongs = false; ///< of the reply to connect
};

/// Reads what is needed of a line and no more: a reply begins with its id, as every server writes it. Pure.
server_line read_server_line(std::string_view line) noexcept;

} // namespace carillon::load
