#pragma once

#include "keys/openssl.hpp"

#include <array>
#include <cstddef>
#include <string_view>

namespace carillon::auth {

/// SHA-256 of a token, by which it is remembered: whoever reads our memory finds no token there.
using token_digest = std::array<std::byte, 32>;

/// Makes them, with nothing allocated for each. Not thread-safe.
class digester {
public:
    digester();
    token_digest operator()(std::string_view token);

private:
    keys::owned<EVP_MD, EVP_MD_free> sha256_;
    keys::owned<EVP_MD_CTX, EVP_MD_CTX_free> context_;
};

} // namespace carillon::auth
