#pragma once

#include "config/settings.hpp"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace carillon::config {

/// The options that a running program takes from a configuration that is read anew, by key; and `namespace`, which
/// stands for all of those tables. All others need a restart.
std::span<const std::string_view> reloadable();

/// What has changed, sorted by what becomes of it.
struct changes {
    std::vector<std::string> at_once;       ///< keys
    std::vector<std::string> after_restart; ///< keys; `proxy` stands for all of those tables
};

/// What is different in `wanted`. Two settings of the same program.
changes changes_between(const settings& now, const settings& wanted);

/// `now`, with everything that can change at once as it is in `wanted`.
settings with_reloadable(const settings& now, const settings& wanted);

} // namespace carillon::config
