#include "keys/key.hpp"

#include "base/check.hpp"

#include <openssl/core_names.h>
#include <openssl/params.h>
#include <openssl/rsa.h>

namespace carillon::keys {
namespace {

using owned_mac_algorithm = owned<EVP_MAC, EVP_MAC_free>;
using owned_md_context = owned<EVP_MD_CTX, EVP_MD_CTX_free>;
using owned_ecdsa = owned<ECDSA_SIG, ECDSA_SIG_free>;

const unsigned char* raw(std::string_view bytes) { return reinterpret_cast<const unsigned char*>(bytes.data()); }

static_assert(static_cast<int>(algorithm::hs256) == 0 && static_cast<int>(algorithm::hs512) == 2);

// The two numbers of an ECDSA signature stand side by side in a token, each as long as the curve's coordinates (RFC
// 7518 §3.4); OpenSSL wants them in DER. Empty if the size is another.
std::string der_of(std::string_view signature, std::size_t coordinate) {
    if (signature.size() != 2 * coordinate) return {};
    const int size = static_cast<int>(coordinate);
    const owned_ecdsa numbers{ECDSA_SIG_new()};
    if (numbers == nullptr) return {};
    ECDSA_SIG_set0(numbers.get(), BN_bin2bn(raw(signature), size, nullptr),
                   BN_bin2bn(raw(signature.substr(coordinate)), size, nullptr));
    std::string der(static_cast<std::size_t>(i2d_ECDSA_SIG(numbers.get(), nullptr)), '\0');
    auto* out = reinterpret_cast<unsigned char*>(der.data());
    i2d_ECDSA_SIG(numbers.get(), &out);
    return der;
}

bool verify_pair(EVP_PKEY* pair, algorithm which, std::string_view text, std::string_view signature) {
    const owned_md_context context{EVP_MD_CTX_new()};
    EVP_PKEY_CTX* details = nullptr; // the context's
    if (context == nullptr ||
        EVP_DigestVerifyInit_ex(context.get(), &details, digest_of(which), nullptr, nullptr, pair, nullptr) != 1) {
        return false;
    }
    // RFC 7518 §3.5: the salt is as long as the hash, and the mask is made with the same hash, which is the default.
    if (which == algorithm::ps256 && (EVP_PKEY_CTX_set_rsa_padding(details, RSA_PKCS1_PSS_PADDING) != 1 ||
                                      EVP_PKEY_CTX_set_rsa_pss_saltlen(details, RSA_PSS_SALTLEN_DIGEST) != 1)) {
        return false;
    }
    return EVP_DigestVerify(context.get(), raw(signature), signature.size(), raw(text), text.size()) == 1;
}

} // namespace

hmac_key::hmac_key(std::string_view secret) {
    const owned_mac_algorithm hmac{EVP_MAC_fetch(nullptr, "HMAC", nullptr)};
    CHECK(hmac != nullptr);
    for (std::size_t i = 0; i < keyed_.size(); ++i) {
        std::string digest = digest_of(static_cast<algorithm>(i));
        const std::array params{OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest.data(), digest.size()),
                                OSSL_PARAM_construct_end()};
        keyed_[i].reset(EVP_MAC_CTX_new(hmac.get()));
        CHECK(EVP_MAC_init(keyed_[i].get(), raw(secret), secret.size(), params.data()) == 1);
    }
}

std::string hmac_key::mac(algorithm which, std::string_view text) const {
    const auto& keyed = keyed_.at(static_cast<std::size_t>(which));
    const owned_mac context{EVP_MAC_CTX_dup(keyed.get())};
    std::string out(EVP_MAX_MD_SIZE, '\0');
    std::size_t size = 0;
    if (context == nullptr || EVP_MAC_update(context.get(), raw(text), text.size()) != 1 ||
        EVP_MAC_final(context.get(), reinterpret_cast<unsigned char*>(out.data()), &size, out.size()) != 1) {
        size = 0;
    }
    out.resize(size);
    return out;
}

key::key(key_material from)
    : kind_{from.kind}, kid_{std::move(from.kid)}, only_{from.only}, pair_{std::move(from.pair)},
      secret_{kind_ == key_kind::secret ? hmac_key{from.secret.bytes()} : hmac_key{}} {
    CHECK((pair_ != nullptr) == (kind_ != key_kind::secret));
}

bool key::verify(algorithm which, std::string_view text, std::string_view signature) const {
    CHECK(fits(which));
    const no_openssl_errors quiet;
    switch (kind_) {
    case key_kind::secret: {
        const std::string mac = secret_.mac(which, text);
        return !mac.empty() && mac.size() == signature.size() &&
               CRYPTO_memcmp(mac.data(), signature.data(), mac.size()) == 0;
    }
    case key_kind::p256:
    case key_kind::p384:
    case key_kind::p521: {
        const std::string der = der_of(signature, coordinate_bytes(kind_));
        return !der.empty() && verify_pair(pair_.get(), which, text, der);
    }
    case key_kind::rsa:
        // RFC 8017 §8.1.2 and §8.2.2, step 1. OpenSSL takes a PSS signature without its leading zeros, too.
        if (signature.size() != static_cast<std::size_t>(EVP_PKEY_get_size(pair_.get()))) return false;
        return verify_pair(pair_.get(), which, text, signature);
    case key_kind::ed25519: return verify_pair(pair_.get(), which, text, signature);
    }
    CHECK(false);
    return false;
}

} // namespace carillon::keys
