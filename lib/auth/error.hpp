#pragma once

#include "base/result.hpp"

#include <boost/system/error_category.hpp>

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>

namespace carillon::auth {

/// Why a token is refused. Neither name nor sentence has a word of the token, so both may be logged and counted.
enum class error : std::uint8_t {
    oversize = 1,       ///< the token is longer than the limit
    malformed,          ///< the token is not three parts with dots between them
    encrypted,          ///< the token is encrypted (five parts, or an `enc` member)
    base64url,          ///< a part is not base64url without padding, in its one canonical form
    header_json,        ///< the header is not one JSON object
    header_duplicate,   ///< a member of the header occurs twice
    header_type,        ///< a member of the header has the wrong type, or `alg` is missing
    header_critical,    ///< the header asks for extensions (`crit`, `b64`), and there are none
    header_compressed,  ///< the token is compressed (`zip`)
    header_nested,      ///< the token holds another token (`cty`)
    algorithm_none,     ///< the token is not signed (`alg` none)
    algorithm_unknown,  ///< the algorithm is not one of ours
    key_unknown,        ///< no key has the token's `kid` and fits its algorithm
    signature,          ///< the signature is wrong
    claims_json,        ///< the claims are not one JSON object
    claim_duplicate,    ///< a claim, or a member inside of one, occurs twice
    claim_type,         ///< a claim has the wrong type
    claim_value,        ///< a claim has a value that cannot be
    user_missing,       ///< the claim that names the user is missing
    audience,           ///< the token is for another audience
    issuer,             ///< the token is from another issuer
    channel_unexpected, ///< a connection token names a channel: it is a subscription token
    channel_missing,    ///< a subscription token names no channel
    expired,            ///< the token has expired
    not_yet_valid,      ///< the token is not valid yet
};

/// For tables with a place for each error: one more than the greatest.
inline constexpr std::size_t errors_end = static_cast<std::size_t>(error::not_yet_valid) + 1;

/// The enumerator's own name, for labels of metrics.
std::string_view name_of(error why) noexcept;

const boost::system::error_category& error_category() noexcept;
error_code make_error_code(error why) noexcept;

/// A token that was good or will be: the client shall fetch another one (error 109). All other errors mean that this
/// token is not to be trusted at all (close 3500, or error 103 for a subscription).
bool is_expired(const error_code& why) noexcept;

} // namespace carillon::auth

template <>
struct boost::system::is_error_code_enum<carillon::auth::error> : std::true_type {};
