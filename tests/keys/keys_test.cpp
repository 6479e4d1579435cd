#include "keys/keys.hpp"

#include <openssl/core_names.h>

#include <functional>
#include <vector>

namespace carillon::keys::test {
namespace {

struct bad_pem {
    const char* name;
    std::function<std::string()> text;
    std::string expected;
};

TEST(keys, pem_texts_that_are_no_use_are_refused_in_words) {
    const std::vector<bad_pem> table{
        {"nothing", [] { return std::string{}; }, "k.pem: has no public key in PEM"},
        {"something else", [] { return std::string{"secret"}; }, "k.pem: has no public key in PEM"},
        {"RSA of 1024 bits", [] { return public_pem(made("RSA", 1024).get()); },
         "k.pem: the RSA key has 1024 bits; it must have from 2048 to 8192"},
        {"RSA of 2047 bits", [] { return public_pem(made("RSA", 2047).get()); },
         "k.pem: the RSA key has 2047 bits; it must have from 2048 to 8192"},
        {"another curve", [] { return public_pem(made("EC", "secp256k1").get()); },
         "k.pem: the EC key is on the curve secp256k1; P-256, P-384 and P-521 are supported"},
        {"a weak curve", [] { return public_pem(made("EC", "prime192v1").get()); },
         "k.pem: the EC key is on the curve prime192v1; P-256, P-384 and P-521 are supported"},
        {"Ed448", [] { return public_pem(made("ED448").get()); }, "k.pem: the key is neither RSA nor EC nor Ed25519"},
        {"X25519", [] { return public_pem(made("X25519").get()); }, "k.pem: the key is neither RSA nor EC nor Ed25519"},
        {"a private key", [] { return private_pem(made("ED25519").get()); },
         "k.pem: is a private key, which checks nothing and does not belong here; put its public half"},
        {"a certificate", [] { return std::string{"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"}; },
         "k.pem: is a certificate; `openssl x509 -pubkey -noout` prints its public key"},
        {"parameters", [] { return std::string{"-----BEGIN EC PARAMETERS-----\nAAAA\n-----END EC PARAMETERS-----\n"}; },
         "k.pem: has something else than public keys"},
        {"no key inside", [] { return std::string{"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"}; },
         "k.pem: has a public key that cannot be read"},
        {"the second of two is bad",
         [] { return public_pem(made("ED25519").get()) + public_pem(made("RSA", 1024).get()); },
         "k.pem: the RSA key has 1024 bits; it must have from 2048 to 8192"},
    };
    for (const bad_pem& each : table) {
        SCOPED_TRACE(each.name);
        key_set keys;
        const auto wrong = keys.add_pem(each.text(), "k.pem");
        ASSERT_TRUE(wrong.has_value());
        EXPECT_EQ(wrong->sentence, each.expected);
        EXPECT_TRUE(keys.empty());
    }
}

TEST(keys, a_pem_text_may_hold_several_keys_of_all_kinds) {
    std::string text = "a comment\n";
    for (const char* curve : {"P-256", "P-384", "P-521"}) text += public_pem(made("EC", curve).get());
    text += public_pem(made("ED25519").get()) + "\n" + public_pem(made("RSA", 2048).get());
    key_set keys;
    EXPECT_FALSE(keys.add_pem(text, "k.pem"));
    EXPECT_EQ(keys.size(), 5u);
    for (const algorithm which : {algorithm::es256, algorithm::es384, algorithm::es512, algorithm::eddsa,
                                  algorithm::rs256, algorithm::rs384, algorithm::rs512, algorithm::ps256}) {
        EXPECT_EQ(keys.find(which, "").size(), 1u) << name_of(which);
    }
    EXPECT_EQ(keys.find(algorithm::hs256, "").size(), 0u);
}

TEST(keys, the_older_pem_form_of_rsa_keys_is_read) {
    const owned_pkey pair = made("RSA", 2048);
    unsigned char* bytes = nullptr;
    const int size = i2d_PublicKey(pair.get(), &bytes);
    const owned_bio bio{BIO_new(BIO_s_mem())};
    PEM_write_bio(bio.get(), "RSA PUBLIC KEY", "", bytes, size);
    OPENSSL_free(bytes);
    key_set keys;
    EXPECT_FALSE(keys.add_pem(text_in(bio.get()), "k.pem"));
    EXPECT_EQ(keys.find(algorithm::rs256, "").size(), 1u);
}

struct bad_jwk {
    const char* name;
    std::string text;
    std::string expected;
};

TEST(keys, jwks_that_are_no_use_are_refused_in_words) {
    const std::string x = R"("x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU")";
    const std::string y = R"("y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0")";
    const std::string p256 = R"({"kty":"EC","crv":"P-256",)";
    const std::vector<bad_jwk> table{
        {"nothing", "", "k.jwk: is not one JSON object"},
        {"no JSON", "{", "k.jwk: is not one JSON object"},
        {"bytes behind it", R"({"kty":"oct","k":"AAAA"} x)", "k.jwk: is not one JSON object"},
        {"a list", R"([{"kty":"oct","k":"AAAA"}])", "k.jwk: is not one JSON object"},
        {"no keys", R"({"keys":[]})", "k.jwk: has no keys"},
        {"keys that are no list", R"({"keys":{}})", "k.jwk: has keys that are not a list"},
        {"a key that is no object", R"({"keys":[1]})", "k.jwk: key 1 is no object"},
        {"a member twice", R"({"kty":"oct","k":"AAAA","k":"BBBB"})", "k.jwk: key 1 has a member twice"},
        {"no type", R"({"k":"AAAA"})", "k.jwk: key 1 has no type (kty)"},
        {"a type that is no text", R"({"kty":1,"k":"AAAA"})", "k.jwk: key 1 has no type (kty)"},
        {"an unknown type", R"({"kty":"AKP","k":"AAAA"})", "k.jwk: key 1 is of a type that is not supported (kty)"},
        {"for encryption", R"({"kty":"oct","k":"AAAA","use":"enc"})", "k.jwk: key 1 is not for signatures (use)"},
        {"for signing only", R"({"kty":"oct","k":"AAAA","key_ops":["sign"]})",
         "k.jwk: key 1 is not for this operation (key_ops)"},
        {"an unknown algorithm", R"({"kty":"oct","k":"AAAA","alg":"A128KW"})",
         "k.jwk: key 1 is for an algorithm that is not supported (alg)"},
        {"alg none", R"({"kty":"oct","k":"AAAA","alg":"none"})",
         "k.jwk: key 1 is for an algorithm that is not supported (alg)"},
        {"a secret for ES256", R"({"kty":"oct","k":"AAAA","alg":"ES256"})",
         "k.jwk: key 1 is of another type than its algorithm (alg)"},
        {"P-256 for ES512", with(rfc_p256, R"("alg":"ES512")"),
         "k.jwk: key 1 is of another type than its algorithm (alg)"},
        {"RSA for HS256", with(rfc_rsa, R"("alg":"HS256")"),
         "k.jwk: key 1 is of another type than its algorithm (alg)"},
        {"an empty secret", R"({"kty":"oct","k":""})", "k.jwk: key 1 has no secret (k) in base64url"},
        {"a padded secret", R"({"kty":"oct","k":"AA=="})", "k.jwk: key 1 has no secret (k) in base64url"},
        {"a kid that is no text", R"({"kty":"oct","k":"AAAA","kid":1})",
         "k.jwk: key 1 has a name that is no text or too long (kid)"},
        {"a kid of 257 bytes", R"({"kty":"oct","k":"AAAA","kid":")" + std::string(257, 'k') + R"("})",
         "k.jwk: key 1 has a name that is no text or too long (kid)"},
        {"a point without y", p256 + x + "}", "k.jwk: key 1 has numbers that are no EC key"},
        {"a point off the curve", p256 + x + R"(,"y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a1")" + "}",
         "k.jwk: key 1 has numbers that are no EC key"},
        {"a short coordinate", p256 + R"("x":"zc4ncPbEXUGDy-5v20t7WAczNXvp7xO6z248e9FURQ",)" + y + "}",
         "k.jwk: key 1 has numbers that are no EC key"},
        {"a point of P-256 on P-384", R"({"kty":"EC","crv":"P-384",)" + x + "," + y + "}",
         "k.jwk: key 1 has numbers that are no EC key"},
        {"another curve", R"({"kty":"EC","crv":"secp256k1",)" + x + "," + y + "}",
         "k.jwk: key 1 has numbers that are no EC key"},
        {"X25519", R"({"kty":"OKP","crv":"X25519","x":"3p7bfXt9wbTTW2HC7OQ1Nz-DQ8hbeGdNrfx-FG-IK08"})",
         "k.jwk: key 1 has numbers that are no OKP key"},
        {"Ed25519 of 31 bytes", R"({"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHUQ"})",
         "k.jwk: key 1 has numbers that are no OKP key"},
        {"RSA without an exponent", R"({"kty":"RSA","n":"AQAB"})", "k.jwk: key 1 has numbers that are no RSA key"},
        {"RSA of 1024 bits", R"({"kty":"RSA","e":"AQAB","n":")" + to_base64url(std::string(128, '\xff')) + "\"}",
         "k.jwk: key 1 is not usable: the RSA key has 1024 bits; it must have from 2048 to 8192"},
        {"RSA of 8193 bits",
         R"({"kty":"RSA","e":"AQAB","n":")" + to_base64url(std::string{"\x01"}.append(1024, '\xff')) + "\"}",
         "k.jwk: key 1 is not usable: the RSA key has 8193 bits; it must have from 2048 to 8192"},
        {"RSA of 8209 bits", R"({"kty":"RSA","e":"AQAB","n":")" + to_base64url(std::string(1026, '\xff')) + "\"}",
         "k.jwk: key 1 has numbers that are no RSA key"},
        {"RSA with the exponent 1", R"({"kty":"RSA","e":"AQ","n":")" + to_base64url(std::string(256, '\xff')) + "\"}",
         "k.jwk: key 1 is not usable: the RSA key's exponent must be odd, more than 1 and of at most 64 bits"},
        {"RSA with an even exponent", R"({"kty":"RSA","e":"Ag","n":")" + to_base64url(std::string(256, '\xff')) + "\"}",
         "k.jwk: key 1 is not usable: the RSA key's exponent must be odd, more than 1 and of at most 64 bits"},
        {"RSA with an exponent of 65 bits",
         R"({"kty":"RSA","e":"AQAAAAAAAAAB","n":")" + to_base64url(std::string(256, '\xff')) + "\"}",
         "k.jwk: key 1 is not usable: the RSA key's exponent must be odd, more than 1 and of at most 64 bits"},
        {"RSA with an even modulus",
         R"({"kty":"RSA","e":"AQAB","n":")" + to_base64url(std::string(256, '\xfe')) + "\"}",
         "k.jwk: key 1 is not usable: the RSA key's modulus is even"},
    };
    for (const bad_jwk& each : table) {
        SCOPED_TRACE(each.name);
        key_set keys;
        const auto wrong = keys.add_jwks(each.text, "k.jwk", key_set::secrets::allowed);
        ASSERT_TRUE(wrong.has_value());
        EXPECT_EQ(wrong->sentence, each.expected);
        EXPECT_TRUE(keys.empty());
    }
}

