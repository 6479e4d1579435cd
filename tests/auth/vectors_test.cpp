#include "auth/token.hpp"
#include "keys/keys.hpp"

#include <array>

namespace carillon::auth::test {
namespace {

using namespace keys;
using namespace keys::test;

constexpr std::string_view joe =
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp"
    "0cnVlfQ";

struct vector {
    const char* name;
    std::string_view jwk;
    std::string header;
    std::string_view claims;
    std::string_view signature;
    bool repeatable; // whoever signs it again gets the same bytes
};

const std::array vectors{
    vector{"RFC 7515 A.1 and RFC 7519 §3.1, HS256", rfc_secret, "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9", joe,
           "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", true},
    vector{
        "RFC 7515 A.2, RS256", rfc_rsa, "eyJhbGciOiJSUzI1NiJ9", joe,
        "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9C"
        "UAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_"
        "dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0i"
        "gcN_IoypGlUPQGe77Rw",
        true},
    vector{"RFC 7515 A.3, ES256", rfc_p256, "eyJhbGciOiJFUzI1NiJ9", joe,
           "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q", false},
    vector{
        "RFC 7515 A.4, ES512", rfc_p521, "eyJhbGciOiJFUzUxMiJ9", "UGF5bG9hZA",
        "AdwMgeerwtHoh-l192l60hp9wAHZFVJbLfD_UxMi70cwnZOYaRI1bKPWROc-mZZqwqT2SI-KGDKB34XO0aw_7XdtAG8GaSwFKdCAPZgoXD2Y"
        "BJZCPEX3xKpRwcdOO8KpEHwJjyqOgzDO7iKvU8vcnwNrmxYbSW9ERBXukOXolLzeO_Jn",
        false},
    vector{"RFC 8037 A.4, EdDSA", rfc_ed25519, "eyJhbGciOiJFZERTQSJ9", "RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc",
           "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg", true},
};

TEST(vectors, tokens_of_the_rfcs_have_good_signatures) {
    for (const vector& each : vectors) {
        SCOPED_TRACE(each.name);
        const key_set keys = keys_of({each.jwk});
        const std::string signed_text = each.header + '.' + std::string{each.claims};
        const std::string token = signed_text + '.' + std::string{each.signature};
        token_reader reader{4096};
        const auto parts = reader.read(token);
        ASSERT_TRUE(parts.has_value()) << parts.error().message();
        const auto candidates = keys.find(parts->signed_with, parts->kid);
        ASSERT_EQ(candidates.size(), 1u);
        EXPECT_TRUE(candidates[0]->verify(parts->signed_with, parts->signed_text, parts->signature));

        const signer by = signer_of(each.jwk);
        const std::string again = by.signature(parts->signed_with, signed_text);
        EXPECT_TRUE(candidates[0]->verify(parts->signed_with, signed_text, again));
        if (each.repeatable) { EXPECT_EQ(again, parts->signature); }
    }
}

TEST(vectors, the_unsigned_tokens_of_the_rfcs_are_refused) {
    token_reader reader{4096};
    const std::string rfc7515_a5 = "eyJhbGciOiJub25lIn0." + std::string{joe} + ".";
    EXPECT_EQ(reader.read(rfc7515_a5).error(), error::algorithm_none); // RFC 7519 §6.1, too
}

TEST(vectors, the_key_set_of_rfc_7517_has_one_key_for_signatures) {
    const key_set keys = keys_of({rfc_set});
    EXPECT_EQ(keys.size(), 1u);
    EXPECT_TRUE(keys.knows("2011-04-29"));
    EXPECT_FALSE(keys.knows("1"));
    ASSERT_EQ(keys.remarks().size(), 1u);
    EXPECT_EQ(keys.remarks()[0], "test.jwk: key 1 is not for signatures (use)");
    EXPECT_EQ(keys.find(algorithm::rs256, "2011-04-29").size(), 1u);
    EXPECT_EQ(keys.find(algorithm::rs384, "2011-04-29").size(), 0u); // the key's own alg is RS256
}

} // namespace
} // namespace carillon::auth::test
