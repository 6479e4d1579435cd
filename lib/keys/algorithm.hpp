#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace carillon::keys {

/// How a token is signed (RFC 7518 §3.1, RFC 8037 §3.1).
enum class algorithm : std::uint8_t { hs256, hs384, hs512, rs256, rs384, rs512, ps256, es256, es384, es512, eddsa };

inline constexpr std::size_t algorithms = static_cast<std::size_t>(algorithm::eddsa) + 1;

/// What a key is. Each algorithm takes keys of one kind only, so that no key can be taken for another: the bytes of a
/// public key never become a secret.
enum class key_kind : std::uint8_t { secret, rsa, p256, p384, p521, ed25519 };

/// By its name in a token's header or a JWK, case and all; empty for others.
std::optional<algorithm> algorithm_named(std::string_view name) noexcept;

std::string_view name_of(algorithm which) noexcept;
std::string_view name_of(key_kind kind) noexcept; ///< for sentences: "an RSA key"

key_kind kind_for(algorithm which) noexcept;

/// What a key of this kind signs with if nothing else is said.
algorithm usual_for(key_kind kind) noexcept;

/// OpenSSL's name of the hash; null for EdDSA, which has its own.
const char* digest_of(algorithm which) noexcept;

/// Bytes of each of the two numbers of an ECDSA signature (RFC 7518 §3.4), and of a coordinate of the curve; 0 for
/// kinds that have none.
std::size_t coordinate_bytes(key_kind kind) noexcept;

} // namespace carillon::keys
