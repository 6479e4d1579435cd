#include "peer/proxy_header.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace carillon::peer {
namespace {

using namespace std::string_literals;

constexpr std::string_view signature{"\r\n\r\n\0\r\nQUIT\n", 12};

std::string version_2(unsigned char command, unsigned char family, const std::string& said) {
    return std::string{signature} + static_cast<char>(command) + static_cast<char>(family) +
           static_cast<char>(said.size() >> 8) + static_cast<char>(said.size() & 0xff) + said;
}

std::string tlv(unsigned char type, const std::string& value) {
    return ""s + static_cast<char>(type) + static_cast<char>(value.size() >> 8) +
           static_cast<char>(value.size() & 0xff) + value;
}

const std::string ipv4 = "\xc0\x00\x02\x07\x0a\x00\x00\x01\x12\x67\x01\xbb"s; // 192.0.2.7:4711 to 10.0.0.1:443
const std::string ipv6 =
    "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x07"s + "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01"s + "\x12\x67\x01\xbb"s;

struct good {
    const char* name;
    std::string header;
    bool local;
    std::string_view source;
};
const good all_good[] = {
    {"one: tcp4", "PROXY TCP4 192.0.2.7 10.0.0.1 4711 443\r\n", false, "192.0.2.7"},
    {"one: tcp6", "PROXY TCP6 2001:db8::7 2001:db8::1 4711 443\r\n", false, "2001:db8::7"},
    {"one: port 0", "PROXY TCP4 192.0.2.7 10.0.0.1 0 65535\r\n", false, "192.0.2.7"},
    {"one: the longest",
     "PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 "
     "65535\r\n",
     false, "unknown"},
    {"one: unknown, short", "PROXY UNKNOWN\r\n", false, "unknown"},
    {"two: tcp4", version_2(0x21, 0x11, ipv4), false, "192.0.2.7"},
    {"two: tcp6", version_2(0x21, 0x21, ipv6), false, "2001:db8::7"},
    {"two: local", version_2(0x20, 0x00, ""), true, "unknown"},
    {"two: local, with addresses that do not count", version_2(0x20, 0x11, ipv4), true, "unknown"},
    {"two: local, of a family that is none", version_2(0x20, 0x77, "abc"), true, "unknown"},
    {"two: unspecified, and what it says of it", version_2(0x21, 0x00, "abc"), false, "unknown"},
    {"two: a unix socket", version_2(0x21, 0x31, std::string(216, 'p')), false, "unknown"},
    {"two: with unknown TLVs", version_2(0x21, 0x11, ipv4 + tlv(0xe0, "what?") + tlv(0x04, "")), false, "192.0.2.7"},
    {"two: as long as may be", version_2(0x21, 0x11, ipv4 + tlv(0xe0, std::string(proxy_header_bytes_max - 31, 'x'))),
     false, "192.0.2.7"},
};

TEST(proxy_header, is_read_wherever_it_is_cut_and_what_follows_is_left) {
    for (const good& each : all_good) {
        SCOPED_TRACE(each.name);
        proxy_header read;
        const std::size_t step = each.header.size() > 1'000 ? 97 : 1;
        for (std::size_t cut = 0; cut < each.header.size(); cut += step)
            ASSERT_EQ(read_proxy_header(std::string_view{each.header}.substr(0, cut), read), header_outcome::need_more)
                << cut;
        for (const auto* after : {"", "GET / HTTP/1.1\r\n", "\r\n"}) {
            ASSERT_EQ(read_proxy_header(each.header + after, read), header_outcome::complete);
            EXPECT_EQ(read.bytes, each.header.size());
            EXPECT_EQ(read.local, each.local);
            EXPECT_EQ(to_text(read.source), each.source);
        }
    }
}

struct bad {
    const char* name;
    std::string bytes;
};
const bad all_bad[] = {
    {"a request", "GET / HTTP/1.1\r\n\r\n"},
    {"a TLS handshake", "\x16\x03\x01\x02\x00\x01"},
    {"zeros", std::string(16, '\0')},
    {"small letters", "proxy TCP4 192.0.2.7 10.0.0.1 4711 443\r\n"},
    {"one: another family", "PROXY UDP4 192.0.2.7 10.0.0.1 4711 443\r\n"},
    {"one: ipv6 in tcp4", "PROXY TCP4 2001:db8::7 10.0.0.1 4711 443\r\n"},
    {"one: two spaces", "PROXY TCP4  192.0.2.7 10.0.0.1 4711 443\r\n"},
    {"one: a space at the end", "PROXY TCP4 192.0.2.7 10.0.0.1 4711 443 \r\n"},
    {"one: a port too many", "PROXY TCP4 192.0.2.7 10.0.0.1 4711 443 443\r\n"},
    {"one: no ports", "PROXY TCP4 192.0.2.7 10.0.0.1\r\n"},
    {"one: a port too large", "PROXY TCP4 192.0.2.7 10.0.0.1 4711 65536\r\n"},
    {"one: a port with a zero before it", "PROXY TCP4 192.0.2.7 10.0.0.1 04711 443\r\n"},
    {"one: a name", "PROXY TCP4 localhost 10.0.0.1 4711 443\r\n"},
    {"one: nothing", "PROXY \r\n"},
    {"one: without an end", "PROXY UNKNOWN " + std::string(93, 'x')},
    {"two: version 1", version_2(0x11, 0x11, ipv4)},
    {"two: another command", version_2(0x22, 0x11, ipv4)},
    {"two: another family", version_2(0x21, 0x41, ipv4)},
    {"two: another protocol", version_2(0x21, 0x13, ipv4)},
    {"two: too short for ipv4", version_2(0x21, 0x11, ipv4.substr(1))},
    {"two: too short for ipv6", version_2(0x21, 0x21, ipv4)},
    {"two: a TLV that is torn", version_2(0x21, 0x11, ipv4 + "\xe0\x00"s)},
    {"two: a TLV that reaches over the end", version_2(0x21, 0x11, ipv4 + "\xe0\x00\x05what"s)},
    {"two: longer than may be", version_2(0x21, 0x11, std::string(proxy_header_bytes_max - 15, 'x'))},
    {"two: as long as can be said", version_2(0x21, 0x11, std::string(65'535, 'x'))},
};

TEST(proxy_header, what_is_none_is_refused_at_some_byte_and_from_there_on) {
    for (const bad& each : all_bad) {
        SCOPED_TRACE(each.name);
        proxy_header read;
        bool refused = false;
        for (std::size_t cut = 0; cut <= std::min<std::size_t>(each.bytes.size(), 200); ++cut) {
            const auto outcome = read_proxy_header(std::string_view{each.bytes}.substr(0, cut), read);
            ASSERT_NE(outcome, header_outcome::complete) << cut;
            ASSERT_FALSE(refused && outcome == header_outcome::need_more) << cut;
            refused = outcome == header_outcome::refused;
        }
        EXPECT_EQ(read_proxy_header(each.bytes, read), header_outcome::refused);
    }
}

} // namespace
} // namespace carillon::peer
