#pragma once

#include "api/request.hpp"
#include "hub/hub.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace carillon::shards {

/// Names of channels and how many connections have subscribed, sorted by name.
using channel_counts = std::vector<std::pair<std::string, std::uint64_t>>;

/// The first `most` channels of a shard that match and come after `asked.after`. Names that are no UTF-8, as programs
/// on the bus door may give, are left out: JSON has none.
channel_counts first_channels(const hub::hub& of, const api::channels_request& asked, std::size_t most);

/// The first `most` of several such lists, each made with `most` or more; equal names are added up. `more`: there are
/// others.
channel_counts merge_channels(const std::vector<channel_counts>& lists, std::size_t most, bool& more);

} // namespace carillon::shards
