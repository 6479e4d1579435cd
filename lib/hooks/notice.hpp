#pragma once

#include "hooks/event.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace carillon::hooks {

/// What has happened: what the event has of these.
struct notice {
    event about = event::connected;
    std::string_view client{}; ///< its ID
    std::string_view user{};
    std::string_view channel{}; ///< occupied, vacated
    std::uint16_t code = 0;     ///< disconnected: of the Close frame; 1006: there was none
    std::string_view reason{};  ///< the same
};

/// The event as one JSON object.
std::string text_of(const notice& what, std::chrono::milliseconds since_1970);
/// The same of an event of the process: "started" or "draining".
std::string text_of(std::string_view what, std::chrono::milliseconds since_1970);

} // namespace carillon::hooks
