#pragma once

#include "keys/base64.hpp"
#include "keys/key_set.hpp"
#include "keys/openssl.hpp"
#include "keys/signer.hpp"

#include <gtest/gtest.h>
#include <openssl/pem.h>

#include <memory>
#include <string>
#include <string_view>

namespace carillon::keys::test {

// The keys of the RFCs, with their private halves; the public halves are the same texts without "d".

/// RFC 7515 A.1
inline constexpr std::string_view rfc_secret =
    R"({"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"})";

/// RFC 7515 A.2
inline constexpr std::string_view rfc_rsa =
    R"({"kty":"RSA",
"n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZ)"
    R"(S-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2)"
    R"(R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcD)"
    R"(TW9gb54h4FRWyuXpoQ",
"e":"AQAB",
"d":"Eq5xpGnNCivDflJsRQBXHx1hdR1k6Ulwe2JZD50LpXyWPEAeP88vLNO97IjlA7_GQ5sLKMgvfTeXZx9SE-7YwVol2NXOoAJe46sui395IW_G)"
    R"(O-pWJ1O0BkTGoVEn2bKVRUCgu-GjBVaYLU6f3l9kJfFNS3E0QbVdxzubSu3Mkqzjkn439X0M_V51gfpRLI9JYanrC4D4qAdGcopV_0ZHHzQl)"
    R"(BjudU2QvXt4ehNYTCBr6XCLQUShb1juUO1ZdiYoFaFQT5Tw8bGUl_x_jTj3ccPDVZFD9pIuhLhBOneufuBiB4cS98l2SR_RQyGWSeWjnczT0)"
    R"(QU91p1DhOVRuOopznQ"})";

/// RFC 7515 A.3
inline constexpr std::string_view rfc_p256 =
    R"({"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
"y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0","d":"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"})";

/// RFC 7515 A.4
inline constexpr std::string_view rfc_p521 =
    R"({"kty":"EC","crv":"P-521",
"x":"AekpBQ8ST8a8VcfVOTNl353vSrDCLLJXmPk06wTjxrrjcBpXp5EOnYG_NjFZ6OvLFV1jSfS9tsz4qUxcWceqwQGk",
"y":"ADSmRA43Z1DSNx_RvcLI87cdL07l6jQyyBXMoxVg_l2Th-x3S1WDhjDly79ajL4Kkd0AZMaZmh9ubmf63e3kyMj2",
"d":"AY5pb7A0UFiB3RELSD64fTLOSV_jazdF7fLYyuTw8lOfRhWg6Y6rUrPAxerEzgdRhajnu0ferB0d53vM9mE15j2C"})";

/// RFC 8037 A.1
inline constexpr std::string_view rfc_ed25519 =
    R"({"kty":"OKP","crv":"Ed25519","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
"x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"})";

/// RFC 7517 A.1, without what stands for line breaks: an EC key for encryption and an RSA key with `alg` and `kid`.
inline constexpr std::string_view rfc_set =
    R"({"keys":[{"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
"y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM","use":"enc","kid":"1"},{"kty":"RSA",
"n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3)"
    R"(oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdA)"
    R"(ZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-)"
    R"(kEgU8awapJzKnqDKgw","e":"AQAB","alg":"RS256","kid":"2011-04-29"}]})";

/// A key made on the spot: "RSA" with bits, "EC" with the name of a curve, or the name of another kind.
inline owned_pkey made(const char* type, std::size_t bits) {
    return owned_pkey{EVP_PKEY_Q_keygen(nullptr, nullptr, type, bits)};
}
inline owned_pkey made(const char* type, const char* curve) {
    return owned_pkey{EVP_PKEY_Q_keygen(nullptr, nullptr, type, curve)};
}
inline owned_pkey made(const char* type) { return owned_pkey{EVP_PKEY_Q_keygen(nullptr, nullptr, type)}; }

using owned_bio = owned<BIO, BIO_free>;

inline std::string text_in(BIO* bio) {
    char* bytes = nullptr;
    const long size = BIO_get_mem_data(bio, &bytes);
    return {bytes, static_cast<std::size_t>(size)};
}

inline std::string public_pem(EVP_PKEY* pair) {
    const owned_bio bio{BIO_new(BIO_s_mem())};
    EXPECT_EQ(PEM_write_bio_PUBKEY(bio.get(), pair), 1);
    return text_in(bio.get());
}

inline std::string private_pem(EVP_PKEY* pair) {
    const owned_bio bio{BIO_new(BIO_s_mem())};
    EXPECT_EQ(PEM_write_bio_PrivateKey(bio.get(), pair, nullptr, nullptr, 0, nullptr, nullptr), 1);
    return text_in(bio.get());
}

inline signer signer_of(std::string_view jwk) {
    auto made_of = signer::from_private_jwk(jwk, "test.jwk");
    EXPECT_TRUE(made_of.has_value()) << made_of.error().sentence;
    return std::move(*made_of);
}

/// A JWK with more members.
inline std::string with(std::string_view jwk, std::string_view members) {
    return std::string{"{"}.append(members).append(",").append(jwk.substr(1));
}

inline key_set keys_of(std::initializer_list<std::string_view> jwks) {
    key_set keys;
    for (const std::string_view jwk : jwks) {
        const auto wrong = keys.add_jwks(jwk, "test.jwk", key_set::secrets::allowed);
        EXPECT_FALSE(wrong) << wrong->sentence;
    }
    return keys;
}

inline std::shared_ptr<const key_set> shared_keys_of(std::initializer_list<std::string_view> jwks) {
    return std::make_shared<const key_set>(keys_of(jwks));
}

/// A token with any header and any claims.
inline std::string token_of(const signer& by, algorithm which, std::string_view header, std::string_view claims) {
    const std::string text = to_base64url(header) + '.' + to_base64url(claims);
    return text + '.' + to_base64url(by.signature(which, text));
}

} // namespace carillon::keys::test
