#pragma once

#include "auth/claims.hpp"
#include "auth/error.hpp"
#include "base/result.hpp"
#include "keys/json.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace carillon::auth {

/// Whom a token must be for and from.
struct expected_claims {
    std::string audience;           ///< must be among `aud`; empty: not looked at
    std::string issuer;             ///< must be `iss`, letter by letter; empty: not looked at
    std::string user_claim = "sub"; ///< which claim names the user. Without "sub" the user is ""; another must be there
};

/// From the JSON text of a token's claims (RFC 7519 §4, client protocol §6.1 and §6.2) to values, with strict types: a
/// number in quotes is no number, `null` is as good as absent only for claims of the client protocol. Claims that
/// nobody here knows are passed over. Neither signature nor time is looked at. Not thread-safe.
class claims_reader {
public:
    claims_reader(std::size_t claims_bytes_max, expected_claims expected);

    result<connection_claims> read_connection(std::string_view text);
    result<subscription_claims> read_subscription(std::string_view text);

private:
    template <class Claims>
    result<Claims> read(std::string_view text);

    expected_claims expected_;
    keys::json_object checked_;
    simdjson::ondemand::parser parser_;
};

} // namespace carillon::auth
