#pragma once

#include <string>
#include <string_view>

namespace carillon::protocol {

/// Commands that come by a request of their own (protocol §7.3).
struct emulation_request {
    std::string node{};
    std::string session{};
    std::string data{}; ///< what would be one message of a WebSocket
};

/// From JSON. False: `body` is no such request.
bool read_emulation(std::string_view body, emulation_request& into);

} // namespace carillon::protocol
