#pragma once

#include "hub/subscriber.hpp"
#include "metrics/shard_counters.hpp"
#include "net/outbox.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace carillon::session {

/// Where each message ends in what is sent to clients of this format: a frame of a WebSocket, an event, a line, a
/// length and what it is of. `bytes` are whole messages. Pure.
std::vector<std::uint32_t> message_ends(hub::format speaks, std::string_view bytes);

/// What waits for a client that takes less than is published for it, and what of that is dropped
/// (channels::slow_consumer_policy). A publication goes or stays as a whole; replies, what controls the connection, and
/// who comes and goes always stay, and so does what has been sent in part. Pure: what it changes is the outbox.
class backlog {
public:
    /// In net::label::flags.
    static constexpr std::uint8_t yields = 1; ///< it makes room for what comes later
    static constexpr std::uint8_t latest = 2; ///< of its source only the newest waits
    static constexpr std::uint8_t told = 4;   ///< its source is cut off when one is dropped

    /// `cut`: sources of which nothing is sent any more, until the client has been told. More are added.
    backlog(net::outbox& waiting, std::size_t limit_bytes, metrics::name_space_counts& dropped,
            std::vector<std::uint64_t>& cut) noexcept
        : waiting_{&waiting}, limit_bytes_{limit_bytes}, dropped_{&dropped}, cut_{&cut} {}

    /// Publications of one channel, and what else is between them (`others`), of which the socket has taken `sent`
    /// bytes. False: something does not fit that may not be dropped.
    [[nodiscard]] bool add(const net::shared_bytes& bytes, const hub::frames::notes& of,
                           std::span<const hub::range> others, std::size_t sent);
    /// Drops the oldest until so many bytes fit: of one kind, or of all (0). False: they do not.
    bool make_room(std::size_t bytes, std::uint32_t kind = 0);

private:
    bool is_cut(std::uint64_t source) const noexcept;
    void lose(const net::label& what);

    net::outbox* waiting_;
    std::size_t limit_bytes_;
    metrics::name_space_counts* dropped_;
    std::vector<std::uint64_t>* cut_;
};

} // namespace carillon::session
