#pragma once

#include "api/reply.hpp"

#include <simdjson.h>

namespace carillon::nodes {

/// What api::append_reply has written, as far as nodes answer it: done, info, channels, connections or an error. What
/// is missing or of another kind stays as it is: another version may leave it out.
api::reply read_reply(simdjson::ondemand::object& from);

} // namespace carillon::nodes
