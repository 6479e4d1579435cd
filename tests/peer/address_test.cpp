#include "peer/address.hpp"
#include "peer/network.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace carillon::peer {
namespace {

using namespace std::string_view_literals;

TEST(address, texts_are_read_and_written_back) {
    struct row {
        const char* name;
        std::string_view text;
        std::string_view back; // empty: it is none
    };
    const row rows[] = {
        {"ipv4", "192.0.2.7", "192.0.2.7"},
        {"ipv6", "2001:DB8::7", "2001:db8::7"},
        {"an ipv4 address in ipv6 is an ipv4 address", "::ffff:192.0.2.7", "192.0.2.7"},
        {"loopback", "::1", "::1"},
        {"no zone", "fe80::1%eth0", ""},
        {"no brackets", "[::1]", ""},
        {"no port", "192.0.2.7:80", ""},
        {"no leading zero", "192.0.2.07", ""},
        {"no space", " 192.0.2.7", ""},
        {"three numbers", "192.0.2", ""},
        {"no name", "localhost", ""},
        {"nothing", "", ""},
        {"a NUL does not hide what follows", "192.0.2.7\0.example"sv, ""},
        {"too long", "0000:0000:0000:0000:0000:0000:0000:0000:0000:0000", ""},
    };
    for (const row& each : rows) {
        SCOPED_TRACE(each.name);
        const auto read = read_address(each.text);
        EXPECT_EQ(read ? to_text(*read) : "", each.back);
    }
    EXPECT_EQ(to_text({}), "unknown");
    EXPECT_FALSE(address{}.known());
    EXPECT_TRUE(is_ipv4(*read_address("::ffff:1.2.3.4")));
    EXPECT_FALSE(is_ipv4(*read_address("::1.2.3.4")));
}

TEST(address, what_proxies_write_around_it_is_taken_off) {
    struct row {
        std::string_view text;
        std::string_view back;
    };
    const row rows[] = {
        {"192.0.2.7", "192.0.2.7"},
        {"192.0.2.7:4711", "192.0.2.7"},
        {"2001:db8::7", "2001:db8::7"},
        {"[2001:db8::7]", "2001:db8::7"},
        {"[2001:db8::7]:80", "2001:db8::7"},
        {"[192.0.2.7]", ""},
        {"[2001:db8::7", ""},
        {"[2001:db8::7]80", ""},
        {"[2001:db8::7]:", ""},
        {"192.0.2.7:", ""},
        {"192.0.2.7:http", ""},
        {"192.0.2.7:123456", ""},
        {"[]", ""},
        {":", ""},
        {"unknown", ""},
    };
    for (const row& each : rows) {
        const auto read = read_address_with_port(each.text);
        EXPECT_EQ(read ? to_text(*read) : "", each.back) << each.text;
    }
}

TEST(network, has_the_addresses_that_begin_with_its_bits) {
    struct row {
        std::string_view network;
        std::vector<std::string_view> inside;
        std::vector<std::string_view> outside;
    };
    const row rows[] = {
        {"10.0.0.0/8", {"10.0.0.0", "10.255.255.255", "::ffff:10.1.2.3"}, {"11.0.0.0", "9.255.255.255", "a00::"}},
        {"10.1.2.3/8", {"10.255.255.255"}, {"11.0.0.0"}},
        {"192.0.2.4/30", {"192.0.2.4", "192.0.2.7"}, {"192.0.2.3", "192.0.2.8"}},
        {"192.0.2.7", {"192.0.2.7"}, {"192.0.2.6"}},
        {"0.0.0.0/0", {"192.0.2.7"}, {"2001:db8::7"}},
        {"2001:db8::/32", {"2001:db8::", "2001:db8:ffff::1"}, {"2001:db9::", "192.0.2.7"}},
        {"2001:db8:8000::/33", {"2001:db8:ffff::"}, {"2001:db8:7fff::"}},
        {"::1", {"::1"}, {"::2"}},
        {"::/0", {"192.0.2.7", "2001:db8::7"}, {}},
        {"::ffff:10.0.0.0/104", {"10.2.3.4"}, {"11.0.0.0"}},
    };
    for (const row& each : rows) {
        SCOPED_TRACE(each.network);
        const auto read = read_network(each.network);
        ASSERT_TRUE(read);
        for (const auto one : each.inside) EXPECT_TRUE(read->has(*read_address(one))) << one;
        for (const auto one : each.outside) EXPECT_FALSE(read->has(*read_address(one))) << one;
    }
}

TEST(network, what_is_none_is_refused) {
    for (const auto text : {"", "/", "/8", "10.0.0.0/", "10.0.0.0/33", "::/129", "10.0.0.0/-1", "10.0.0.0/8 ",
                            "10.0.0/8", "10.0.0.0/8/8", "example.com", "10.0.0.0/0x8", "unix"})
        EXPECT_FALSE(read_network(text)) << text;
    EXPECT_TRUE(is_trustable("unix"));
    EXPECT_FALSE(is_trustable("tcp"));
}

TEST(trusted, are_networks_and_unix_sockets) {
    const std::vector<std::string> texts{"10.0.0.0/8", "2001:db8::/32"};
    const trusted without{texts};
    EXPECT_TRUE(without.has(*read_address("10.1.1.1")));
    EXPECT_FALSE(without.has(*read_address("192.0.2.7")));
    EXPECT_FALSE(without.has({}));
    const std::vector<std::string> local{"unix"};
    EXPECT_TRUE(trusted{local}.has({}));
    EXPECT_FALSE(trusted{local}.has(*read_address("127.0.0.1")));
    EXPECT_TRUE(trusted{}.empty());
}

} // namespace
} // namespace carillon::peer
