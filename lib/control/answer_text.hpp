#pragma once

#include "control/routes.hpp"

#include <array>
#include <cstdint>
#include <string>

namespace carillon::control {

/// What an answer takes from the request.
struct answer_form {
    unsigned version = 11;  ///< of HTTP/1, as Beast says it: 10 or 11
    bool head_only = false; ///< the answer to HEAD: the length of the body, and no body
    bool keep_alive = true; ///< others may follow on this connection
};

/// Writes answers as HTTP/1 (RFC 9112), one behind the other. Not Beast's serializer: it goes through eight kinds of
/// buffers for each answer, and each answer would be a write of its own.
class answer_writer {
public:
    /// At this time, which the answer's Date tells.
    void append(std::string& out, const response& what, answer_form form, std::int64_t unix_time_s);

private:
    std::int64_t date_of_ = -1;
    std::array<char, 29> date_{}; // of that second
};

} // namespace carillon::control
