#pragma once

#include "api/request.hpp"
#include "hub/hub.hpp"

#include <cstddef>
#include <cstdint>
#include <queue>
#include <string>
#include <utility>
#include <vector>

namespace carillon::shards {

/// Names of channels and how many connections have subscribed, sorted by name.
using channel_counts = std::vector<std::pair<std::string, std::uint64_t>>;

/// Finds the first `most` channels of a shard that match and come after `asked.after`, some places of the hub in a
/// turn. Names that are no UTF-8, as programs on the bus door may give, are left out: JSON has none. A channel that
/// comes or goes meanwhile may be found or not.
class channel_search {
public:
    channel_search(api::channels_request asked, std::size_t most) : asked_{std::move(asked)}, most_{most} {}

    /// Looks at some more. True: that was all.
    bool look(const hub::hub& of);
    /// What has been found, as it was when it was looked at. Once.
    channel_counts take();

    /// Places looked at in one turn.
    static constexpr std::uint32_t per_turn = 4'096;

private:
    api::channels_request asked_;
    std::size_t most_;
    std::uint32_t next_ = 0;
    std::priority_queue<channel_counts::value_type> first_; // the last of them on top
};

/// The first `most` of several such lists, each made with `most` or more; equal names are added up. `more`: there are
/// others.
channel_counts merge_channels(const std::vector<channel_counts>& lists, std::size_t most, bool& more);

} // namespace carillon::shards
