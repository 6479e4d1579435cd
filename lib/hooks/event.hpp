#pragma once

#include <boost/describe/enum.hpp>

#include <cstddef>
#include <cstdint>

namespace carillon::hooks {

/// What the application may be asked about (client protocol §9), and then what it may be told of. The names are those
/// of the configuration.
BOOST_DEFINE_FIXED_ENUM_CLASS(event, std::uint8_t,
                              connect,      // may the client come in, and who is it?
                              refresh,      // may the connection stay when its time is over?
                              subscribe,    // may it have the channel?
                              publish,      // may it publish this there?
                              rpc,          // something that the application alone knows
                              sub_refresh,  // may the subscription stay when its time is over?
                              connected,    // a client has come in
                              disconnected, // one that had has gone
                              occupied,     // a channel has its first subscriber here
                              vacated)      // its last has left

inline constexpr std::size_t events = 10;

/// Whether it is told, once it has happened, and nothing is asked.
constexpr bool is_notice(event what) noexcept { return what >= event::connected; }

/// Whether it is about a channel, so that it can be asked for some namespaces only.
constexpr bool is_of_channel(event what) noexcept {
    return what == event::subscribe || what == event::publish || what == event::sub_refresh ||
           what == event::occupied || what == event::vacated;
}

} // namespace carillon::hooks
