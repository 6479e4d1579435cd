#pragma once

#include "migrate/migration.hpp"

#include <boost/json/object.hpp>

#include <string_view>

namespace carillon::migrate {

/// What a configuration of Centrifugo, v5 or v6, is here. The keys that it holds become files, which the options name
/// with `folder` before them: "" or "there/".
migration from_centrifugo(const boost::json::object& configuration, std::string_view folder);

} // namespace carillon::migrate
