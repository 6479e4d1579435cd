#pragma once

#include "peer/address.hpp"

#include <functional>
#include <string_view>

namespace carillon::session {

/// Somebody was refused, or disconnected through a fault of its own. The views are valid during the call.
struct refusal {
    int descriptor = -1;       ///< still open, to ask it for the peer's address
    unsigned code = 0;         ///< an HTTP status, or from 1000 on a close code; 0: it is told nothing
    std::string_view reason{}; ///< what the peer is told
    std::string_view detail{}; ///< what it had sent, as it sent it: an Origin, a path; may be empty
    peer::address whose{};     ///< not known: only the descriptor says
};

/// Is told of each, on the shard's thread. May be called very often.
using refusal_listener = std::function<void(const refusal&)>;

} // namespace carillon::session
