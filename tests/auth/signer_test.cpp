#include "auth/verifier.hpp"
#include "keys/keys.hpp"

#include <openssl/rsa.h>

#include <vector>

namespace carillon::auth::test {
namespace {

using namespace keys;
using namespace keys::test;

constexpr std::chrono::sys_seconds now{std::chrono::seconds{1'700'000'000}};

struct wanted_case {
    const char* name;
    wanted_claims wanted;
    std::string expected;
};

TEST(signer, claims_are_written_as_json) {
    using namespace std::chrono_literals;
    const std::vector<wanted_case> table{
        {"nobody, for ever", {.now = now}, R"({"iat":1700000000})"},
        {"a user for an hour",
         {.user = "42", .now = now, .lifetime = 1h},
         R"({"sub":"42","iat":1700000000,"exp":1700003600})"},
        {"everything",
         {"42", "uid", "chat:1", "carillon", "https://i", R"({"a":1})", now, 1s},
         R"({"uid":"42","channel":"chat:1","aud":"carillon","iss":"https://i","iat":1700000000,"exp":1700000001,)"
         R"("info":{"a":1}})"},
        {"letters with a meaning in JSON",
         {.user = "a\"b\\c\n\x1f/é", .now = now},
         R"({"sub":"a\"b\\c\u000a\u001f/é","iat":1700000000})"},
    };
    for (const wanted_case& each : table) EXPECT_EQ(claims_text(each.wanted), each.expected) << each.name;
}

TEST(signer, a_token_comes_back_as_what_was_wanted) {
    verifier by{{}, shared_keys_of({rfc_secret})};
    const std::string claims =
        claims_text({.user = "a\"b\\c\n\x1fé", .info = R"({"a":1})", .now = now, .lifetime = std::chrono::hours{1}});
    const auto token = signer_of(rfc_secret).sign(algorithm::hs256, claims);
    ASSERT_TRUE(token.has_value());
    const auto read = by.verify_connection(*token, now);
    ASSERT_TRUE(read.has_value());
    EXPECT_EQ((*read)->user, "a\"b\\c\n\x1fé");
    EXPECT_EQ((*read)->info->bytes, R"({"a":1})");
    EXPECT_EQ((*read)->expires, now + std::chrono::hours{1});
}

TEST(signer, the_header_names_algorithm_and_key) {
    const signer by = signer_of(with(rfc_ed25519, R"("kid":"k1")"));
    const auto token = by.sign(by.usual(), "{}");
    ASSERT_TRUE(token.has_value());
    EXPECT_EQ(from_base64url(token->substr(0, token->find('.'))), R"({"alg":"EdDSA","typ":"JWT","kid":"k1"})");
}

TEST(signer, the_usual_algorithm_is_that_of_the_key) {
    EXPECT_EQ(std::move(*signer::from_secret("secret", "s")).usual(), algorithm::hs256);
    EXPECT_EQ(signer_of(rfc_rsa).usual(), algorithm::rs256);
    EXPECT_EQ(signer_of(with(rfc_rsa, R"("alg":"PS256")")).usual(), algorithm::ps256);
    EXPECT_EQ(signer_of(rfc_p256).usual(), algorithm::es256);
    EXPECT_EQ(signer_of(rfc_p521).usual(), algorithm::es512);
    EXPECT_EQ(signer_of(rfc_ed25519).usual(), algorithm::eddsa);
}

TEST(signer, private_keys_in_pem_sign) {
    for (const char* curve : {"P-256", "P-384", "P-521"}) {
        const owned_pkey pair = made("EC", curve);
        const auto by = signer::from_private_pem(private_pem(pair.get()), "k.pem");
        ASSERT_TRUE(by.has_value());
        auto keys = std::make_shared<key_set>();
        ASSERT_FALSE(keys->add_pem(public_pem(pair.get()), "k.pem"));
        verifier check{{}, keys};
        EXPECT_TRUE(check.verify_connection(*by->sign(by->usual(), "{}"), now).has_value()) << curve;
    }
}

TEST(signer, keys_that_cannot_sign_are_refused_in_words) {
    const auto sentence = [](const or_mistake<signer>& by) { return by ? "" : by.error().sentence; };
    EXPECT_EQ(sentence(signer::from_secret("", "s")), "s: the secret is empty");
    EXPECT_EQ(sentence(signer::from_private_pem(public_pem(made("ED25519").get()), "k.pem")),
              "k.pem: has no private key in PEM that is not encrypted");
    EXPECT_EQ(sentence(signer::from_private_pem(private_pem(made("RSA", 1024).get()), "k.pem")),
              "k.pem: the RSA key has 1024 bits; it must have from 2048 to 8192");
    EXPECT_EQ(sentence(signer::from_private_jwk(R"({"kty":"EC","crv":"P-256",
"x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"})",
                                                "k.jwk")),
              "k.jwk: key 1 has numbers that are no EC key");
    EXPECT_EQ(sentence(signer::from_private_jwk(
                  R"({"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"})", "k.jwk")),
              "k.jwk: key 1 has numbers that are no OKP key");
}

// A password would be asked for at the terminal.
TEST(signer, an_encrypted_key_asks_nobody) {
    const owned_pkey pair = made("ED25519");
    const owned_bio bio{BIO_new(BIO_s_mem())};
    const unsigned char password[] = "password";
    ASSERT_EQ(PEM_write_bio_PKCS8PrivateKey(bio.get(), pair.get(), EVP_aes_128_cbc(),
                                            reinterpret_cast<const char*>(password), 8, nullptr, nullptr),
              1);
    const auto by = signer::from_private_pem(text_in(bio.get()), "k.pem");
    ASSERT_FALSE(by.has_value());
    EXPECT_EQ(by.error().sentence, "k.pem: has no private key in PEM that is not encrypted");
}

} // namespace
} // namespace carillon::auth::test
