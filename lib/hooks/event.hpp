#pragma once

#include <boost/describe/enum.hpp>

#include <cstddef>
#include <cstdint>

namespace carillon::hooks {

/// What the application may be asked about (client protocol §9). The names are those of the configuration.
BOOST_DEFINE_FIXED_ENUM_CLASS(event, std::uint8_t,
                              connect,     // may the client come in, and who is it?
                              refresh,     // may the connection stay when its time is over?
                              subscribe,   // may it have the channel?
                              publish,     // may it publish this there?
                              rpc,         // something that the application alone knows
                              sub_refresh) // may the subscription stay when its time is over?

inline constexpr std::size_t events = 6;

/// Whether it is about a channel, so that it can be asked for some namespaces only.
constexpr bool is_of_channel(event what) noexcept {
    return what == event::subscribe || what == event::publish || what == event::sub_refresh;
}

} // namespace carillon::hooks
