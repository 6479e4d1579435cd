#pragma once

#include "hub/hub.hpp"
#include "link/server.hpp"
#include "people/identity.hpp"

#include <cstdint>

namespace carillon::clients {

using people::expiry;
using people::expiry_at;
using people::grant;
using people::identity;
using people::person;
using people::time_of;
using people::uuid_text;

/// Where a client is in its conversation; kept in the record's `phase`.
enum class stage : std::uint8_t {
    upgrading,     ///< its request head has not come whole
    connecting,    ///< a WebSocket or a stream, but no connect command yet
    refused,       ///< its connect was answered with an error; it may try again
    live,          ///< connected; the deadline is the next ping
    awaiting_pong, ///< a ping is out; the deadline is the pong's
};

/// All that an idle client costs beside its subscriptions: one cache line (docs/decisions/0003). Protocol state is the
/// phase; the client ID is made of the record's place (people::client_ids); subscriptions live in the hub, half
/// messages and unsent frames in `busy` and only while there are any.
struct client : link::record {
    identity who;
    hub::memberships channels;

    /// For an answer from elsewhere, or for a turn: its next command is not looked at before.
    bool waits() const noexcept { return (detail & 1) != 0; }
    void wait(bool still) noexcept { detail = static_cast<std::uint8_t>((detail & ~1) | (still ? 1 : 0)); }

    /// How what it gets is encoded and carried; without joins, which are its subscriptions'.
    hub::format speaks() const noexcept { return static_cast<hub::format>(detail >> 1); }
    void speak(hub::format how) noexcept {
        detail = static_cast<std::uint8_t>((detail & 1) | static_cast<unsigned>(how) << 1);
    }

    stage where() const noexcept { return static_cast<stage>(phase); }
    void move_to(stage next) noexcept { phase = static_cast<std::uint8_t>(next); }
};

static_assert(sizeof(client) <= net::slab::cell_bytes);

} // namespace carillon::clients