TEST(keys, what_can_be_used_of_a_set_is_used) {
    const std::string set = R"({"keys":[{"kty":"new"},)" + with(rfc_p256, R"("kid":"a","use":"sig","x5t":"?")") + "," +
                            with(rfc_ed25519, R"("kid":"b","key_ops":["sign","verify"])") + "]}";
    const key_set keys = keys_of({set});
    EXPECT_EQ(keys.size(), 2u);
    EXPECT_EQ(keys.remarks(), std::vector<std::string>{"test.jwk: key 1 is of a type that is not supported (kty)"});
}

TEST(keys, secrets_from_where_others_can_read_are_left_out) {
    key_set keys;
    const auto wrong = keys.add_jwks(rfc_secret, "url", key_set::secrets::refused);
    ASSERT_TRUE(wrong.has_value());
    EXPECT_EQ(wrong->sentence, "url: has secrets only, and whoever can read them can sign");
    const std::string both = std::string{R"({"keys":[)"}.append(rfc_secret) + "," + std::string{rfc_p256} + "]}";
    EXPECT_FALSE(keys.add_jwks(both, "url", key_set::secrets::refused));
    EXPECT_EQ(keys.size(), 1u);
    EXPECT_EQ(keys.find(algorithm::hs256, "").size(), 0u);
    EXPECT_EQ(keys.remarks(), std::vector<std::string>{"url: has secrets, which are left out"});
}

