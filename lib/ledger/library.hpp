#pragma once

#include "channels/name_space.hpp"

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace carillon::ledger {

/// What a library of functions needs to know.
struct library_rules {
    std::string prefix = "carillon"; ///< of the names of what is kept
    std::vector<channels::name_space> namespaces{};
    std::size_t channel_bytes_max = 255;
    std::size_t payload_bytes_max = 65'536;
    std::chrono::seconds key_ttl{300};
};

/// The function that a program with no more than a Redis client publishes with as a gateway does: numbered, kept and
/// sent out in one step. For the default prefix
///
///     FCALL carillon_publish 1 CHANNEL DATA [TAG name value ...] [IDEMPOTENCY_KEY key]
///         [VERSION number] [VERSION_EPOCH epoch] [SKIP_HISTORY]
///
/// The answer is that of the script (published_of): offset, epoch, how many gateways heard it, and 1 if it had been
/// published before. The library has the names of the prefix, and the rules of `how`; it is the text of a
/// FUNCTION LOAD (Redis 7, Valkey).
std::string library_of(const library_rules& how);

/// The name of that function: letters, digits and "_" are all that there may be in one.
std::string function_name(std::string_view prefix);

} // namespace carillon::ledger
