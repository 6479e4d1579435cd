#include "keys/keys.hpp"

#include <openssl/rsa.h>

#include <array>
#include <vector>

namespace carillon::auth::test {
namespace {

using namespace keys;
using namespace keys::test;

const std::string text = "signed";

std::string jwk_for(algorithm which) {
    switch (kind_for(which)) {
    case key_kind::secret: return std::string{rfc_secret};
    case key_kind::rsa: return std::string{rfc_rsa};
    case key_kind::p256: return std::string{rfc_p256};
    case key_kind::p521: return std::string{rfc_p521};
    case key_kind::ed25519: return std::string{rfc_ed25519};
    case key_kind::p384: break;
    }
    return {};
}

struct pair_of_keys {
    signer by;
    key_set keys;
};

pair_of_keys pair_for(algorithm which) {
    if (which != algorithm::es384) {
        const std::string jwk = jwk_for(which);
        return {signer_of(jwk), keys_of({jwk})};
    }
    const owned_pkey pair = made("EC", "P-384");
    pair_of_keys both{std::move(*signer::from_private_pem(private_pem(pair.get()), "k")), {}};
    EXPECT_FALSE(both.keys.add_pem(public_pem(pair.get()), "k"));
    return both;
}

TEST(signature, of_every_algorithm_is_good_for_its_text_alone) {
    for (std::size_t i = 0; i < algorithms; ++i) {
        const auto which = static_cast<algorithm>(i);
        SCOPED_TRACE(name_of(which));
        const pair_of_keys both = pair_for(which);
        const std::string signature = both.by.signature(which, text);
        ASSERT_FALSE(signature.empty());
        const key& by = *both.keys.find(which, "").at(0);
        EXPECT_TRUE(by.verify(which, text, signature));
        EXPECT_FALSE(by.verify(which, text + " ", signature));
        EXPECT_FALSE(by.verify(which, "", signature));
        for (std::size_t at = 0; at < signature.size(); ++at) {
            std::string wrong = signature;
            wrong[at] = static_cast<char>(wrong[at] ^ (1 << at % 8));
            ASSERT_FALSE(by.verify(which, text, wrong)) << at;
        }
        for (const std::string& wrong : {std::string{}, signature.substr(1), signature.substr(0, signature.size() - 1),
                                         signature + '\0', '\0' + signature, signature + signature,
                                         std::string(signature.size(), '\0'), std::string(signature.size(), '\xff')}) {
            EXPECT_FALSE(by.verify(which, text, wrong));
        }
    }
}

// RFC 8017 §8.1.2 and §8.2.2: as long as the modulus, also where it begins with zeros, as one of 256 does.
TEST(signature, of_rsa_is_as_long_as_the_modulus) {
    for (const algorithm which : {algorithm::rs256, algorithm::ps256}) {
        SCOPED_TRACE(name_of(which));
        const pair_of_keys both = pair_for(which);
        std::string signed_text, signature;
        for (int i = 0; i < 10000 && (signature.empty() || signature[0] != '\0'); ++i) {
            signed_text = text + std::to_string(i);
            signature = both.by.signature(which, signed_text);
        }
        ASSERT_EQ(signature[0], '\0');
        const key& by = *both.keys.find(which, "").at(0);
        EXPECT_TRUE(by.verify(which, signed_text, signature));
        EXPECT_FALSE(by.verify(which, signed_text, signature.substr(1)));
        EXPECT_FALSE(by.verify(which, signed_text, '\0' + signature));
    }
}

TEST(signature, no_algorithm_takes_the_signature_of_another) {
    for (std::size_t i = 0; i < algorithms; ++i) {
        const auto which = static_cast<algorithm>(i);
        const pair_of_keys both = pair_for(which);
        const std::string signature = both.by.signature(which, text);
        for (std::size_t j = 0; j < algorithms; ++j) {
            const auto other = static_cast<algorithm>(j);
            if (other == which || !both.by.fits(other)) continue;
            EXPECT_FALSE(both.keys.find(other, "").at(0)->verify(other, text, signature))
                << name_of(which) << " as " << name_of(other);
        }
    }
}

// What ECDSA must refuse whatever the text is: numbers that are 0 or not below the order (FIPS 186-5 §6.4.2).
TEST(signature, of_numbers_outside_of_the_group_is_refused) {
    const std::string order = *from_base64url("_____wAAAAD__________7zm-q2nF56E87nKwvxjJVE"); // of P-256
    const std::string one = std::string(31, '\0') + '\1';
    const std::string zero(32, '\0');
    const signer by = signer_of(rfc_p256);
    const key_set keys = keys_of({rfc_p256});
    const key& check = *keys.find(algorithm::es256, "").at(0);
    const std::string good = by.signature(algorithm::es256, text);
    const std::string r = good.substr(0, 32);
    const std::string s = good.substr(32);
    const std::vector<std::pair<const char*, std::string>> table{
        {"0, 0", zero + zero},
        {"0, 1", zero + one},
        {"1, 0", one + zero},
        {"1, 1", one + one},
        {"n, n", order + order},
        {"r, 0", r + zero},
        {"0, s", zero + s},
        {"r, n", r + order},
        {"n, s", order + s},
        {"s, r", s + r},
        {"-1, s", std::string(32, '\xff') + s},
        {"with a zero in front of each", '\0' + r + '\0' + s},
        {"the sizes of P-384", std::string(16, '\0') + r + std::string(16, '\0') + s},
    };
    for (const auto& [name, wrong] : table) EXPECT_FALSE(check.verify(algorithm::es256, text, wrong)) << name;
    EXPECT_TRUE(check.verify(algorithm::es256, text, r + s));
}

// In DER, as most libraries make it and no token may have it (RFC 7518 §3.4).
TEST(signature, of_ecdsa_in_der_is_refused) {
    const owned_pkey pair = made("EC", "P-256");
    key_set keys;
    ASSERT_FALSE(keys.add_pem(public_pem(pair.get()), "k"));
    const owned<EVP_MD_CTX, EVP_MD_CTX_free> context{EVP_MD_CTX_new()};
    ASSERT_EQ(EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, pair.get()), 1);
    std::string der(80, '\0');
    std::size_t size = der.size();
    ASSERT_EQ(EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(der.data()), &size,
                             reinterpret_cast<const unsigned char*>(text.data()), text.size()),
              1);
    der.resize(size);
    EXPECT_FALSE(keys.find(algorithm::es256, "").at(0)->verify(algorithm::es256, text, der));
}

