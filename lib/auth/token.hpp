#pragma once

#include "auth/error.hpp"
#include "base/result.hpp"
#include "keys/algorithm.hpp"
#include "keys/json.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace carillon::auth {

/// A signed token (JWS compact serialization, RFC 7515 §7.1) taken apart and not believed yet.
struct token_parts {
    keys::algorithm signed_with;
    std::string_view kid;         ///< empty: none; valid until the reader's next call
    std::string_view signed_text; ///< of the token: what the signature is about
    std::string claims;           ///< bytes, any
    std::string signature;        ///< bytes, any
};

/// Takes tokens apart and refuses, before any key is asked, what no key could make good: `alg` none, unknown
/// algorithms, `crit`, `zip`, tokens in tokens. Members that tell us where to find a key (`jwk`, `jku`, `x5c`) are not
/// looked at: keys come from the operator only. Not thread-safe.
class token_reader {
public:
    explicit token_reader(std::size_t token_bytes_max);

    /// `token` may be of any length and hold any bytes.
    result<token_parts> read(std::string_view token);

private:
    result<void> read_header(std::string_view text, token_parts& into);

    std::size_t token_bytes_max_;
    keys::json_object header_;
};

} // namespace carillon::auth
