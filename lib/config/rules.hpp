#pragma once

#include "config/program.hpp"
#include "config/value.hpp"

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace carillon::config {

/// Where each option that is not at its default was set, by key.
using origins = std::map<std::string_view, std::string>;

/// What a client's outbox must take at once beside one publication: a batch of publications as the hub lays them end to
/// end, and what frames add.
inline constexpr std::size_t batch_bytes = 64 * 1024;
inline constexpr std::size_t frame_overhead_bytes = 4 * 1024;

/// How many shards there will be: those that were asked for, else one for each of `cores`, but not more than the option
/// allows, than there are leases, or than there may be connections.
std::size_t shards_of(const settings& values, std::size_t cores);

/// The keys of the server API; none: there is no server API.
std::vector<api_key> api_keys_of(const settings& values);

/// Makes the defaults fit the machine and what was given: a lease for each shard.
void fit_defaults(settings& into, const origins& set_by, std::size_t cores);

/// Checks how the values fit together. The complaint names both options, their values and where these come from.
///
/// A rule about an option that the program does not have is no rule for it. `cores` is what `shards` = 0 stands for.
complaint check_rules(program which, const settings& values, const origins& set_by, std::size_t cores);

} // namespace carillon::config
