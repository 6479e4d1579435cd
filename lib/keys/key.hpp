#pragma once

#include "keys/algorithm.hpp"
#include "keys/openssl.hpp"
#include "keys/pkey.hpp"

#include <array>
#include <optional>
#include <string>
#include <string_view>

namespace carillon::keys {

/// A secret as HMAC keys it: made once, copied for each signature. Constant, so any thread may use it.
class hmac_key {
public:
    hmac_key() = default;
    explicit hmac_key(std::string_view secret);

    /// The MAC of `text`, in 32, 48 or 64 bytes; empty if OpenSSL has no memory.
    std::string mac(algorithm which, std::string_view text) const;

private:
    static constexpr std::size_t hashes = 3; // hs256, hs384, hs512
    std::array<owned_mac, hashes> keyed_;
};

/// A key that checks signatures. Constant after it was made, so any thread may use it.
class key {
public:
    explicit key(key_material from);

    key_kind kind() const noexcept { return kind_; }
    const std::string& kid() const noexcept { return kid_; } ///< empty: none

    /// Whether it may check this algorithm: by its kind, and by its own `alg` if it has one.
    bool fits(algorithm which) const noexcept { return kind_for(which) == kind_ && (!only_ || *only_ == which); }

    /// Whether `signature` (its bytes) is of `text`. An algorithm that does not fit is a bug of the caller's.
    bool verify(algorithm which, std::string_view text, std::string_view signature) const;

private:
    key_kind kind_;
    std::string kid_;
    std::optional<algorithm> only_;
    owned_pkey pair_;
    hmac_key secret_;
};

} // namespace carillon::keys
