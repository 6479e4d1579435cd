#pragma once

#include "keys/key.hpp"
#include "keys/mistake.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace carillon::keys {

/// Signs tokens, for trying out and for tests. Any thread.
class signer {
public:
    static or_mistake<signer> from_secret(std::string_view secret, std::string_view name);
    static or_mistake<signer> from_private_pem(std::string_view text, std::string_view name);
    /// One JWK with its private half, or a JWK Set, of which the first usable key signs.
    static or_mistake<signer> from_private_jwk(std::string_view text, std::string_view name);

    /// What the key says of itself, else HS256, RS256, ES* by the curve, EdDSA.
    algorithm usual() const noexcept { return only_ ? *only_ : usual_for(kind_); }
    bool fits(algorithm which) const noexcept { return kind_for(which) == kind_ && (!only_ || *only_ == which); }

    /// A token (RFC 7515 §3.1) of claims as JSON text, which is not looked at. The header names the algorithm and the
    /// key's `kid`. An algorithm that does not fit is a bug of the caller's.
    or_mistake<std::string> sign(algorithm which, std::string_view claims) const;

    /// The bytes of a signature of any text; empty if OpenSSL refuses.
    std::string signature(algorithm which, std::string_view text) const;

private:
    explicit signer(key_material from);

    key_kind kind_;
    std::string kid_;
    std::optional<algorithm> only_;
    owned_pkey pair_;
    hmac_key secret_;
};

/// What a token is to say, for `claims_text`. Empty texts are left out.
struct wanted_claims {
    std::string user{};
    std::string user_claim = "sub";
    std::string channel{}; ///< not empty: a token for a subscription
    std::string audience{};
    std::string issuer{};
    std::string info{}; ///< JSON text
    std::chrono::sys_seconds now{};
    std::optional<std::chrono::seconds> lifetime{}; ///< none: never expires
};

/// The claims as JSON text.
std::string claims_text(const wanted_claims& wanted);

} // namespace carillon::keys
