#include "auth/digest.hpp"

#include "base/check.hpp"

namespace carillon::auth {

digester::digester() : sha256_{EVP_MD_fetch(nullptr, "SHA256", nullptr)}, context_{EVP_MD_CTX_new()} {
    CHECK(sha256_ != nullptr && context_ != nullptr);
    CHECK(EVP_DigestInit_ex2(context_.get(), sha256_.get(), nullptr) == 1);
}

token_digest digester::operator()(std::string_view token) {
    token_digest digest;
    unsigned size = 0;
    // Without a hash named, the context goes on with the one it has, and its memory.
    CHECK(EVP_DigestInit_ex2(context_.get(), nullptr, nullptr) == 1);
    CHECK(EVP_DigestUpdate(context_.get(), token.data(), token.size()) == 1);
    CHECK(EVP_DigestFinal_ex(context_.get(), reinterpret_cast<unsigned char*>(digest.data()), &size) == 1);
    CHECK(size == digest.size());
    return digest;
}

} // namespace carillon::auth
