#include "auth/verifier.hpp"
#include "keys/keys.hpp"
#include "support/allocations.hpp"

#include <set>
#include <vector>

namespace carillon::auth::test {
namespace {

using namespace keys;
using namespace keys::test;

constexpr std::chrono::sys_seconds now{std::chrono::seconds{1'700'000'000}};

std::string header_of(algorithm which, std::string_view more = "") {
    return std::string{R"({"alg":")"}.append(name_of(which)).append("\"").append(more).append("}");
}

std::string hs256(std::string_view claims, std::string_view more = "") {
    return token_of(signer_of(rfc_secret), algorithm::hs256, header_of(algorithm::hs256, more), claims);
}

class verifying : public testing::Test {
protected:
    // The user, or the name of the error.
    std::string outcome(verifier& by, std::string_view token, std::chrono::sys_seconds at = now) {
        const auto claims = by.verify_connection(token, at);
        return claims ? (*claims)->user : std::string{name_of(static_cast<error>(claims.error().value()))};
    }

    verifier secret_{{}, shared_keys_of({rfc_secret})};
};

TEST_F(verifying, tokens_of_every_algorithm) {
    verifier all{{}, shared_keys_of({rfc_secret, rfc_rsa, rfc_p256, rfc_p521, rfc_ed25519})};
    std::set<std::string> seen;
    for (const std::string_view jwk : {rfc_secret, rfc_rsa, rfc_p256, rfc_p521, rfc_ed25519}) {
        const signer by = signer_of(jwk);
        for (std::size_t i = 0; i < algorithms; ++i) {
            const auto which = static_cast<algorithm>(i);
            if (!by.fits(which)) continue;
            SCOPED_TRACE(name_of(which));
            const auto token = by.sign(which, R"({"sub":"42","exp":1700000001})");
            ASSERT_TRUE(token.has_value());
            EXPECT_EQ(outcome(all, *token), "42");
            seen.insert(std::string{name_of(which)});
        }
    }
    EXPECT_EQ(seen.size(), algorithms - 1); // ES384: in the tests of signatures
}

struct when {
    const char* name;
    std::string claims;
    std::int64_t leeway_s;
    std::string expected;
};

TEST_F(verifying, the_time_of_tokens) {
    const std::vector<when> table{
        {"for ever", R"({"sub":"42"})", 0, "42"},
        {"a second to go", R"({"sub":"42","exp":1700000001})", 0, "42"},
        {"no second to go", R"({"sub":"42","exp":1700000000})", 0, "expired"},
        {"half a second to go is none", R"({"sub":"42","exp":1700000000.5})", 0, "expired"},
        {"within the leeway", R"({"sub":"42","exp":1699999991})", 10, "42"},
        {"beyond the leeway", R"({"sub":"42","exp":1699999990})", 10, "expired"},
        {"from now on", R"({"sub":"42","nbf":1700000000})", 0, "42"},
        {"in a second", R"({"sub":"42","nbf":1700000001})", 0, "not_yet_valid"},
        {"in a second, with a leeway", R"({"sub":"42","nbf":1700000001})", 1, "42"},
        {"issued tomorrow", R"({"sub":"42","iat":1700086400})", 0, "42"},
        {"issued and expired in 1970", R"({"sub":"42","exp":0})", 0, "expired"},
        {"only the connection has expired", R"({"sub":"42","exp":1700000001,"expire_at":5})", 0, "42"},
        {"the connection would go on", R"({"sub":"42","exp":5,"expire_at":1700000001})", 0, "expired"},
    };
    for (const when& each : table) {
        SCOPED_TRACE(each.name);
        verifier by{{.leeway = std::chrono::seconds{each.leeway_s}}, shared_keys_of({rfc_secret})};
        EXPECT_EQ(outcome(by, hs256(each.claims)), each.expected);
    }
}

TEST_F(verifying, whoever_it_is_for_comes_before_when_it_ends) {
    verifier by{{.expected = {"carillon", "", "sub"}}, shared_keys_of({rfc_secret})};
    EXPECT_EQ(outcome(by, hs256(R"({"aud":"other","exp":5})")), "audience");
    EXPECT_EQ(outcome(by, hs256(R"({"aud":"carillon","exp":5})")), "expired");
}

TEST_F(verifying, an_expired_token_with_a_wrong_signature_is_wrong) {
    std::string token = hs256(R"({"exp":5})");
    EXPECT_EQ(outcome(secret_, token), "expired");
    token[token.size() - 2] = token[token.size() - 2] == 'A' ? 'B' : 'A';
    EXPECT_EQ(outcome(secret_, token), "signature");
}

// The oldest attack on JWT libraries: the bytes of a public key, in all forms in which it is handed around, as a
// secret.
TEST_F(verifying, a_public_key_is_no_secret) {
    const owned_pkey pair = made("RSA", 2048);
    const std::string pem = public_pem(pair.get());
    auto keys = std::make_shared<key_set>();
    ASSERT_FALSE(keys->add_pem(pem, "k.pem"));
    verifier by{{}, keys};
    unsigned char* bytes = nullptr;
    const int size = i2d_PUBKEY(pair.get(), &bytes);
    const std::string der{reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size)};
    OPENSSL_free(bytes);
    for (const std::string& secret : {pem, pem.substr(0, pem.size() - 1), der}) {
        for (const algorithm which : {algorithm::hs256, algorithm::hs384, algorithm::hs512}) {
            const signer attacker = std::move(*signer::from_secret(secret, "s"));
            EXPECT_EQ(outcome(by, token_of(attacker, which, header_of(which), R"({"sub":"42"})")), "key_unknown");
        }
    }
}

TEST_F(verifying, a_key_of_the_wrong_kind_is_no_key) {
    const std::string claims = R"({"sub":"42"})";
    verifier p256{{}, shared_keys_of({rfc_p256})};
    EXPECT_EQ(outcome(p256, token_of(signer_of(rfc_p256), algorithm::es256, header_of(algorithm::es256), claims)),
              "42");
    EXPECT_EQ(outcome(p256, token_of(signer_of(rfc_p521), algorithm::es512, header_of(algorithm::es512), claims)),
              "key_unknown");
    // The right key, and a header that names another curve.
    EXPECT_EQ(outcome(p256, token_of(signer_of(rfc_p256), algorithm::es256, header_of(algorithm::es384), claims)),
              "key_unknown");
    EXPECT_EQ(outcome(p256, hs256(claims)), "key_unknown");
    EXPECT_EQ(outcome(secret_, token_of(signer_of(rfc_rsa), algorithm::rs256, header_of(algorithm::rs256), claims)),
              "key_unknown");
    // A signature without a key: what the token brings along is not looked at.
    const std::string brought = ",\"jwk\":" + std::string{rfc_p256};
    EXPECT_EQ(
        outcome(secret_, token_of(signer_of(rfc_p256), algorithm::es256, header_of(algorithm::es256, brought), claims)),
        "key_unknown");
}

TEST_F(verifying, several_keys_at_once) {
    const std::string a = with(R"({"kty":"oct","k":"YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE"})", R"("kid":"a")");
    const std::string b = with(R"({"kty":"oct","k":"YmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmI"})", R"("kid":"b")");
    const auto token = [&](std::string_view jwk, std::string_view kid) {
        const std::string more = kid.empty() ? "" : std::string{",\"kid\":\""}.append(kid).append("\"");
        return token_of(signer_of(jwk), algorithm::hs256, header_of(algorithm::hs256, more), R"({"sub":"42"})");
    };
    verifier by{{}, shared_keys_of({a, b})};
    EXPECT_EQ(outcome(by, token(a, "a")), "42");
    EXPECT_EQ(outcome(by, token(b, "b")), "42");
    EXPECT_EQ(outcome(by, token(b, "")), "42");
    EXPECT_EQ(outcome(by, token(b, "a")), "signature"); // the named key alone
    EXPECT_EQ(outcome(by, token(b, "c")), "key_unknown");
    EXPECT_EQ(outcome(by, token(rfc_secret, "")), "signature");

    by.use(shared_keys_of({b}));
    EXPECT_EQ(outcome(by, token(a, "a")), "key_unknown");
    EXPECT_EQ(outcome(by, token(a, "")), "signature");
    EXPECT_EQ(outcome(by, token(b, "b")), "42");

    // A key without a name serves tokens that name one; if it does not fit, the named one is what is missing.
    by.use(shared_keys_of({rfc_secret}));
    EXPECT_EQ(outcome(by, token(rfc_secret, "x")), "42");
    EXPECT_EQ(outcome(by, token(a, "a")), "key_unknown");
}

TEST_F(verifying, without_keys_no_token_is_good) {
    verifier by{{}, std::make_shared<const key_set>()};
    EXPECT_EQ(outcome(by, hs256("{}")), "key_unknown");
}

TEST_F(verifying, the_length_of_tokens_is_bounded) {
    const std::string token = hs256(R"({"sub":"42"})");
    verifier fits{{.token_bytes_max = token.size()}, shared_keys_of({rfc_secret})};
    EXPECT_EQ(outcome(fits, token), "42");
    EXPECT_EQ(outcome(fits, token + "A"), "oversize");
    verifier shorter{{.token_bytes_max = token.size() - 1}, shared_keys_of({rfc_secret})};
    EXPECT_EQ(outcome(shorter, token), "oversize");
    EXPECT_EQ(outcome(secret_, std::string(10'000'000, 'A')), "oversize");
}

TEST_F(verifying, subscription_tokens_may_have_keys_of_their_own) {
    const std::string claims = R"({"sub":"42","channel":"a"})";
    verifier shared{{}, shared_keys_of({rfc_secret})};
    EXPECT_TRUE(shared.verify_subscription(hs256(claims), now).has_value());
    EXPECT_EQ(shared.verify_subscription(hs256(R"({"sub":"42"})"), now).error(), error::channel_missing);
    EXPECT_EQ(shared.verify_subscription(hs256(R"({"channel":"a","exp":5})"), now).error(), error::expired);
    EXPECT_EQ(outcome(shared, hs256(claims)), "channel_unexpected");

    verifier apart{{}, shared_keys_of({rfc_secret}), shared_keys_of({rfc_ed25519})};
    const std::string token = token_of(signer_of(rfc_ed25519), algorithm::eddsa, header_of(algorithm::eddsa), claims);
    EXPECT_EQ(apart.verify_subscription(hs256(claims), now).error(), error::key_unknown);
    EXPECT_TRUE(apart.verify_subscription(token, now).has_value());
    EXPECT_EQ(outcome(apart, hs256(R"({"sub":"42"})")), "42");
    EXPECT_EQ(outcome(apart, token), "key_unknown");
}

TEST_F(verifying, what_was_good_for_a_connection_is_not_good_for_a_subscription) {
    const std::string token = hs256(R"({"sub":"42"})");
    EXPECT_EQ(outcome(secret_, token), "42");
    EXPECT_EQ(secret_.verify_subscription(token, now).error(), error::channel_missing);
}

TEST_F(verifying, no_byte_of_a_token_may_be_another) {
    const std::string token = hs256(R"({"sub":"42","exp":1700000001})");
    ASSERT_EQ(outcome(secret_, token), "42");
    for (std::size_t at = 0; at < token.size(); ++at) {
        std::string wrong = token;
        for (int value = 0; value < 256; ++value) {
            wrong[at] = static_cast<char>(value);
            if (wrong[at] == token[at]) continue;
            ASSERT_FALSE(secret_.verify_connection(wrong, now).has_value()) << at << " " << value;
        }
        ASSERT_FALSE(secret_.verify_connection(token.substr(0, at), now).has_value()) << at;
        ASSERT_FALSE(secret_.verify_connection(token.substr(at + 1), now).has_value()) << at;
        std::string longer = token;
        longer.insert(at, 1, 'A');
        ASSERT_FALSE(secret_.verify_connection(longer, now).has_value()) << at;
    }
}

TEST_F(verifying, no_byte_of_a_token_with_a_public_key_may_be_another) {
    for (const std::string_view jwk : {rfc_rsa, rfc_p256, rfc_p521, rfc_ed25519}) {
        const signer by = signer_of(jwk);
        const std::string token = *by.sign(by.usual(), R"({"sub":"42"})");
        verifier check{{}, shared_keys_of({jwk})};
        ASSERT_EQ(outcome(check, token), "42");
        for (std::size_t at = 0; at < token.size(); ++at) {
            std::string wrong = token;
            for (const char other : {'A', '-', 'g'}) {
                wrong[at] = other;
                if (wrong[at] == token[at]) continue;
                ASSERT_FALSE(check.verify_connection(wrong, now).has_value()) << name_of(by.usual()) << at;
            }
        }
    }
}

TEST_F(verifying, refusals_are_counted) {
    (void)outcome(secret_, "x");
    (void)outcome(secret_, "x");
    (void)outcome(secret_, hs256(R"({"exp":5})"));
    (void)outcome(secret_, hs256("{}"));
    refusal_counts expected{};
    expected[static_cast<std::size_t>(error::malformed)] = 2;
    expected[static_cast<std::size_t>(error::expired)] = 1;
    EXPECT_EQ(secret_.refused(), expected);
}

TEST_F(verifying, a_token_that_comes_again_is_remembered_until_it_expires) {
    const std::string token = hs256(R"({"sub":"42","exp":1700000010})");
    const auto first = secret_.verify_connection(token, now);
    const auto again = secret_.verify_connection(token, now + std::chrono::seconds{9});
    ASSERT_TRUE(first && again);
    EXPECT_EQ(*first, *again); // the same object
    EXPECT_EQ(secret_.connection_memory().hits, 1u);
    EXPECT_EQ(secret_.connection_memory().misses, 1u);
    EXPECT_EQ(secret_.connection_memory().entries, 1u);
    EXPECT_EQ(outcome(secret_, token, now + std::chrono::seconds{10}), "expired");
    EXPECT_EQ(secret_.connection_memory().entries, 0u);
    EXPECT_EQ(secret_.connection_memory().bytes, 0u);
}

TEST_F(verifying, a_remembered_token_has_the_leeway_that_a_new_one_has) {
    verifier by{{.leeway = std::chrono::seconds{5}}, shared_keys_of({rfc_secret})};
    const std::string token = hs256(R"({"sub":"42","exp":1700000010})");
    EXPECT_EQ(outcome(by, token), "42");
    EXPECT_EQ(outcome(by, token, now + std::chrono::seconds{14}), "42");
    EXPECT_EQ(by.connection_memory().hits, 1u);
    EXPECT_EQ(outcome(by, token, now + std::chrono::seconds{15}), "expired");
}

TEST_F(verifying, other_keys_know_nothing_of_the_tokens_of_the_old_ones) {
    const std::string token = hs256(R"({"sub":"42"})");
    EXPECT_EQ(outcome(secret_, token), "42");
    secret_.use(shared_keys_of({rfc_p256}));
    EXPECT_EQ(secret_.connection_memory().entries, 0u);
    EXPECT_EQ(outcome(secret_, token), "key_unknown");
}

TEST_F(verifying, what_is_refused_is_not_remembered) {
    (void)outcome(secret_, hs256(R"({"exp":5})"));
    (void)outcome(secret_, "a.b.c");
    EXPECT_EQ(secret_.connection_memory().entries, 0u);
}

TEST_F(verifying, nothing_is_remembered_if_there_may_be_nothing) {
    verifier by{{.remembered_bytes_max = 0}, shared_keys_of({rfc_secret})};
    const std::string token = hs256(R"({"sub":"42"})");
    EXPECT_EQ(outcome(by, token), "42");
    EXPECT_EQ(outcome(by, token), "42");
    EXPECT_EQ(by.connection_memory().hits, 0u);
    EXPECT_EQ(by.connection_memory().entries, 0u);
}

TEST_F(verifying, a_remembered_token_allocates_nothing) {
    const std::string token = hs256(R"({"sub":"a user whose name lies on the heap","info":{"a":1}})");
    EXPECT_EQ(outcome(secret_, token), "a user whose name lies on the heap");
    EXPECT_EQ(carillon::test::allocations_during([&] {
                  const auto claims = secret_.verify_connection(token, now);
                  CHECK(claims.has_value());
              }),
              0u);
}

} // namespace
} // namespace carillon::auth::test
