#pragma once

#include "outward/connection.hpp"
#include "outward/request.hpp"

#include <string>

namespace carillon::outward {

/// The request as it is sent. Fields that cannot be in a head, or that are about the connection and so the room's own
/// (Host, Content-Length, Transfer-Encoding, Connection and their like), are left out.
http_message make_message(const std::string& target, const std::string& authority, request what);

/// Whether a field with this name is passed on.
bool may_be_sent(std::string_view name) noexcept;

} // namespace carillon::outward
