#include "auth/token.hpp"
#include "keys/keys.hpp"

#include <vector>

namespace carillon::auth::test {
namespace {

using namespace keys;
using namespace keys::test;

constexpr std::size_t token_bytes_max = 1000;

std::string token_with(std::string_view header) { return to_base64url(header) + ".e30." + to_base64url("signature"); }

struct refused_token {
    const char* name;
    std::string token;
    error expected;
};

TEST(token, what_no_key_can_make_good_is_refused) {
    const std::string good = token_with(R"({"alg":"HS256"})");
    const std::vector<refused_token> table{
        {"nothing", "", error::malformed},
        {"no dots", "abcd", error::malformed},
        {"two parts", "e30.e30", error::malformed},
        {"four parts", good + ".e30", error::malformed},
        {"encrypted, five parts", good + ".e30.e30", error::encrypted},
        {"six parts", good + ".e30.e30.e30", error::malformed},
        {"dots only", "..", error::header_json},
        {"as long as may be", good + std::string(token_bytes_max - good.size(), '!'), error::base64url},
        {"longer by one", good + std::string(token_bytes_max - good.size() + 1, '!'), error::oversize},
        {"padding", to_base64url(R"({"alg":"HS256"})") + "=.e30.AAAA", error::base64url},
        {"padding of the signature", good + "=", error::base64url},
        {"a line break behind it", good + "\n", error::base64url},
        {"a blank before it", " " + good, error::base64url},
        {"the other alphabet", to_base64url(R"({"alg":"HS256"})") + ".e30.+/AA", error::base64url},
        {"bits that are lost", to_base64url(R"({"alg":"HS256"})") + ".e31.AAAA", error::base64url},
        {"a header that is no JSON", token_with("alg=HS256"), error::header_json},
        {"a header that is a list", token_with(R"([{"alg":"HS256"}])"), error::header_json},
        {"a header that goes on", token_with(R"({"alg":"HS256"}{})"), error::header_json},
        {"a header cut short", token_with(R"({"alg":"HS256")"), error::header_json},
        {"a header that is not UTF-8", token_with("{\"alg\":\"HS256\",\"kid\":\"\xff\"}"), error::header_json},
        {"a header with a mark in front", token_with("\xef\xbb\xbf{\"alg\":\"HS256\"}"), error::header_json},
        {"half a surrogate pair", token_with(R"({"alg":"HS256","kid":"\ud800"})"), error::header_json},
        {"nested too deep", token_with(R"({"alg":"HS256","x":)" + std::string(70, '[') + std::string(70, ']') + "}"),
         error::header_json},
        {"alg twice", token_with(R"({"alg":"none","alg":"HS256"})"), error::header_duplicate},
        {"alg twice, once escaped", token_with(R"({"alg":"HS256","\u0061lg":"none"})"), error::header_duplicate},
        {"another member twice", token_with(R"({"alg":"HS256","x":1,"x":1})"), error::header_duplicate},
        {"no alg", token_with(R"({"typ":"JWT"})"), error::header_type},
        {"an alg that is a number", token_with(R"({"alg":256})"), error::header_type},
        {"an alg that is null", token_with(R"({"alg":null})"), error::header_type},
        {"an alg that is a list", token_with(R"({"alg":["HS256"]})"), error::header_type},
        {"a kid that is a number", token_with(R"({"alg":"HS256","kid":1})"), error::header_type},
        {"a typ that is a number", token_with(R"({"alg":"HS256","typ":1})"), error::header_type},
        {"crit", token_with(R"({"alg":"HS256","crit":["exp"],"exp":1})"), error::header_critical},
        {"crit of nothing", token_with(R"({"alg":"HS256","crit":[]})"), error::header_critical},
        {"claims not encoded (RFC 7797)", token_with(R"({"alg":"HS256","b64":false})"), error::header_critical},
        {"compressed", token_with(R"({"alg":"HS256","zip":"DEF"})"), error::header_compressed},
        {"encrypted, by its header", token_with(R"({"alg":"RSA-OAEP","enc":"A256GCM"})"), error::encrypted},
        {"a token inside", token_with(R"({"alg":"HS256","cty":"JWT"})"), error::header_nested},
        {"a token inside, in small letters", token_with(R"({"alg":"HS256","cty":"jwt"})"), error::header_nested},
        {"alg none", token_with(R"({"alg":"none"})"), error::algorithm_none},
        {"alg None", token_with(R"({"alg":"None"})"), error::algorithm_none},
        {"alg NONE", token_with(R"({"alg":"NONE"})"), error::algorithm_none},
        {"alg nOnE, without a signature", to_base64url(R"({"alg":"nOnE"})") + ".e30.", error::algorithm_none},
        {"alg of nothing", token_with(R"({"alg":""})"), error::algorithm_unknown},
        {"alg in small letters", token_with(R"({"alg":"hs256"})"), error::algorithm_unknown},
        {"alg with a blank", token_with(R"({"alg":"HS256 "})"), error::algorithm_unknown},
        {"alg with a zero byte", token_with(R"({"alg":"HS256\u0000"})"), error::algorithm_unknown},
        {"an alg that we do not have", token_with(R"({"alg":"ES256K"})"), error::algorithm_unknown},
        {"an alg for keys", token_with(R"({"alg":"A128KW"})"), error::algorithm_unknown},
    };
    token_reader reader{token_bytes_max};
    for (const refused_token& each : table) {
        SCOPED_TRACE(each.name);
        const auto parts = reader.read(each.token);
        ASSERT_FALSE(parts.has_value());
        EXPECT_EQ(parts.error(), each.expected) << parts.error().message();
    }
}

struct good_header {
    const char* name;
    std::string_view header;
    algorithm signed_with;
    std::string_view kid;
};

TEST(token, headers_say_how_and_with_which_key) {
    const std::vector<good_header> table{
        {"the least", R"({"alg":"HS256"})", algorithm::hs256, ""},
        {"as usual", R"({"alg":"RS512","typ":"JWT","kid":"k1"})", algorithm::rs512, "k1"},
        {"with blanks and escapes", "\r\n{ \"\\u0061lg\" : \"EdDSA\" ,\t\"kid\":\"\\u00e9\" }\n", algorithm::eddsa,
         "é"},
        {"another type", R"({"alg":"ES384","typ":"at+jwt","cty":"json"})", algorithm::es384, ""},
        {"keys of its own are not looked at",
         R"({"alg":"PS256","jwk":{"kty":"oct","k":"AAAA"},"jku":"https://a","x5u":1})", algorithm::ps256, ""},
        {"members that nobody knows", R"({"alg":"HS384","exp":null,"x":{"alg":"none"}})", algorithm::hs384, ""},
    };
    token_reader reader{token_bytes_max};
    for (const good_header& each : table) {
        SCOPED_TRACE(each.name);
        const std::string token = token_with(each.header);
        const auto parts = reader.read(token);
        ASSERT_TRUE(parts.has_value()) << parts.error().message();
        EXPECT_EQ(parts->signed_with, each.signed_with);
        EXPECT_EQ(parts->kid, each.kid);
        EXPECT_EQ(parts->claims, "{}");
        EXPECT_EQ(parts->signature, "signature");
        EXPECT_EQ(parts->signed_text, token.substr(0, token.rfind('.')));
    }
}

TEST(token, a_token_cut_at_any_byte_is_refused_or_has_a_shorter_signature) {
    const std::string token = token_with(R"({"alg":"HS256"})");
    token_reader reader{token_bytes_max};
    for (std::size_t cut = 0; cut < token.size(); ++cut) {
        const auto parts = reader.read(std::string_view{token}.substr(0, cut));
        if (cut <= token.rfind('.')) {
            EXPECT_FALSE(parts.has_value()) << cut;
        } else if (parts) {
            EXPECT_LT(parts->signature.size(), 9u) << cut;
        }
    }
}

TEST(token, every_error_has_a_name_and_a_sentence_of_its_own) {
    std::vector<std::string> said;
    for (std::size_t i = 1; i < errors_end; ++i) {
        const auto why = static_cast<error>(i);
        said.push_back(std::string{name_of(why)});
        said.push_back(make_error_code(why).message());
        EXPECT_EQ(is_expired(why), why == error::expired || why == error::not_yet_valid);
    }
    std::ranges::sort(said);
    EXPECT_EQ(std::ranges::adjacent_find(said), said.end());
    EXPECT_EQ(name_of(static_cast<error>(errors_end)), "none");
    EXPECT_FALSE(is_expired(error_code{static_cast<int>(error::expired), boost::system::generic_category()}));
}

} // namespace
} // namespace carillon::auth::test
