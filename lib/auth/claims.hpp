#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace carillon::auth {

/// What a token carries along for others to read.
struct payload {
    /// JSON text as it stands in the token, without white space, so that it has no line break; or, from a `b64` claim,
    /// any bytes.
    std::string bytes;
    bool any_bytes = false; ///< from a `b64` claim: not known to be JSON
};

/// What a token says about a subscription in place of the channel's own options; empty: nothing.
struct overrides {
    std::optional<bool> presence;
    std::optional<bool> join_leave;
    std::optional<bool> force_push_join_leave;
    std::optional<bool> force_positioning;
    std::optional<bool> force_recovery;
};

/// A channel that the server subscribes the client to as it connects.
struct granted_subscription {
    std::string channel;
    std::optional<payload> info;
    std::optional<payload> data;
    overrides over;
};

/// What both kinds of tokens say.
struct common_claims {
    std::string user;                                      ///< empty: anonymous
    std::optional<std::chrono::sys_seconds> token_expires; ///< `exp`: no longer good from then on, plus the leeway
    std::optional<std::chrono::sys_seconds> token_begins;  ///< `nbf`
    /// When what was permitted ends: `expire_at` if the token has it (0 there: never), else `exp`. Empty: never. May
    /// have passed already.
    std::optional<std::chrono::sys_seconds> expires;
    std::optional<payload> info; ///< the client's (connection) or the subscription's
};

/// A token that lets a client connect (client protocol §6.1).
struct connection_claims : common_claims {
    std::vector<granted_subscription> subscriptions; ///< of `subs`, or else of `channels`; each channel once
    std::string meta;                                ///< JSON object for the application, never for clients; or empty
};

/// A token that lets a client subscribe to one channel (client protocol §6.2).
struct subscription_claims : common_claims {
    std::string channel; ///< not empty
    std::string client;  ///< the one client ID that it is for; empty: any
    std::optional<payload> data;
    overrides over;

    /// Whether it is for this subscription. If not, the client gets 3500.
    bool is_for(std::string_view wanted_user, std::string_view wanted_channel, std::string_view wanted_client) const {
        return user == wanted_user && channel == wanted_channel && (client.empty() || client == wanted_client);
    }
};

/// Bytes that the claims take in memory, with themselves.
std::size_t memory_bytes(const connection_claims& claims) noexcept;
std::size_t memory_bytes(const subscription_claims& claims) noexcept;

} // namespace carillon::auth
