#pragma once

#include <cstdint>

namespace carillon::bus {

/// Which command an answer belongs to: its connection's own numbers.
struct ticket {
    std::uint64_t connection = 0; ///< net::connection_key, packed
    std::uint32_t id = 0;
    bool recovers = false;    ///< of a subscribe: the client has asked for what it missed, and is told
    bool or_fails = false;    ///< of one that recovers: if that cannot be, it fails
    bool by_server = false;   ///< of a subscribe: no command of the client has asked for it
    bool wants_joins = false; ///< of a subscribe: the client wants to know who comes and goes
    bool deltas = false;      ///< of a subscribe: the client gets publications shortened
    /// What the command is that asks a channel's home.
    enum class command : std::uint8_t { subscribe, history, presence, presence_stats } asks = command::subscribe;
};

} // namespace carillon::bus
