#include "keys/pkey.hpp"

#include <openssl/core_names.h>

#include <array>

namespace carillon::keys {
namespace {

using owned_number = owned<BIGNUM, BN_free>;

or_mistake<key_kind> check_rsa(const EVP_PKEY* pair, std::string_view name) {
    const auto wrong = [&](const std::string& what) { return mistake{std::string{name} + ": " + what}; };
    const int bits = EVP_PKEY_get_bits(pair);
    if (bits < rsa_bits_min || bits > rsa_bits_max) {
        return wrong("the RSA key has " + std::to_string(bits) + " bits; it must have from " +
                     std::to_string(rsa_bits_min) + " to " + std::to_string(rsa_bits_max));
    }
    BIGNUM* raw = nullptr;
    EVP_PKEY_get_bn_param(pair, OSSL_PKEY_PARAM_RSA_E, &raw);
    const owned_number exponent{raw};
    if (exponent == nullptr || BN_is_odd(exponent.get()) == 0 || BN_is_one(exponent.get()) != 0 ||
        BN_num_bits(exponent.get()) > rsa_exponent_bits_max) {
        return wrong("the RSA key's exponent must be odd, more than 1 and of at most " +
                     std::to_string(rsa_exponent_bits_max) + " bits");
    }
    raw = nullptr;
    EVP_PKEY_get_bn_param(pair, OSSL_PKEY_PARAM_RSA_N, &raw);
    const owned_number modulus{raw};
    if (modulus == nullptr || BN_is_odd(modulus.get()) == 0) return wrong("the RSA key's modulus is even");
    return key_kind::rsa;
}

} // namespace

or_mistake<key_kind> kind_of(const EVP_PKEY* pair, std::string_view name) {
    const no_openssl_errors quiet;
    const auto wrong = [&](const std::string& what) { return mistake{std::string{name} + ": " + what}; };
    switch (EVP_PKEY_get_base_id(pair)) {
    case EVP_PKEY_RSA: return check_rsa(pair, name);
    case EVP_PKEY_RSA_PSS: return wrong("the RSA key is for PSS only; a plain RSA key serves RS256 and PS256");
    case EVP_PKEY_ED25519: return key_kind::ed25519;
    case EVP_PKEY_EC: {
        std::array<char, 64> group{};
        std::size_t size = 0;
        if (EVP_PKEY_get_group_name(pair, group.data(), group.size(), &size) != 1) {
            return wrong("the EC key is on a curve without a name");
        }
        const std::string_view curve{group.data(), size};
        if (curve == "prime256v1") return key_kind::p256;
        if (curve == "secp384r1") return key_kind::p384;
        if (curve == "secp521r1") return key_kind::p521;
        return wrong("the EC key is on the curve " + std::string{curve} + "; P-256, P-384 and P-521 are supported");
    }
    default: return wrong("the key is neither RSA nor EC nor Ed25519");
    }
}

} // namespace carillon::keys