std::string pss(EVP_PKEY* pair, int salt, const EVP_MD* hash, const EVP_MD* mask) {
    const owned<EVP_MD_CTX, EVP_MD_CTX_free> context{EVP_MD_CTX_new()};
    EVP_PKEY_CTX* details = nullptr;
    EXPECT_EQ(EVP_DigestSignInit(context.get(), &details, hash, nullptr, pair), 1);
    EXPECT_EQ(EVP_PKEY_CTX_set_rsa_padding(details, RSA_PKCS1_PSS_PADDING), 1);
    EXPECT_EQ(EVP_PKEY_CTX_set_rsa_pss_saltlen(details, salt), 1);
    EXPECT_EQ(EVP_PKEY_CTX_set_rsa_mgf1_md(details, mask), 1);
    std::string out(1024, '\0');
    std::size_t size = out.size();
    EXPECT_EQ(EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(out.data()), &size,
                             reinterpret_cast<const unsigned char*>(text.data()), text.size()),
              1);
    out.resize(size);
    return out;
}

TEST(signature, of_ps256_has_the_one_form_of_the_rfc) {
    const owned_pkey pair = made("RSA", 2048);
    key_set keys;
    ASSERT_FALSE(keys.add_pem(public_pem(pair.get()), "k"));
    const key& check = *keys.find(algorithm::ps256, "").at(0);
    const auto good = [&](int salt, const EVP_MD* hash, const EVP_MD* mask) {
        return check.verify(algorithm::ps256, text, pss(pair.get(), salt, hash, mask));
    };
    EXPECT_TRUE(good(32, EVP_sha256(), EVP_sha256()));
    EXPECT_FALSE(good(0, EVP_sha256(), EVP_sha256()));
    EXPECT_FALSE(good(20, EVP_sha256(), EVP_sha256()));
    EXPECT_FALSE(good(33, EVP_sha256(), EVP_sha256()));
    EXPECT_FALSE(good(32, EVP_sha256(), EVP_sha1()));
    EXPECT_FALSE(good(32, EVP_sha1(), EVP_sha1()));
    EXPECT_FALSE(good(32, EVP_sha512(), EVP_sha512()));
}

// S must be below the order (RFC 8032 §5.1.7); S plus the order would be a second signature of the same text.
TEST(signature, of_ed25519_has_no_second_form) {
    const std::array<unsigned, 32> order{0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7,
                                         0xa2, 0xde, 0xf9, 0xde, 0x14, 0,    0,    0,    0,    0,    0,
                                         0,    0,    0,    0,    0,    0,    0,    0,    0,    0x10};
    const signer by = signer_of(rfc_ed25519);
    std::string signature = by.signature(algorithm::eddsa, text);
    unsigned carry = 0;
    for (std::size_t i = 0; i < order.size(); ++i) {
        const unsigned sum = static_cast<unsigned char>(signature[32 + i]) + order[i] + carry;
        signature[32 + i] = static_cast<char>(sum & 0xff);
        carry = sum >> 8;
    }
    const key_set keys = keys_of({rfc_ed25519});
    EXPECT_FALSE(keys.find(algorithm::eddsa, "").at(0)->verify(algorithm::eddsa, text, signature));
}

} // namespace
} // namespace carillon::auth::test
