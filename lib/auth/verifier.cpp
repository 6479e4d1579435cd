#include "auth/verifier.hpp"

#include "base/check.hpp"

#include <type_traits>
#include <utility>

namespace carillon::auth {
namespace {

result<void> check_signature(const token_parts& parts, const keys::key_set& keys) {
    const keys::key_set::candidates candidates = keys.find(parts.signed_with, parts.kid);
    for (const keys::key* each : candidates) {
        if (each->verify(parts.signed_with, parts.signed_text, parts.signature)) return {};
    }
    // A key without a name may have been tried in vain, while the named one is not here yet.
    const bool named_one_is_missing = !parts.kid.empty() && !keys.knows(parts.kid);
    return candidates.empty() || named_one_is_missing ? error::key_unknown : error::signature;
}

} // namespace

verifier::verifier(verifier_options options, keys_ptr keys, keys_ptr subscription_keys)
    : options_{std::move(options)}, tokens_{options_.token_bytes_max}, claims_{options_.token_bytes_max,
                                                                               options_.expected},
      connections_{options_.remembered_bytes_max}, subscriptions_{options_.remembered_bytes_max} {
    use(std::move(keys), std::move(subscription_keys));
}

void verifier::use(keys_ptr keys, keys_ptr subscription_keys) {
    CHECK(keys != nullptr);
    keys_ = std::move(keys);
    subscription_keys_ = subscription_keys != nullptr ? std::move(subscription_keys) : keys_;
    connections_.clear();
    subscriptions_.clear();
}

result<verifier::connection> verifier::verify_connection(std::string_view token, std::chrono::sys_seconds now) {
    return verify(token, now, *keys_, connections_);
}

result<verifier::subscription> verifier::verify_subscription(std::string_view token, std::chrono::sys_seconds now) {
    return verify(token, now, *subscription_keys_, subscriptions_);
}

template <class Claims>
result<std::shared_ptr<const Claims>> verifier::verify(std::string_view token, std::chrono::sys_seconds now,
                                                       const keys::key_set& keys, remembered<Claims>& memory) {
    result<Claims> fresh = error::oversize;
    if (token.size() <= options_.token_bytes_max) { // so that not even the hash has work without a bound
        const token_digest digest = digest_(token);
        if (auto known = memory.find(digest, now)) return known;
        fresh = verify_anew<Claims>(token, now, keys);
        if (fresh) {
            auto claims = std::make_shared<const Claims>(std::move(*fresh));
            const auto until =
                claims->token_expires ? *claims->token_expires + options_.leeway : std::chrono::sys_seconds::max();
            memory.insert(digest, claims, until);
            return claims;
        }
    }
    ++refused_.at(static_cast<std::size_t>(fresh.error().value()));
    return fresh.error();
}

template <class Claims>
result<Claims> verifier::verify_anew(std::string_view token, std::chrono::sys_seconds now, const keys::key_set& keys) {
    const result<token_parts> parts = tokens_.read(token);
    if (!parts) return parts.error();
    if (const result<void> done = check_signature(*parts, keys); !done) return done.error();
    result<Claims> claims = [&] {
        if constexpr (std::is_same_v<Claims, connection_claims>)
            return claims_.read_connection(parts->claims);
        else
            return claims_.read_subscription(parts->claims);
    }();
    if (!claims) return claims.error();
    if (const result<void> done = check_time(*claims, now); !done) return done.error();
    return claims;
}

result<void> verifier::check_time(const common_claims& claims, std::chrono::sys_seconds now) const {
    if (claims.token_expires && now >= *claims.token_expires + options_.leeway) return error::expired;
    if (claims.token_begins && now + options_.leeway < *claims.token_begins) return error::not_yet_valid;
    return {};
}

} // namespace carillon::auth
