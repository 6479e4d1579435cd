#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace carillon::channels {

/// The parts of a channel's name (client protocol §6.4):
///
///     name  = [ "$" ] [ namespace ":" ] rest
///     rest  = [ text ] [ "#" users ]          the last "#", and only where the namespace is user limited
///     users = user *( "," user )
///
/// The views are into the text that was split.
struct name {
    bool is_private = false;     ///< it begins with "$": nobody subscribes without a token for it
    std::string_view name_space; ///< what is before the first ":"; empty: the channel has no namespace
    std::string_view rest;       ///< what follows
};

/// Any text has parts. Pure; allocates nothing.
name split(std::string_view channel) noexcept;

/// What a user-limited namespace makes of the rest.
struct user_limit {
    std::string_view text;  ///< what is before the last "#"; empty in a channel for these users and nothing else
    std::string_view users; ///< what follows
};

/// Empty: there is no "#", and the channel is not limited.
std::optional<user_limit> limit_of(std::string_view rest) noexcept;

/// Whether the list has exactly this user. Nobody is the anonymous user, whatever the list has between its commas.
bool names_user(std::string_view users, std::string_view user) noexcept;

/// The channel that belongs to one user alone: "#42", or "inbox:#42" in a namespace.
std::string personal_channel(std::string_view name_space, std::string_view user);

} // namespace carillon::channels
