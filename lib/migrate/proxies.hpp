#pragma once

#include "migrate/options.hpp"
#include "migrate/writing.hpp"

#include <boost/json/object.hpp>

#include <string>
#include <utility>
#include <vector>

namespace carillon::migrate {

/// A namespace of Centrifugo's and its name; empty: the channels without one.
using named_options = std::vector<std::pair<std::string, const boost::json::object*>>;

/// Writes the tables `[[proxy]]` for all that the application is asked about there.
void write_proxies(old_options& from, const named_options& name_spaces, const writing& out);

} // namespace carillon::migrate
