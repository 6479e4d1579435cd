#pragma once

#include "hooks/event.hpp"

#include <string>
#include <string_view>

namespace carillon::hooks {

/// What the application is told (client protocol §9). Texts are any UTF-8; `meta` and `data` are JSON, or empty.
/// `bytes` take the place of `data` that is not JSON.
struct question {
    event about = event::connect;
    std::string_view client{}; ///< its ID
    std::string_view user{};
    std::string_view channel{};
    std::string_view token{};
    std::string_view method{};
    std::string_view name{};    ///< of the client's program
    std::string_view version{}; ///< of the same
    std::string_view meta{};
    std::string_view data{};
    std::string_view bytes{};
    std::string_view transport = "websocket";
    bool protobuf = false; ///< what the client speaks; else JSON
};

/// The body of the request: one JSON object. Members that are empty are left out, but for the user of whoever has
/// connected: that may be the anonymous one.
std::string body_of(const question& what);

} // namespace carillon::hooks
