#pragma once

#include "streams/position.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace carillon::streams {

/// What a subscriber that comes back says it has (protocol §5): its last offset and the epoch that it is of. No epoch
/// fits every stream.
struct last_seen {
    std::uint64_t offset = 0;
    std::string_view epoch{};
};

/// What a stream has: its top, and how many of the newest publications are kept.
struct kept {
    position top{};
    std::size_t publications = 0;
};

/// Whether what was missed can be given.
enum class verdict : std::uint8_t {
    recovered,   ///< all of it
    wrong_epoch, ///< it is of another incarnation of the stream
    ahead,       ///< it has seen more than there was ever published: of another incarnation, or made up
    gone,        ///< some of it is not kept any more
    too_many,    ///< more than are given at once
};

/// Which publications a subscriber has missed.
struct missed {
    verdict said = verdict::recovered;
    std::size_t count = 0; ///< with `recovered`: so many of the newest
};

/// All that was published since, without a hole, or why not.
missed what_was_missed(const kept& stream, const last_seen& of_client, std::size_t publications_max) noexcept;

/// The same where only the newest publication counts: it, unless the client has it already. What lies between is
/// nothing that it misses, and a stream that keeps none has nothing to give.
missed newest_if_missed(const kept& stream, const last_seen& of_client) noexcept;

} // namespace carillon::streams
