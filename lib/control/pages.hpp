#pragma once

#include "control/routes.hpp"

#include <optional>
#include <string_view>

namespace carillon::control {

/// The bytes of a file of lib/control/pages; they live as long as the program.
std::optional<std::string_view> page_file(std::string_view name) noexcept;

/// The demo mailbox: `/` and what it needs.
void add_demo_page(route_table& routes);

} // namespace carillon::control
