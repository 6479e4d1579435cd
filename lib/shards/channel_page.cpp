#include "shards/channel_page.hpp"

#include "resp/glob.hpp"

#include <simdjson.h>

#include <map>

namespace carillon::shards {

bool channel_search::look(const hub::hub& of) {
    next_ = of.for_some_channels(next_, per_turn, [&](std::string_view name) {
        if (!asked_.after.empty() && name <= asked_.after) return;
        if (!asked_.pattern.empty() && !resp::glob_match(asked_.pattern, name)) return;
        if (first_.size() >= most_ && name >= first_.top().first) return;
        if (!simdjson::validate_utf8(name.data(), name.size())) return;
        first_.emplace(name, of.subscribers(name));
        if (first_.size() > most_) first_.pop();
    });
    return next_ == hub::none;
}

channel_counts channel_search::take() {
    channel_counts page(first_.size());
    for (std::size_t i = page.size(); i-- > 0; first_.pop()) page[i] = first_.top();
    return page;
}

channel_counts merge_channels(const std::vector<channel_counts>& lists, std::size_t most, bool& more) {
    std::map<std::string, std::uint64_t> all;
    for (const channel_counts& each : lists)
        for (const auto& [name, count] : each) all[name] += count;
    more = all.size() > most;
    channel_counts page;
    for (const auto& [name, count] : all) {
        if (page.size() == most) break;
        page.emplace_back(name, count);
    }
    return page;
}

} // namespace carillon::shards
