#pragma once

#include "hooks/answer.hpp"
#include "net/connection.hpp"
#include "protocol/codes.hpp"

#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace carillon::clients {

// What a host keeps beside the records, and only for those who need it.

/// A channel that is taken from everybody who had it: the push that says so.
struct farewell {
    std::string channel;
    protocol::unsubscription code{};
    std::string_view reason;
    std::vector<net::connection_key> whose;
};

/// The keys that were asked for have come, or they cannot be had just now.
struct keys_said {
    bool fresh = false;
};

/// What a command that waited is run again with.
using saying = std::variant<keys_said, hooks::answer>;

} // namespace carillon::clients
