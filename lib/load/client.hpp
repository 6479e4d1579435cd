#pragma once

#include "load/marker.hpp"
#include "load/message_splitter.hpp"
#include "load/sequence_account.hpp"

#include <cstdint>

namespace carillon::load {

/// How far a connection is.
enum class client_state : std::uint8_t {
    absent,     ///< not wanted, or it ended and nobody wants it back
    queued,     ///< wanted; waits for its turn
    pausing,    ///< an attempt failed; waits until `limit` for the next
    connecting, ///< no answer to connect() yet; `limit` is the end of patience, as in the next two
    upgrading,  ///< the request for a WebSocket has been sent
    greeting,   ///< the first message has been sent
    live,       ///< subscribed
    given_up,   ///< every attempt failed
};

/// One connection of the load generator: a record, and nothing else while it is idle.
struct client {
    message_splitter input;
    sequence_account received;
    clock::time_point due{};   ///< of the handshake or round trip that is under way
    clock::time_point limit{}; ///< see client_state
    int socket = -1;
    std::uint32_t command = 0;    ///< echo: number of the last command
    std::uint32_t owed = 0;       ///< echo: commands that became due while one was under way
    std::uint16_t generation = 0; ///< counts sockets, so that events of an earlier one are known as such
    std::uint8_t attempts = 0;    ///< that failed in this handshake
    client_state state = client_state::absent;
    bool answers_pings = false;
    bool awaits_reply = false; ///< echo: a command is under way
};
static_assert(sizeof(client) <= 72);

} // namespace carillon::load
