#include "peer/forwarded.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace carillon::peer {
namespace {

const std::vector<std::string> proxies{"10.0.0.0/8", "2001:db8:1::/48"};

struct row {
    const char* name;
    forwarding field;
    std::vector<std::string_view> lines;
    std::string_view client; // "peer": nothing is said
};

constexpr auto x_for = forwarding::x_forwarded_for;
constexpr auto rfc = forwarding::forwarded;
constexpr auto real = forwarding::x_real_ip;

const row rows[] = {
    {"one address", x_for, {"192.0.2.7"}, "192.0.2.7"},
    {"the last one that is no proxy's", x_for, {"198.51.100.1, 192.0.2.7, 10.0.0.2"}, "192.0.2.7"},
    {"what a client has written before does not count", x_for, {"10.0.0.9, 1.1.1.1, 192.0.2.7"}, "192.0.2.7"},
    {"several lines are one list", x_for, {"198.51.100.1", "192.0.2.7, 10.0.0.2", "10.0.0.3"}, "192.0.2.7"},
    {"all are proxies: the first", x_for, {"10.0.0.4, 10.0.0.2"}, "10.0.0.4"},
    {"with a port", x_for, {"192.0.2.7:4711"}, "192.0.2.7"},
    {"ipv6", x_for, {"2001:db8:7::1, 2001:db8:1::2"}, "2001:db8:7::1"},
    {"ipv6 with a port", x_for, {"[2001:db8:7::1]:4711"}, "2001:db8:7::1"},
    {"ipv4 in ipv6 is the same", x_for, {"::ffff:192.0.2.7, ::ffff:10.0.0.2"}, "192.0.2.7"},
    {"nothing", x_for, {""}, "peer"},
    {"holes in the list", x_for, {", 192.0.2.7 ,, "}, "192.0.2.7"},
    {"tabs and spaces", x_for, {"\t 192.0.2.7\t"}, "192.0.2.7"},
    {"garbage before", x_for, {"<script>, 192.0.2.7"}, "192.0.2.7"},
    {"garbage behind: nobody is believed", x_for, {"192.0.2.7, unknown"}, "peer"},
    {"garbage between: the proxy behind it", x_for, {"192.0.2.7, unknown, 10.0.0.2"}, "10.0.0.2"},
    {"the address that is none", x_for, {"192.0.2.7, ::"}, "peer"},
    {"rfc 7239", rfc, {"for=192.0.2.7;proto=https;by=10.0.0.1"}, "192.0.2.7"},
    {"its examples", rfc, {R"(For="[2001:db8:cafe::17]:4711")"}, "2001:db8:cafe::17"},
    {"in any place and case", rfc, {"proto=http; FOR=192.0.2.7"}, "192.0.2.7"},
    {"several of them", rfc, {R"(for=198.51.100.1, for="192.0.2.7:80")", "for=10.0.0.2"}, "192.0.2.7"},
    {"hidden", rfc, {"for=_secret, for=10.0.0.2"}, "10.0.0.2"},
    {"without for", rfc, {"proto=https"}, "peer"},
    {"two of them in one", rfc, {"for=192.0.2.7;for=192.0.2.8"}, "peer"},
    {"a quote that was left open hides nothing", rfc, {R"(for="x, for=192.0.2.7)"}, "192.0.2.7"},
    {"a word that ends in for", rfc, {"xfor=192.0.2.7"}, "peer"},
    {"an escape in a quoted string is no address", rfc, {R"(for="192.0.2.\7")"}, "peer"},
    {"x-real-ip", real, {"192.0.2.7"}, "192.0.2.7"},
    {"x-real-ip, twice: that of the proxy", real, {"198.51.100.1", "192.0.2.7"}, "192.0.2.7"},
};

TEST(forwarded_chain, finds_the_client_as_far_as_it_can_be_believed) {
    const trusted known{proxies};
    for (const row& each : rows) {
        SCOPED_TRACE(each.name);
        forwarded_chain chain{each.field, known};
        for (const auto line : each.lines) chain.take(line);
        EXPECT_EQ(chain.client() ? to_text(*chain.client()) : "peer", each.client);
    }
}

TEST(forwarded_chain, a_list_says_the_same_in_one_line_and_cut_into_two_at_a_comma) {
    const trusted known{proxies};
    const std::string list = "1.1.1.1, x, 192.0.2.7:80, [2001:db8:1::5], 10.0.0.2";
    for (std::size_t comma = list.find(','); comma != list.npos; comma = list.find(',', comma + 1)) {
        forwarded_chain chain{x_for, known};
        chain.take(std::string_view{list}.substr(0, comma));
        chain.take(std::string_view{list}.substr(comma + 1));
        EXPECT_EQ(to_text(chain.client().value_or(address{})), "192.0.2.7");
    }
}

TEST(forwarding, fields_have_names_in_any_case_of_letters) {
    EXPECT_EQ(forwarding_of("X-Forwarded-For"), x_for);
    EXPECT_EQ(forwarding_of("forwarded"), rfc);
    EXPECT_EQ(forwarding_of("X-REAL-IP"), real);
    EXPECT_FALSE(forwarding_of("X-Forwarded-Host"));
    EXPECT_FALSE(forwarding_of(""));
}

} // namespace
} // namespace carillon::peer
