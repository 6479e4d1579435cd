#pragma once

#include "keys/key.hpp"
#include "keys/mistake.hpp"

#include <boost/container/static_vector.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace carillon::keys {

/// So many keys are tried for one token at most, since each try costs a signature check.
inline constexpr std::size_t keys_tried_max = 8;
inline constexpr std::size_t keys_max = 256; ///< of a set

/// The keys that tokens are checked with: several at once, so that they can be changed without an hour in which tokens
/// of one half of the world are refused. Filled first, then constant and used by any thread.
class key_set {
public:
    using candidates = boost::container::static_vector<const key*, keys_tried_max>;

    /// A secret for HS256, HS384 and HS512. Refused: an empty one, and what begins like PEM, since a public key that is
    /// taken for a secret lets everybody sign.
    std::optional<mistake> add_secret(std::string_view secret, std::string_view name, std::string_view kid = {});

    /// The public keys of a PEM text: RSA (RS*, PS256), EC (ES*), Ed25519 (EdDSA). They have no `kid`.
    std::optional<mistake> add_pem(std::string_view text, std::string_view name);

    /// Whether a JWK Set may have secrets: yes from a file, no from a URL that others can read.
    enum class secrets : std::uint8_t { allowed, refused };

    /// The keys of a JWK Set or a single JWK. Those that cannot be used are left out, with a remark; if none can be,
    /// that is a mistake. In all of these, `name` begins the sentence ("token.pem"), and after a mistake nothing was
    /// added.
    std::optional<mistake> add_jwks(std::string_view text, std::string_view name, secrets in_it);

    /// Those of another set, too, which share their memory. At most `keys_max` in all.
    std::optional<mistake> add(const key_set& others, std::string_view name);

    /// The keys that may have signed a token. Those with its `kid` come first, then those without one. A token without
    /// `kid` (empty) may be of any key that fits. At most `keys_tried_max`.
    candidates find(algorithm which, std::string_view kid) const;

    /// Whether some key has this `kid`. If none has, a set that comes from a URL may be out of date.
    bool knows(std::string_view kid) const noexcept;

    std::size_t size() const noexcept { return keys_.size(); }
    bool empty() const noexcept { return keys_.empty(); }

    /// Sentences for the log: keys left out, and secrets shorter than their algorithm asks for (RFC 7518 §3.2).
    const std::vector<std::string>& remarks() const noexcept { return remarks_; }

private:
    std::optional<mistake> add(std::vector<key_material> keys, std::string_view name);
    void remark_short_secret(const key_material& from, std::string_view name);

    std::vector<std::shared_ptr<const key>> keys_;
    std::vector<std::string> remarks_;
};

} // namespace carillon::keys
