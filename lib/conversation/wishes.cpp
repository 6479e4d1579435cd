#include "conversation/host.hpp"
#include "protocol/reply.hpp"

#include <utility>

// Subscribers who want publications in another way than others: as deltas (docs/deltas.md), or only some of them
// (docs/filters.md).
namespace carillon::conversation {

// None is; else it is wanted by the subscribe that is being handled. One that is not permitted is no good either:
// without it the client would hear what it does not want.
bool host::filter_is_good(const protocol::subscribe_request& request) {
    filter_ = nullptr;
    if (request.filter == nullptr) return true;
    const channels::name_space* const space = rules_.find(request.channel).space;
    if (space != nullptr && space->allow_tags_filter) {
        if (auto made = filters::filter::make(*request.filter)) filter_ = std::move(*made);
    }
    if (filter_ == nullptr) ++counters().filters_refused;
    return filter_ != nullptr;
}

// Where they are allowed, and the client says where it stands; else it gets everything whole, and is told so. With a
// filter there would be a delta of what it has not heard.
bool host::gets_deltas(const protocol::subscribe_request& request) const {
    if (request.delta.empty() || request.filter != nullptr || carriers::only_listens(replies_.served()->speaks()))
        return false;
    const channels::name_space* const space = rules_.find(request.channel).space;
    return space != nullptr && space->allowed_delta_types.fossil && can_recover(request.channel);
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

// Whether it would get the channel as it has got it.
bool host::may_still_wish(const client& c, std::string_view channel) const {
    const hub::wish& how = hub_->wish_of(subscriber_of(c), c.channels, channel);
    if (how.is_plain()) return true;
    const channels::name_space* const space = rules_.find(channel).space;
    if (space == nullptr) return false;
    return (!how.deltas || (space->allowed_delta_types.fossil && can_recover(channel))) &&
           (how.filter == nullptr || space->allow_tags_filter);
}

// The first is whole, and each of the others a delta to the one before, where that is smaller.
void host::append_shortened(std::string& out, const streams::batch& what, const protocol::encoder& with) {
    std::string patch;
    for (std::size_t i = 0; i < what.publications.size(); ++i) {
        const streams::draft each = what.publications[i]->view();
        patch.clear();
        if (i > 0 && each.is_json && what.publications[i - 1]->is_json())
            deltas_.encode(what.publications[i - 1]->payload(), each.payload, each.payload.size(), patch);
        with.listed_publication(out,
                                {each.payload, each.is_json, each.info, each.tags, what.offset_of(i), {}, patch, true});
    }
}

// Valid until the next list is made.
std::string_view host::list_filtered(const streams::batch& what, const protocol::encoder& with,
                                     const filters::filter& filter) {
    encoded_.clear();
    for (std::size_t i = 0; i < what.publications.size(); ++i) {
        const streams::draft each = what.publications[i]->view();
        if (filter.holds(filters::tags{each.tags}))
            with.listed_publication(encoded_, {each.payload, each.is_json, each.info, each.tags, what.offset_of(i)});
    }
    return encoded_;
}

} // namespace carillon::conversation
