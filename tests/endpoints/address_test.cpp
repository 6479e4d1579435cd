#include "endpoints/address.hpp"
#include "endpoints/error.hpp"

#include <gtest/gtest.h>

#include <set>

namespace carillon::endpoints {
namespace {

struct good_case {
    const char* name;
    std::string_view text;
    address expected;
    std::string_view written;
};

TEST(address, a_good_text_is_read_and_written_in_one_form) {
    const good_case cases[] = {
        {"an IPv4 host", "127.0.0.1:8000", {"127.0.0.1", 8000}, "127.0.0.1:8000"},
        {"every IPv4 host", "0.0.0.0:1", {"0.0.0.0", 1}, "0.0.0.0:1"},
        {"an empty host is every host", ":8000", {"::", 8000}, "[::]:8000"},
        {"localhost is both loopbacks", "localhost:65535", {"localhost", 65535}, "localhost:65535"},
        {"a unix socket", "unix:/run/c.sock", {"/run/c.sock", 0}, "unix:/run/c.sock"},
        {"a unix socket with a colon", "unix:/run/c:1", {"/run/c:1", 0}, "unix:/run/c:1"},
        {"every host", "[::]:8000", {"::", 8000}, "[::]:8000"},
        {"a long IPv6 host is shortened", "[0:0:0:0:0:0:0:1]:9", {"::1", 9}, "[::1]:9"},
        {"an IPv6 host that holds IPv4", "[::ffff:10.0.0.1]:9", {"::ffff:10.0.0.1", 9}, "[::ffff:10.0.0.1]:9"},
        {"port 0 is any free port", "127.0.0.1:0", {"127.0.0.1", 0}, "127.0.0.1:0"},
    };
    for (const auto& [name, text, expected, written] : cases) {
        const auto read = parse_address(text);
        ASSERT_TRUE(read.has_value()) << name;
        EXPECT_EQ(*read, expected) << name;
        EXPECT_EQ(to_string(*read), written) << name;
        EXPECT_EQ(*parse_address(to_string(*read)), expected) << name;
    }
}

struct bad_case {
    const char* name;
    std::string_view text;
    error expected;
};

TEST(address, a_bad_text_is_refused_with_the_reason) {
    using namespace std::string_view_literals;
    const std::string longest = "unix:/" + std::string(106, 'a');
    EXPECT_TRUE(parse_address(longest).has_value());
    const std::string too_long = longest + "x";
    const bad_case cases[] = {
        {"nothing", "", error::address_without_port},
        {"a host alone", "127.0.0.1", error::address_without_port},
        {"a port alone", "8000", error::address_without_port},
        {"IPv6 without brackets", "::1:8000", error::address_without_port},
        {"IPv6 without port", "[::1]", error::address_without_port},
        {"an empty port", "127.0.0.1:", error::port_out_of_range},
        {"a port too large", "127.0.0.1:65536", error::port_out_of_range},
        {"a negative port", "127.0.0.1:-1", error::port_out_of_range},
        {"a port with a sign", "127.0.0.1:+1", error::port_out_of_range},
        {"a port with a space", "127.0.0.1: 80", error::port_out_of_range},
        {"a port with letters after it", "127.0.0.1:80x", error::port_out_of_range},
        {"a name", "example.com:80", error::host_not_numeric},
        {"three numbers", "10.0.1:80", error::host_not_numeric},
        {"IPv4 in brackets", "[127.0.0.1]:80", error::host_not_numeric},
        {"empty brackets", "[]:80", error::host_not_numeric},
        {"localhost in brackets", "[localhost]:80", error::host_not_numeric},
        {"an IPv6 zone", "[fe80::1%eth0]:80", error::host_not_numeric},
        {"no path", "unix:", error::path_not_absolute},
        {"a path that depends on where one is", "unix:c.sock", error::path_not_absolute},
        {"a path that no socket can have", too_long, error::path_not_absolute},
        {"a NUL in a path", "unix:/a\0b"sv, error::path_not_absolute},
        {"a NUL after the host", "127.0.0.1\0x:80"sv, error::host_not_numeric},
    };
    for (const auto& [name, text, expected] : cases) {
        const auto read = parse_address(text);
        ASSERT_TRUE(read.has_error()) << name;
        EXPECT_EQ(read.error(), make_error_code(expected)) << name << ": " << read.error().message();
    }
}

TEST(address, every_beginning_of_a_good_text_is_read_without_harm) {
    const std::string text = "[2001:db8::17]:8000";
    for (std::size_t size = 0; size <= text.size(); ++size) {
        const auto read = parse_address(std::string_view{text}.substr(0, size));
        EXPECT_EQ(read.has_value(), size >= text.find("]:") + 3) << size;
    }
}

TEST(address, two_addresses_overlap_if_one_process_cannot_listen_on_both) {
    const auto overlapping = [](std::string_view left, std::string_view right) {
        const bool answer = overlap(*parse_address(left), *parse_address(right));
        EXPECT_EQ(answer, overlap(*parse_address(right), *parse_address(left)));
        return answer;
    };
    EXPECT_TRUE(overlapping("127.0.0.1:80", "localhost:80"));
    EXPECT_TRUE(overlapping("[::1]:80", "localhost:80"));
    EXPECT_TRUE(overlapping("localhost:80", "localhost:80"));
    EXPECT_TRUE(overlapping("0.0.0.0:80", "localhost:80"));
    EXPECT_TRUE(overlapping("unix:/a", "unix:/a"));
    EXPECT_FALSE(overlapping("unix:/a", "unix:/b"));
    EXPECT_FALSE(overlapping("unix:/a", "[::]:80"));
    EXPECT_FALSE(overlapping("localhost:80", "127.0.0.2:80"));
    EXPECT_TRUE(overlapping("0.0.0.0:80", "127.0.0.1:80"));
    EXPECT_TRUE(overlapping("[::]:80", "127.0.0.1:80"));
    EXPECT_TRUE(overlapping("[::]:80", "0.0.0.0:80"));
    EXPECT_TRUE(overlapping("[::]:80", "[::1]:80"));
    EXPECT_FALSE(overlapping("0.0.0.0:80", "[::1]:80"));
    EXPECT_FALSE(overlapping("127.0.0.1:80", "127.0.0.2:80"));
    EXPECT_FALSE(overlapping("127.0.0.1:80", "127.0.0.1:81"));
    EXPECT_FALSE(overlapping("127.0.0.1:0", "127.0.0.1:0"));
}

TEST(error, every_reason_has_a_sentence_of_its_own) {
    std::set<std::string> sentences;
    const auto last = static_cast<int>(error::redis_path);
    for (int value = static_cast<int>(error::address_without_port); value <= last; ++value)
        EXPECT_TRUE(sentences.insert(make_error_code(static_cast<error>(value)).message()).second) << value;
    EXPECT_FALSE(sentences.contains(error_category().message(last + 1)));
    EXPECT_STREQ(error_category().name(), "carillon.endpoints");
}

} // namespace
} // namespace carillon::endpoints
