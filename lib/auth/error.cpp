#include "auth/error.hpp"

#include <string>

namespace carillon::auth {
namespace {

struct words {
    std::string_view name;
    const char* sentence;
};

words words_of(error why) noexcept {
    switch (why) {
    case error::oversize: return {"oversize", "the token is longer than the limit"};
    case error::malformed: return {"malformed", "the token is not three parts with dots between them"};
    case error::encrypted: return {"encrypted", "the token is encrypted"};
    case error::base64url: return {"base64url", "a part of the token is not canonical base64url"};
    case error::header_json: return {"header_json", "the token's header is not one JSON object"};
    case error::header_duplicate: return {"header_duplicate", "a member of the token's header occurs twice"};
    case error::header_type: return {"header_type", "a member of the token's header has the wrong type or is missing"};
    case error::header_critical: return {"header_critical", "the token's header asks for an extension"};
    case error::header_compressed: return {"header_compressed", "the token is compressed"};
    case error::header_nested: return {"header_nested", "the token holds another token"};
    case error::algorithm_none: return {"algorithm_none", "the token is not signed"};
    case error::algorithm_unknown: return {"algorithm_unknown", "the token's algorithm is not supported"};
    case error::key_unknown: return {"key_unknown", "there is no key for the token"};
    case error::signature: return {"signature", "the token's signature is wrong"};
    case error::claims_json: return {"claims_json", "the token's claims are not one JSON object"};
    case error::claim_duplicate: return {"claim_duplicate", "a claim of the token occurs twice"};
    case error::claim_type: return {"claim_type", "a claim of the token has the wrong type"};
    case error::claim_value: return {"claim_value", "a claim of the token has a value that cannot be"};
    case error::user_missing: return {"user_missing", "the token does not name its user"};
    case error::audience: return {"audience", "the token is for another audience"};
    case error::issuer: return {"issuer", "the token is from another issuer"};
    case error::channel_unexpected: return {"channel_unexpected", "a token for a connection names a channel"};
    case error::channel_missing: return {"channel_missing", "a token for a subscription names no channel"};
    case error::expired: return {"expired", "the token has expired"};
    case error::not_yet_valid: return {"not_yet_valid", "the token is not valid yet"};
    }
    return {"none", "not an error of carillon.auth"};
}

// The destructor of Boost's category is protected and not virtual, on purpose: categories are never deleted.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wnon-virtual-dtor"

class category final : public boost::system::error_category {
public:
    const char* name() const noexcept override { return "carillon.auth"; }
    std::string message(int value) const override { return words_of(static_cast<error>(value)).sentence; }
};

#pragma GCC diagnostic pop

} // namespace

std::string_view name_of(error why) noexcept { return words_of(why).name; }

const boost::system::error_category& error_category() noexcept {
    static const category instance;
    return instance;
}

error_code make_error_code(error why) noexcept { return {static_cast<int>(why), error_category()}; }

bool is_expired(const error_code& why) noexcept { return why == error::expired || why == error::not_yet_valid; }

} // namespace carillon::auth
