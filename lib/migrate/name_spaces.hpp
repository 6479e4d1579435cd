#pragma once

#include "migrate/options.hpp"
#include "migrate/writing.hpp"

#include <boost/json/object.hpp>

#include <optional>
#include <string>

namespace carillon::migrate {

/// Writes the table `[[namespace]]` for one of Centrifugo's; `name` is empty for channels without a namespace.
void write_name_space(const boost::json::object& from, const std::string& name, std::optional<std::int64_t> meta_ttl_s,
                      const writing& out);

} // namespace carillon::migrate
