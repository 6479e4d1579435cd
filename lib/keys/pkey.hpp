#pragma once

#include "keys/algorithm.hpp"
#include "keys/mistake.hpp"
#include "keys/openssl.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace carillon::keys {

inline constexpr int rsa_bits_min = 2048; ///< RFC 7518 §3.3
/// More makes a check slower than its turn allows, and no token safer.
inline constexpr int rsa_bits_max = 8192;
inline constexpr int rsa_exponent_bits_max = 64; ///< the usual 65537 has 17; the time of a check grows with them

/// One half of a pair of keys, or a secret, of a kind that we can use, with what a JWK says of it (RFC 7517 §4).
struct key_material {
    key_kind kind = key_kind::secret;
    owned_pkey pair; ///< null for a secret
    wiped secret;
    std::string kid;               ///< empty: none
    std::optional<algorithm> only; ///< the one algorithm that the key is for, if it says so
};

enum class half : std::uint8_t { open, secret }; ///< of a pair: what checks, what signs

/// What a key of OpenSSL's is, if it is one that we use: RSA from 2,048 to 8,192 bits, EC on P-256, P-384 or P-521,
/// Ed25519. `name` begins the sentence.
or_mistake<key_kind> kind_of(const EVP_PKEY* pair, std::string_view name);

/// The public keys of a PEM text (RFC 7468), one or several.
or_mistake<std::vector<key_material>> read_public_pem(std::string_view text, std::string_view name);

/// The one private key of a PEM text, which must not be encrypted.
or_mistake<key_material> read_private_pem(std::string_view text, std::string_view name);

struct jwk_set {
    std::vector<key_material> keys;
    std::vector<std::string> remarks; ///< one sentence for each key that was left out (RFC 7517 §5)
};

/// The keys of a JWK Set, or one JWK (RFC 7517, 7518 §6, 8037 §2). `half::open` takes the public half of what is there;
/// secrets count as both. A set of which nothing can be used is a mistake.
or_mistake<jwk_set> read_jwks(std::string_view text, std::string_view name, half wanted);

} // namespace carillon::keys
