#pragma once

#include "protocol/reply.hpp"

#include <functional>
#include <string_view>

namespace carillon::protocol {

/// Reads a ClientInfo that append_client_info has made. The views are valid until this thread reads another one.
/// False: `json` is none.
bool read_client_info(std::string_view json, client_info& into);

/// Calls `visit(name, value)` for each member of a publication's tags, a JSON object of texts, as text. Whatever is no
/// text is left out.
void each_tag(std::string_view json, const std::function<void(std::string_view name, std::string_view value)>& visit);

} // namespace carillon::protocol
