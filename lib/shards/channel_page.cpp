#include "shards/channel_page.hpp"

#include "resp/glob.hpp"

#include <simdjson.h>

#include <map>
#include <queue>

namespace carillon::shards {

channel_counts first_channels(const hub::hub& of, const api::channels_request& asked, std::size_t most) {
    std::priority_queue<std::string> first; // the last of them on top
    of.each_channel([&](std::string_view name) {
        if (!asked.after.empty() && name <= asked.after) return;
        if (!asked.pattern.empty() && !resp::glob_match(asked.pattern, name)) return;
        if (first.size() >= most && name >= first.top()) return;
        if (!simdjson::validate_utf8(name.data(), name.size())) return;
        first.emplace(name);
        if (first.size() > most) first.pop();
    });
    channel_counts page(first.size());
    for (std::size_t i = page.size(); i-- > 0; first.pop()) page[i] = {first.top(), of.subscribers(first.top())};
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
