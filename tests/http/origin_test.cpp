#include "http/origin.hpp"
#include "support/allocations.hpp"

#include <gtest/gtest.h>

namespace carillon::http::test {
namespace {

struct origin_case {
    std::string_view pattern, origin;
    bool matches;
};
constexpr origin_case origins[] = {
    {"*", "https://a.example", true},
    {"*", "null", true},
    {"*", "", true},
    {"null", "null", true},
    {"null", "https://null", false},
    {"https://a.example", "null", false},
    {"https://a.example", "https://a.example", true},
    {"https://A.example", "HTTPS://a.EXAMPLE", true},
    {"https://a.example", "http://a.example", false},
    {"https://a.example", "https://a.example:8443", false},
    {"https://a.example:8443", "https://a.example:8443", true},
    {"https://a.example:8443", "https://a.example", false},
    {"https://a.example", "https://a.example.evil.test", false},
    {"https://a.example", "https://ba.example", false},
    {"https://a.example", "https://a.exampl", false},

    // whole labels on the left
    {"https://*.example.org", "https://www.example.org", true},
    {"https://*.example.org", "https://a.b.example.org", true},
    {"https://*.example.org", "https://example.org", false},
    {"https://*.example.org", "https://.example.org", false},
    {"https://*.example.org", "https://a..example.org", false},
    {"https://*.example.org", "https://evilexample.org", false},
    {"https://*.example.org", "https://www.example.org.evil.test", false},
    {"https://*.example.org", "https://evil.test/www.example.org", false},
    {"https://*.example.org", "https://evil.test:1/.example.org", false},
    {"https://*.example.org", "https://u@evil.example.org", false},
    {"*.example.org", "http://www.example.org", true},
    {"*.example.org", "https://www.example.org", true},
    {"*.example.org", "https://www.example.org:1", false},
    {"*.example.org", "null", false},

    // within one label
    {"https://app*.example.org", "https://app.example.org", true},
    {"https://app*.example.org", "https://app-7_x.example.org", true},
    {"https://app*.example.org", "https://app.evil.example.org", false},
    {"https://a*b*c.example.org", "https://aXbYc.example.org", true},
    {"https://a*b*c.example.org", "https://abbc.example.org", true},
    {"https://a*b*c.example.org", "https://acb.example.org", false},
    {"https://a*a.example.org", "https://a.example.org", false},
    {"https://www.*.org", "https://www.example.org", true},
    {"https://www.*.org", "https://www.evil.example.org", false},
    {"https://example.*", "https://example.test", true},
    {"https://example.*", "https://example.evil.test", false},

    // addresses
    {"http://192.168.1.*:8080", "http://192.168.1.7:8080", true},
    {"http://192.168.1.*:8080", "http://192.168.1.evil.com:8080", false},
    {"http://192.168.1.*:8080", "http://192.168.1.com:8080", false},
    {"http://192.168.1.*:8080", "http://192.168.1.7", false},
    {"http://192.168.1.1*", "http://192.168.1.17", true},
    {"http://10.*.*.*", "http://10.1.2.3", true},
    {"http://10.*", "http://10.1.2.3", false},
    {"http://[::1]:8080", "http://[::1]:8080", true},
    {"http://[::1]:8080", "http://[::2]:8080", false},
    {"http://[::1]", "http://[::1]:8080", false},
    {"http://*", "http://[::1]", true},
    {"http://*.example.org", "http://[::1]", false},

    // every host
    {"https://*", "https://a.b.example", true},
    {"https://*", "https://localhost", true},
    {"https://*", "http://localhost", false},
    {"https://*", "https://localhost:8443", false},
    {"https://*", "https://", false},

    // ports
    {"http://localhost:*", "http://localhost:3000", true},
    {"http://localhost:*", "http://localhost", true},
    {"http://localhost:*", "http://localhost:x", false},
    {"http://localhost:*", "http://localhost:1.evil.test", false},
    {"http://localhost:30*", "http://localhost:3000", true},
    {"http://localhost:30*", "http://localhost:8000", false},
    {"http://localhost:30*", "http://localhost", false},
    {"https://*.example.com:*", "https://a.example.com:1", true},

    // schemes
    {"*://a.example", "capacitor://a.example", true},
    {"*://a.example", "https://evil.test/://a.example", false},
    {"http*://a.example", "https://a.example", true},
    {"http*://a.example", "http://a.example", true},
    {"http*://a.example", "ftp://a.example", false},
    {"capacitor://localhost", "capacitor://localhost", true},
    {"chrome-extension://mhjfbmdg", "chrome-extension://mhjfbmdg", true},
};

TEST(matches_origin, compares_part_by_part) {
    for (const origin_case& item : origins)
        EXPECT_EQ(matches_origin(item.origin, item.pattern), item.matches) << item.origin << " like " << item.pattern;
}

TEST(matches_origin, takes_nothing_from_the_heap) {
    EXPECT_EQ(carillon::test::allocations_during(
                  [] { EXPECT_TRUE(matches_origin("https://a.b.example.org:1", "https://*.example.org:*")); }),
              0U);
}

} // namespace
} // namespace carillon::http::test