TEST(keys, secrets_are_looked_at_before_they_are_believed) {
    key_set keys;
    EXPECT_EQ(keys.add_secret("", "token_hmac_secret")->sentence, "token_hmac_secret: the secret is empty");
    EXPECT_EQ(keys.add_secret(public_pem(made("ED25519").get()), "token_hmac_secret")->sentence,
              "token_hmac_secret: is a key in PEM and no secret; whoever knows a public key could sign with it");
    EXPECT_TRUE(keys.empty());
    EXPECT_FALSE(keys.add_secret(std::string(32, 's'), "token_hmac_secret"));
    EXPECT_TRUE(keys.remarks().empty());
    EXPECT_FALSE(keys.add_secret(std::string(31, 's'), "token_hmac_secret"));
    ASSERT_EQ(keys.remarks().size(), 1u);
    EXPECT_EQ(keys.remarks()[0],
              "token_hmac_secret: the secret is shorter than the 32 bytes that HS256 asks for, so it may be guessed");
}

TEST(keys, a_set_holds_256_keys_and_no_more) {
    key_set keys;
    for (std::size_t i = 0; i < keys_max; ++i) EXPECT_FALSE(keys.add_secret(std::string(32, 's'), "s"));
    EXPECT_EQ(keys.add_secret(std::string(32, 's'), "s")->sentence, "s: with these there are more than 256 keys");
    EXPECT_EQ(keys.size(), keys_max);
}

