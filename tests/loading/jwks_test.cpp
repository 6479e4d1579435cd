#include "loading/loading.hpp"

namespace carillon::loading {
namespace {

TEST(jwks, where_it_is_must_be_a_url) {
    EXPECT_EQ(valid({"--token-jwks-url", "https://id.example.com/jwks.json"}).token_jwks_url,
              "https://id.example.com/jwks.json");
    EXPECT_EQ(refused({"--token-jwks-url", "id.example.com"}),
              "flag --token-jwks-url: the URL must begin with http:// or https://");
    EXPECT_EQ(refused({"--subscription-token-jwks-url", "http://a:b@c"}),
              "flag --subscription-token-jwks-url: the URL must not hold a user or a password");
}

TEST(jwks, the_shortest_time_is_not_longer_than_the_longest) {
    EXPECT_NE(refused({"--token-jwks-refresh-max-s", "59"}).find("not be less than token-jwks-refresh-min-s"),
              std::string::npos);
    valid({"--token-jwks-refresh-max-s", "60"});
}

} // namespace
} // namespace carillon::loading
