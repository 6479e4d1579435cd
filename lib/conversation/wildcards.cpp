#include "conversation/host.hpp"

// Subscriptions that stand for many channels (channels/wildcard.hpp). In the hub they are channels of their own names;
// what they cannot have, their namespace does not have either (channels::rules).
namespace carillon::conversation {

using protocol::command_error;

// A client that asks for what there cannot be is not to believe that it has it.
std::optional<command_error> host::objection_to(const protocol::subscribe_request& asked) const {
    if (!rules_.is_wildcard(asked.channel)) return std::nullopt;
    if (asked.recover || asked.positioned || asked.join_leave) return command_error::not_available;
    if (!has_room_for(asked.channel)) return command_error::limit_exceeded;
    return std::nullopt;
}

// A bus outside compares whatever is published with each of them.
bool host::has_room_for(std::string_view channel) const {
    return !rules_.is_wildcard(channel) || hub_->wildcards() < options_.wildcards_max || hub_->subscribers(channel) > 0;
}

hub::subscribe_outcome host::join(client& c, std::string_view channel, bool wants_joins, std::uint8_t own,
                                  const hub::wish& how) {
    const auto kind = rules_.is_wildcard(channel) ? hub::name_kind::wildcard : hub::name_kind::channel;
    return hub_->subscribe(subscriber_of(c, channel, wants_joins, own), c.channels, channel, how, kind);
}

} // namespace carillon::conversation
