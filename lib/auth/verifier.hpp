#pragma once

#include "auth/claims.hpp"
#include "auth/claims_reader.hpp"
#include "auth/digest.hpp"
#include "auth/error.hpp"
#include "auth/remembered.hpp"
#include "auth/token.hpp"
#include "keys/key_set.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string_view>

namespace carillon::auth {

struct verifier_options {
    expected_claims expected{};
    std::chrono::seconds leeway{0};       ///< how far apart our clock and the issuer's may be, for `exp` and `nbf`
    std::size_t token_bytes_max = 16'384; ///< one token; longer ones are refused unread
    std::size_t remembered_bytes_max = 4 * 1024 * 1024; ///< of memory, for each of the two kinds; 0: none is remembered
};

/// How many tokens were refused for each error (the place is the enumerator's number).
using refusal_counts = std::array<std::uint64_t, errors_end>;

/// From a token to what it says, or why it is refused: signature, claims, time. Remembers the good ones. One for each
/// shard; the keys may be shared. Not thread-safe. Never logs.
///
/// Errors that `is_expired` mean a token that everything is right with but its time.
class verifier {
public:
    using keys_ptr = std::shared_ptr<const keys::key_set>;
    using connection = std::shared_ptr<const connection_claims>;
    using subscription = std::shared_ptr<const subscription_claims>;

    /// Without keys of their own (null), subscription tokens are checked with those of connections.
    verifier(verifier_options options, keys_ptr keys, keys_ptr subscription_keys = nullptr);

    /// From now on these keys. What was remembered is forgotten.
    void use(keys_ptr keys, keys_ptr subscription_keys = nullptr);

    /// A token of a `connect` or `refresh`. `key_unknown` says that no key fits: if the set comes from a URL, the time
    /// to fetch it anew, but not for each such token, since anybody can make them.
    result<connection> verify_connection(std::string_view token, std::chrono::sys_seconds now);

    /// A token of a `subscribe` or `sub_refresh`. Whether it is for this user, channel and client: `is_for`.
    result<subscription> verify_subscription(std::string_view token, std::chrono::sys_seconds now);

    const memory_counters& connection_memory() const noexcept { return connections_.counters(); }
    const memory_counters& subscription_memory() const noexcept { return subscriptions_.counters(); }
    const refusal_counts& refused() const noexcept { return refused_; }

private:
    template <class Claims>
    result<std::shared_ptr<const Claims>> verify(std::string_view token, std::chrono::sys_seconds now,
                                                 const keys::key_set& keys, remembered<Claims>& memory);
    template <class Claims>
    result<Claims> verify_anew(std::string_view token, std::chrono::sys_seconds now, const keys::key_set& keys);
    result<void> check_time(const common_claims& claims, std::chrono::sys_seconds now) const;

    verifier_options options_;
    keys_ptr keys_;
    keys_ptr subscription_keys_;
    token_reader tokens_;
    claims_reader claims_;
    digester digest_;
    remembered<connection_claims> connections_;
    remembered<subscription_claims> subscriptions_;
    refusal_counts refused_{};
};

} // namespace carillon::auth
