#include "channels/name.hpp"

namespace carillon::channels {

name split(std::string_view channel) noexcept {
    name parts;
    if (channel.starts_with('$')) {
        parts.is_private = true;
        channel.remove_prefix(1);
    }
    parts.rest = channel;
    const auto colon = channel.find(':');
    // Nothing before the colon is no namespace; the colon stays, so that ":a" and "a" are not alike to a pattern.
    if (colon == channel.npos || colon == 0) return parts;
    parts.name_space = channel.substr(0, colon);
    parts.rest = channel.substr(colon + 1);
    return parts;
}

std::optional<user_limit> limit_of(std::string_view rest) noexcept {
    const auto boundary = rest.rfind('#');
    if (boundary == rest.npos) return std::nullopt;
    return user_limit{rest.substr(0, boundary), rest.substr(boundary + 1)};
}

bool names_user(std::string_view users, std::string_view user) noexcept {
    if (user.empty()) return false;
    while (true) {
        const auto comma = users.find(',');
        if (users.substr(0, comma) == user) return true;
        if (comma == users.npos) return false;
        users.remove_prefix(comma + 1);
    }
}

std::string personal_channel(std::string_view name_space, std::string_view user) {
    std::string name{name_space};
    if (!name.empty()) name += ':';
    name += '#';
    name += user;
    return name;
}

} // namespace carillon::channels
