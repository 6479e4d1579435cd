#include "conversation/host.hpp"
#include "protocol/reply.hpp"

#include <utility>

// Subscribers who want publications in another way than others: as deltas (docs/deltas.md), only some of them
// (docs/filters.md), or those of many channels.
namespace carillon::conversation {

using protocol::command_error;

// None is; else it is wanted by the subscribe that is being handled. One that is not permitted is no good either:
// without it the client would hear what it does not want.
bool host::filter_is_good(const protocol::subscribe_request& request) {
    filter_ = nullptr;
    if (request.filter == nullptr) return true;
    const channels::name_space* const space = channels_.rules().find(request.channel).space;
    if (space != nullptr && space->allow_tags_filter) {
        if (auto made = filters::filter::make(*request.filter)) filter_ = std::move(*made);
    }
    if (filter_ == nullptr) ++counters().filters_refused;
    return filter_ != nullptr;
}

// What the application lets through of the channel, whatever the client wants. False: there are no filters there.
bool host::narrow(std::string_view channel, const std::shared_ptr<const filters::filter>& by) {
    const channels::name_space* const space = channels_.rules().find(channel).space;
    if (space == nullptr || !space->allow_tags_filter) return false;
    filter_ = filter_ == nullptr ? by : filters::filter::both(*filter_, *by);
    return true;
}

// Where they are allowed, and the client says where it stands; else it gets everything whole, and is told so. With a
// filter there would be a delta of what it has not heard.
bool host::gets_deltas(const protocol::subscribe_request& request) const {
    if (request.delta.empty() || filter_ != nullptr || carriers::only_listens(replies_.served()->speaks()))
        return false;
    const channels::name_space* const space = channels_.rules().find(request.channel).space;
    return space != nullptr && space->allowed_delta_types.fossil && channels_.can_recover(request.channel);
}

// Of a subscribe that has waited for the channel's home.
hub::wish host::take_wish(bus::ticket whose) {
    hub::wish how{.deltas = whose.deltas};
    const auto found = wanted_.find(whose.connection);
    if (found == wanted_.end()) return how;
    how.filter = std::move(found->second);
    wanted_.erase(found);
    return how;
}

bool host::has_room(std::string_view channel, const hub::wish& how) {
    if (hub_->has_room(channel, how)) return true;
    ++counters().filters_refused;
    return false;
}

// --- subscriptions that stand for many channels (channels/wildcard.hpp): in the hub they are channels of their own
// names

// A client that asks for what there cannot be is not to believe that it has it.
std::optional<command_error> host::objection_to(const protocol::subscribe_request& asked) const {
    if (!channels_.rules().is_wildcard(asked.channel)) return std::nullopt;
    if (asked.recover || asked.positioned || asked.join_leave) return command_error::not_available;
    if (!has_room_for(asked.channel)) return command_error::limit_exceeded;
    return std::nullopt;
}

// A bus outside compares whatever is published with each of them.
bool host::has_room_for(std::string_view channel) const {
    return !channels_.rules().is_wildcard(channel) || hub_->wildcards() < options_.wildcards_max ||
           hub_->subscribers(channel) > 0;
}

} // namespace carillon::conversation
