#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

/// What a process that takes over is told by the one that it takes over from (docs/decisions/0059).
namespace carillon::takeover {

/// Of what follows `greeting`. Another one is refused, and everything stays as it was.
inline constexpr std::uint32_t version = 1;
/// No message is longer; a client whose record would be stays where it is.
inline constexpr std::size_t message_bytes_max = 64 * 1024;
/// Descriptors beside one message. The kernel takes 253.
inline constexpr std::size_t descriptors_max = 128;

/// The new process to the old, first. It has not changed since version 1, and never will.
struct greeting {
    std::uint32_t version = takeover::version;
    std::string build{}; ///< for the log
};

/// The old process: it has understood, and this is what it has. Its listeners follow.
struct offer {
    std::string build{};
    std::string bus{}; ///< where it is, without passwords; empty: inside of the process
    std::uint32_t listeners = 0;
};

/// The old process: nothing comes of it, and why.
struct refusal {
    std::string reason{};
};

/// A listening socket. Its descriptor is beside the message.
struct listener {
    enum class kind : std::uint8_t { client, control, bus };
    kind what = kind::client;
    std::string host{}; ///< a numeric address, or the path of a unix socket
    std::uint16_t port = 0;
};

/// The new process: it serves as soon as it is told to; now it waits for clients.
struct readiness {};

/// A subscription of a client.
struct subscription {
    std::string channel{};
    std::uint64_t offset = 0; ///< where the client stands in the channel's stream
    std::string epoch{};      ///< of that; empty: the channel has no stream
    bool joins = false;       ///< it hears who comes and goes
    bool deltas = false;
    bool operator==(const subscription&) const = default;
};

/// What a subscription has beside its channel, as people::grant.
struct grant {
    std::string channel{};
    bool by_server = false;
    std::uint8_t own = 0;
    std::uint32_t expires = 0;
    std::string info{};
    bool operator==(const grant&) const = default;
};

/// A header field of a client's request, as hooks::head_field.
struct field {
    std::string name{};
    std::string value{};
    bool emulated = false;
    bool operator==(const field&) const = default;
};

/// A client of a WebSocket with nothing half-done. Its descriptor is beside the message.
struct client {
    std::array<std::uint8_t, 16> id{};      ///< the bytes of its client ID
    std::array<std::uint8_t, 16> address{}; ///< as peer::address; zeros: nobody has kept it
    std::uint8_t format = 0;                ///< as hub::format
    bool awaits_pong = false;
    std::uint32_t due_ms = 0;  ///< from now on until its deadline: the next ping, or the pong's
    std::uint32_t expires = 0; ///< seconds since 1970; 0: never
    std::string user{};
    std::string info{};
    std::string meta{};
    std::vector<grant> grants{};
    std::vector<field> fields{}; ///< for the application
    std::vector<subscription> subscriptions{};
    bool operator==(const client&) const = default;
};

/// As many as one message takes; their descriptors are beside it, in the same order.
struct clients {
    std::vector<client> all{};
};

/// The old process: that was everybody.
struct end {
    std::uint64_t clients = 0;
};

/// The new process: it has so many clients, and knows what they have missed.
struct acceptance {
    std::uint64_t clients = 0;
};

/// The old process: from now on they are the new one's. It has let go of them.
struct commitment {};

using message = std::variant<greeting, offer, refusal, listener, readiness, clients, end, acceptance, commitment>;

/// Its bytes.
std::string write(const message& what);
/// What a client would add to a message.
std::size_t bytes_of(const client& what);

} // namespace carillon::takeover