TEST(keys, a_token_is_tried_with_the_named_key_first_and_with_eight_at_most) {
    key_set keys;
    EXPECT_FALSE(keys.add_secret(std::string(32, 'n'), "s"));
    for (int i = 0; i < 10; ++i)
        EXPECT_FALSE(keys.add_secret(std::string(32, 's'), "s", std::string{"k"}.append(std::to_string(i))));
    const auto named = keys.find(algorithm::hs256, "k9");
    ASSERT_EQ(named.size(), 2u);
    EXPECT_EQ(named[0]->kid(), "k9");
    EXPECT_EQ(named[1]->kid(), "");
    EXPECT_EQ(keys.find(algorithm::hs256, "unknown").size(), 1u);
    EXPECT_EQ(keys.find(algorithm::hs256, "").size(), keys_tried_max);
    EXPECT_EQ(keys.find(algorithm::rs256, "k9").size(), 0u);
    EXPECT_TRUE(keys.knows("k9"));
    EXPECT_FALSE(keys.knows("k10"));
}

TEST(keys, errors_of_openssl_stay_with_whoever_made_them) {
    ERR_clear_error();
    key_set keys;
    (void)keys.add_pem("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "k.pem");
    (void)keys.add_jwks(R"({"kty":"OKP","crv":"Ed25519","x":"AA"})", "k.jwk", key_set::secrets::allowed);
    EXPECT_EQ(ERR_peek_error(), 0u);
}

} // namespace
} // namespace carillon::keys::test
