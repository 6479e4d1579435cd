#pragma once

#include "bus/broker.hpp"
#include "protocol/codes.hpp"

namespace carillon::clients {

/// What a client is told of what the bus has not done: that it may not have it, or that it can try again.
inline protocol::command_error error_of(const error_code& why) noexcept {
    return why == bus::error::denied ? protocol::command_error::permission_denied : protocol::command_error::internal;
}

} // namespace carillon::clients
