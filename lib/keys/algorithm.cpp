#include "keys/algorithm.hpp"

#include "base/check.hpp"

#include <array>

namespace carillon::keys {
namespace {

struct row {
    std::string_view name;
    key_kind kind;
    const char* digest;
};

// In the order of the enum.
constexpr std::array<row, algorithms> rows{{
    {"HS256", key_kind::secret, "SHA256"},
    {"HS384", key_kind::secret, "SHA384"},
    {"HS512", key_kind::secret, "SHA512"},
    {"RS256", key_kind::rsa, "SHA256"},
    {"RS384", key_kind::rsa, "SHA384"},
    {"RS512", key_kind::rsa, "SHA512"},
    {"PS256", key_kind::rsa, "SHA256"},
    {"ES256", key_kind::p256, "SHA256"},
    {"ES384", key_kind::p384, "SHA384"},
    {"ES512", key_kind::p521, "SHA512"},
    {"EdDSA", key_kind::ed25519, nullptr},
}};

const row& row_of(algorithm which) noexcept {
    const auto at = static_cast<std::size_t>(which);
    CHECK(at < rows.size());
    return rows[at];
}

} // namespace

std::optional<algorithm> algorithm_named(std::string_view name) noexcept {
    for (std::size_t i = 0; i < rows.size(); ++i) {
        if (rows[i].name == name) return static_cast<algorithm>(i);
    }
    return std::nullopt;
}

std::string_view name_of(algorithm which) noexcept { return row_of(which).name; }

std::string_view name_of(key_kind kind) noexcept {
    switch (kind) {
    case key_kind::secret: return "a secret";
    case key_kind::rsa: return "an RSA key";
    case key_kind::p256: return "an EC key on P-256";
    case key_kind::p384: return "an EC key on P-384";
    case key_kind::p521: return "an EC key on P-521";
    case key_kind::ed25519: return "an Ed25519 key";
    }
    CHECK(false);
    return {};
}

key_kind kind_for(algorithm which) noexcept { return row_of(which).kind; }

algorithm usual_for(key_kind kind) noexcept {
    for (std::size_t i = 0; i < rows.size(); ++i) {
        if (rows[i].kind == kind) return static_cast<algorithm>(i);
    }
    CHECK(false);
    return {};
}

const char* digest_of(algorithm which) noexcept { return row_of(which).digest; }

std::size_t coordinate_bytes(key_kind kind) noexcept {
    switch (kind) {
    case key_kind::p256: return 32;
    case key_kind::p384: return 48;
    case key_kind::p521: return 66;
    case key_kind::secret:
    case key_kind::rsa:
    case key_kind::ed25519: return 0;
    }
    CHECK(false);
    return 0;
}

} // namespace carillon::keys
