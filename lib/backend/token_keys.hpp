#pragma once

#include "config/settings.hpp"

#include <memory>
#include <optional>
#include <string>

namespace carillon::keys {
class key_set;
}

namespace carillon::backend {

/// What clients' tokens are checked with; null where there is no key. Constant, so all shards share it.
struct token_keys {
    std::shared_ptr<const keys::key_set> connections;
    std::shared_ptr<const keys::key_set> subscriptions; ///< null: those of connections
};

/// Reads the keys that the settings have and name. The complaint is one line, with the file's name and without a byte
/// of a key.
std::optional<std::string> read_token_keys(const config::settings& how, token_keys& into);

/// Says in the log what is odd about the keys, and if nobody can connect, what is missing.
void log_who_may_come(const config::settings& how, const token_keys& keys);

} // namespace carillon::backend
