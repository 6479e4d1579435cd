#pragma once

#include "ledger/script.hpp"
#include "presence/registry.hpp"

#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace carillon::ledger {

/// Somebody in a channel.
using attendant = std::pair<presence::client_id, const presence::registry::member*>;

/// They are there, for attending_rules::ttl. Who was not is told of.
call entering(const names& in, std::string_view channel, std::span<const attendant> who, const attending_rules& how);
/// They are there no more.
call leaving(const names& in, std::string_view channel, std::span<const presence::client_id> who,
             const attending_rules& how);
/// Who is there, or how many are.
call attending(const names& in, std::string_view channel, bool listed, const attending_rules& how);
/// The answer to that. Empty: the server's makes no sense.
std::optional<bus::home_answer> attendance_of(std::span<const resp::node> answer);

} // namespace carillon::ledger
