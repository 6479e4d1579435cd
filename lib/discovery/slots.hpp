#pragma once

#include "discovery/place.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace carillon::discovery {

/// A Redis Cluster keeps its keys in so many slots, each of which is on one of its primaries.
inline constexpr std::uint16_t slots = 16'384;

/// The slot of a key: CRC16 (XMODEM) of it, or of what stands in its first braces if that is anything.
std::uint16_t slot_of(std::string_view key) noexcept;

/// The slot of all that is kept of a channel, whose keys have its name in braces. Where that decides nothing, since the
/// name is empty or begins with a closing brace, its keys have no slot in common; then this is the name's own.
std::uint16_t home_slot(std::string_view channel) noexcept;

/// Whether a command with these keys can be carried out at all.
bool in_one_slot(std::span<const std::string> keys) noexcept;

/// Why a node of a cluster has not carried out a command, and what to do instead.
struct redirection {
    enum class kind : std::uint8_t {
        moved, ///< The slot is on another node now.
        asked, ///< What was looked for is there already, and the slot on its way: to be asked once, after ASKING.
        later, ///< A part of it is here and a part there.
        down,  ///< The slot is nowhere just now, or the cluster serves nobody.
    };
    kind what{};
    std::uint16_t slot = 0; ///< of moved and asked
    place where{};          ///< of moved and asked; without a host: that of who said so
};

/// What an error says of it; none: it is an error of another kind.
std::optional<redirection> redirection_of(std::string_view error);

} // namespace carillon::discovery
