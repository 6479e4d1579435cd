#pragma once

#include <cstddef>
#include <cstdint>

namespace carillon::net {

/// Names a connection for as long as the process lives: the slab's cell and how often that cell had been used. Safe to
/// keep after the connection has gone; the slab then finds nothing.
struct connection_key {
    std::uint32_t index = 0;
    std::uint32_t generation = 0;

    std::uint64_t packed() const noexcept { return std::uint64_t{generation} << 32 | index; }
    static connection_key unpacked(std::uint64_t value) noexcept {
        return {static_cast<std::uint32_t>(value), static_cast<std::uint32_t>(value >> 32)};
    }
    bool operator==(const connection_key&) const = default;
};

/// Who owns a record, and so who hears its events. Zero is a free cell.
enum class owner : std::uint8_t { none = 0, websocket = 1, resp = 2 };
inline constexpr std::size_t owners = 3;

inline constexpr std::uint32_t no_index = 0xffffffff;

/// The floor's part of a connection's record: all that the netpoll and the timer wheel need. An owner derives from it
/// and has the rest of one cache line for itself; whatever else a connection needs while it is busy lives elsewhere,
/// and only then. Never moves. Thread: its shard's.
struct connection {
    int descriptor = -1;
    std::uint32_t generation = 0;
    std::uint32_t wheel_previous = no_index; ///< neighbours in the timer wheel's list, as cells of the slab
    std::uint32_t wheel_next = no_index;
    std::uint32_t deadline_tick = 0; ///< 0: not in the wheel
    owner owned_by : 3 = owner::none;
    bool counted : 1 = false;     ///< by its address
    bool unannounced : 1 = false; ///< its proxy has not said yet whose it is
    bool encrypted : 1 = false;   ///< between its socket and its owner there is TLS
    bool in_line : 1 = false;     ///< waits for another turn to go on
    bool put_aside : 1 = false;   ///< bytes for it wait for the end of the turn
    std::uint8_t phase = 0;       ///< the owner's own meaning
    bool receiving : 1 = false;   ///< a receive coroutine exists
    bool ready_again : 1 = false; ///< readiness came while it was waiting: look once more before ending
    bool writing : 1 = false;     ///< a flush coroutine exists
    bool read_to_end : 1 = false; ///< a short read says nothing: the peer has ended its direction, or sent urgent data
    bool closing : 1 = false;     ///< we have said our last word: what still comes is read and dropped
    bool paused : 1 = false;      ///< not read for now, because its owner has enough in hand
    bool doomed : 1 = false;      ///< to be ended at the next occasion, not in the middle of a delivery
    bool gone : 1 = false;        ///< the descriptor is closed; the record stays until its coroutines have ended
    std::uint8_t detail = 0;      ///< the owner's own meaning
};

static_assert(sizeof(connection) == 24);

} // namespace carillon::net
