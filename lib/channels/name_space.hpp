#pragma once

#include <boost/describe/enum.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

namespace carillon::channels {

/// Who may do something in a channel. The names are those of the configuration.
BOOST_DEFINE_FIXED_ENUM_CLASS(party, std::uint8_t,
                              anonymous,         // everybody, also a client that has no user
                              client,            // a client that has a user
                              subscriber,        // a client that is subscribed to the channel
                              subscribed_client, // the same, if it has a user
                              token)             // a client that has shown a token for the channel

/// A set of parties; at first empty, and then nobody may.
class audience {
public:
    constexpr audience() noexcept = default;
    constexpr audience(std::initializer_list<party> parties) noexcept {
        for (const party each : parties) add(each);
    }
    constexpr void add(party each) noexcept { bits_ = static_cast<std::uint8_t>(bits_ | bit(each)); }
    constexpr bool has(party each) const noexcept { return (bits_ & bit(each)) != 0; }
    constexpr bool empty() const noexcept { return bits_ == 0; }
    bool operator==(const audience&) const noexcept = default;

private:
    static constexpr std::uint8_t bit(party each) noexcept {
        return static_cast<std::uint8_t>(1u << static_cast<unsigned>(each));
    }
    std::uint8_t bits_ = 0;
};

/// What a subscriber may get of what it has missed.
BOOST_DEFINE_FIXED_ENUM_CLASS(recovery_mode, std::uint8_t, off, stream, cache)

/// What happens to a client that reads too slowly.
BOOST_DEFINE_FIXED_ENUM_CLASS(slow_consumer_policy, std::uint8_t, disconnect, drop_oldest, keep_latest)

/// How publications may be shortened for who asks for it.
struct delta_types {
    bool fossil = false; ///< docs/deltas.md
    bool empty() const noexcept { return !fossil; }
    bool operator==(const delta_types&) const = default;
};

/// What holds for all channels whose names begin with "NAME:". Nothing is allowed that is not said here; whoever has a
/// subscription token for a channel may subscribe to it all the same.
struct name_space {
    std::string name{}; ///< empty: for the channels whose names have no namespace

    audience subscribe{};    ///< `subscriber` means nothing here, and `token` is always in
    audience publish{};      ///< by clients; back ends publish where they like
    audience history{};      ///< who may ask what was published
    audience presence_for{}; ///< who may ask who is there

    bool user_limited = false;     ///< "#" in a name begins the list of the only users that the channel is for
    std::string channel_pattern{}; ///< what the rest of a name, before "#", is like; empty: any ASCII

    std::size_t history_size = 0;                          ///< publications that a channel keeps; 0: no history
    std::chrono::seconds history_ttl{300};                 ///< after the last publication, for all of them
    std::chrono::seconds history_meta_ttl{30 * 24 * 3600}; ///< how long a channel's offset and epoch are known
    recovery_mode recovery = recovery_mode::off;
    bool presence = false;
    bool join_leave = false;                     ///< subscribers that ask for it are told who comes and goes
    bool force_push_join_leave = false;          ///< all subscribers are
    std::chrono::seconds join_leave_debounce{0}; ///< who comes back by then has not been away; 0: everything is told
    bool occupancy_events = false; ///< the application is told of first subscribers, and when the last has left
    bool binary = false;           ///< what is published may be any bytes, which JSON clients cannot have
    bool wildcard = false;         ///< names that end with "*" stand for many channels (channels/wildcard.hpp)
    slow_consumer_policy slow_consumer = slow_consumer_policy::disconnect;
    delta_types allowed_delta_types{}; ///< only where nothing is dropped, and what was missed can be recovered
    bool allow_tags_filter = false;    ///< subscribers may want some publications only, by their tags

    bool operator==(const name_space&) const = default;
};

/// More would be a list of channels.
inline constexpr std::size_t name_spaces_max = 1024;
inline constexpr std::size_t pattern_bytes_max = 1024;

/// Why no channel's name can begin with it: a piece of a sentence; empty: one can. No name at all is a good one.
std::optional<std::string_view> check_name_space_name(std::string_view name);

} // namespace carillon::channels
