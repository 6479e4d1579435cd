#include "config/origin_pattern.hpp"

#include <gtest/gtest.h>

namespace carillon::config {
namespace {

TEST(origin_pattern, what_a_browser_can_send_is_taken) {
    for (const char* pattern : {"*",
                                "null",
                                "https://example.com",
                                "http://localhost:3000",
                                "https://*.example.com",
                                "https://*",
                                "http://127.0.0.1:8080",
                                "http://192.168.1.*:8080",
                                "http://[::1]:8080",
                                "http://[2001:db8::1]",
                                "https://example.com:8443",
                                "https://*.example.com:*",
                                "*://example.com",
                                "http*://example.com",
                                "*.example.com",
                                "*.example.com:8443",
                                "https://example.com:*",
                                "https://app*.example.com",
                                "capacitor://localhost",
                                "chrome-extension://mhjfbmdgcfjbbpaeojofohoefgiehjai",
                                "https://xn--bcher-kva.example",
                                "https://EXAMPLE.com",
                                "https://example.com:80",
                                "http://example.com:443",
                                "http://localhost:30*"})
        EXPECT_EQ(check_origin_pattern(pattern), std::nullopt) << pattern;
}

struct never {
    const char* pattern;
    const char* why;
};
constexpr never nevers[] = {
    {"", "an empty pattern matches nothing; give one like https://*.example.com"},
    {"example.com", "'example.com' has no scheme; give one like https://*.example.com"},
    {"*example.com", "'*example.com' has no scheme; give one like https://*.example.com"},
    {"localhost:3000", "'localhost:3000' has no scheme; give one like https://*.example.com"},
    {"https:example.com", "'https:example.com' has no scheme; give one like https://*.example.com"},
    {"https//example.com", "'https//example.com' has no scheme; give one like https://*.example.com"},
    {"://example.com", "'://example.com' does not begin with a scheme like https://"},
    {"https://example.com/",
     "'https://example.com/' ends with a slash, which no origin does; give 'https://example.com'"},
    {"https://example.com/app", "'https://example.com/app' has a path, which no origin has"},
    {"https://*.example.com/*", "'https://*.example.com/*' has a path, which no origin has"},
    {"https://example.com?x", "'https://example.com?x' has a path, which no origin has"},
    {"https://example.com#x", "'https://example.com#x' has a path, which no origin has"},
    {"https://", "'https://' has no host"},
    {"https://:8443", "'https://:8443' has no host"},
    {"https://user@example.com", "'https://user@example.com' names a user, which no origin does"},
    {"https://a..example", "'https://a..example' has an empty label in its host"},
    {"https://a{b}.example",
     "'https://a{b}.example' has a character in its host that no browser sends; a name is written in ASCII (xn--)"},
    {"https://example.com:443",
     "'https://example.com:443' has the port of https, which browsers leave out; give 'https://example.com'"},
    {"http://[::1]:80", "'http://[::1]:80' has the port of http, which browsers leave out; give 'http://[::1]'"},
    {"https://example.com:port", "'https://example.com:port' has a port that is no number from 1 to 65535"},
    {"https://example.com:", "'https://example.com:' has a port that is no number from 1 to 65535"},
    {"*.example.com:", "'*.example.com:' has a port that is no number from 1 to 65535"},
    {"https://example.com:0", "'https://example.com:0' has a port that is no number from 1 to 65535"},
    {"https://example.com:08443", "'https://example.com:08443' has a port that is no number from 1 to 65535"},
    {"https://example.com:65536", "'https://example.com:65536' has a port that is no number from 1 to 65535"},
    {"https://example.com:*x", "'https://example.com:*x' has a port that is no number"},
    {"http://[::1", "'http://[::1' has brackets, but no IPv6 address in them"},
    {"http://[*]", "'http://[*]' has brackets, but no IPv6 address in them"},
    {"http://[0:0::1]", "'http://[0:0::1]' has an address that browsers write as [::1]"},
    {"https://a b", "'https://a b' holds a space, a comma or a character that no origin has"},
    {"https://b\xc3\xbc.example", "'https://b??.example' holds a space, a comma or a character that no origin has"},
};

TEST(origin_pattern, what_no_browser_can_send_is_refused_with_what_would_be_right) {
    for (const never& each : nevers) EXPECT_EQ(check_origin_pattern(each.pattern), each.why);
}

TEST(origin_pattern, a_long_one_is_refused) {
    EXPECT_EQ(check_origin_pattern("https://" + std::string(247, 'a')), std::nullopt);
    EXPECT_EQ(check_origin_pattern("https://" + std::string(248, 'a')), "a pattern is longer than 255 bytes");
}

} // namespace
} // namespace carillon::config
