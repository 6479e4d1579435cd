#include "endpoints/error.hpp"
#include "endpoints/redis_address.hpp"

#include <gtest/gtest.h>

namespace carillon::endpoints {
namespace {

struct good_case {
    const char* name;
    std::string_view text;
    redis_address expected;
    std::string_view shown;
};

TEST(redis_address, a_good_url_is_read_and_shown_without_the_password) {
    const good_case cases[] = {
        {"a name", "redis://bus", {"bus", 6379, "default", ""}, "redis://bus:6379"},
        {"a name with dots and dashes",
         "redis://a-1.b_2.example.com:1",
         {"a-1.b_2.example.com", 1, "default", ""},
         "redis://a-1.b_2.example.com:1"},
        {"the largest port", "redis://bus:65535", {"bus", 65535, "default", ""}, "redis://bus:65535"},
        {"IPv4", "redis://10.0.0.1", {"10.0.0.1", 6379, "default", ""}, "redis://10.0.0.1:6379"},
        {"IPv6", "redis://[::1]", {"::1", 6379, "default", ""}, "redis://[::1]:6379"},
        {"a long IPv6 host is shortened", "redis://[0:0:0:0:0:0:0:1]:7", {"::1", 7, "default", ""}, "redis://[::1]:7"},
        {"database 0", "redis://bus/0", {"bus", 6379, "default", ""}, "redis://bus:6379"},
        {"database 0 after a port", "redis://[::1]:7/0", {"::1", 7, "default", ""}, "redis://[::1]:7"},
        {"another database", "redis://bus/1", {"bus", 6379, "default", ""}, "redis://bus:6379"},
        {"a database that is larger than any number",
         "redis://bus/99999999999999999999999",
         {"bus", 6379, "default", ""},
         "redis://bus:6379"},
        {"a database with zeros in front", "redis://bus:7/007", {"bus", 7, "default", ""}, "redis://bus:7"},
        {"a slash", "redis://bus/", {"bus", 6379, "default", ""}, "redis://bus:6379"},
        {"a slash after a port", "redis://[::1]:7/", {"::1", 7, "default", ""}, "redis://[::1]:7"},
        {"user and password", "redis://ann:ring@bus", {"bus", 6379, "ann", "ring"}, "redis://ann@bus:6379"},
        {"a password alone", "redis://:ring@bus:7", {"bus", 7, "default", "ring"}, "redis://bus:7"},
        {"the default user by name", "redis://default:ring@bus", {"bus", 6379, "default", "ring"}, "redis://bus:6379"},
        {"a user alone", "redis://ann@bus", {"bus", 6379, "ann", ""}, "redis://ann@bus:6379"},
        {"an empty password", "redis://ann:@bus", {"bus", 6379, "ann", ""}, "redis://ann@bus:6379"},
        {"nobody", "redis://@bus", {"bus", 6379, "default", ""}, "redis://bus:6379"},
        {"colons in the password", "redis://ann:a:b::@bus", {"bus", 6379, "ann", "a:b::"}, "redis://ann@bus:6379"},
        {"what a URL writes as it is",
         "redis://a.b:-._~!$&'()*+,;=@bus",
         {"bus", 6379, "a.b", "-._~!$&'()*+,;="},
         "redis://a.b@bus:6379"},
        {"what a URL writes as %XX",
         "redis://a%40b%3a:%2F%3F%23%5b%5D%25%20@bus:7",
         {"bus", 7, "a@b:", "/?#[]% "},
         "redis://a%40b%3A@bus:7"},
        {"other languages", "redis://:%C3%A9@bus", {"bus", 6379, "default", "\xc3\xa9"}, "redis://bus:6379"},
        {"TLS", "rediss://bus", {"bus", 6379, "default", "", true}, "rediss://bus:6379"},
        {"TLS with a password",
         "rediss://:ring@bus:6380/0",
         {"bus", 6380, "default", "ring", true},
         "rediss://bus:6380"},
        {"several servers",
         "redis://a,b:7,[::1]",
         {"", 0, "default", "", false, {}, "", {}, {{"a", 6379}, {"b", 7}, {"::1", 6379}}},
         "redis://a:6379,b:7,[::1]:6379"},
        {"several servers, each with the scheme",
         "redis://:ring@a,redis://b,c/1",
         {"", 0, "default", "ring", false, {}, "", {}, {{"a", 6379}, {"b", 6379}, {"c", 6379}}},
         "redis://a:6379,b:6379,c:6379"},
        {"several servers with TLS and commas in the password",
         "rediss://ann:a,b@a:1,rediss://b:2",
         {"", 0, "ann", "a,b", true, {}, "", {}, {{"a", 1}, {"b", 2}}},
         "rediss://ann@a:1,b:2"},
        {"a unix socket", "unix:/run/redis.sock", {"/run/redis.sock", 0}, "unix:/run/redis.sock"},
        {"a unix socket as a URL", "unix:///run/redis.sock", {"/run/redis.sock", 0}, "unix:/run/redis.sock"},
        {"a unix socket with a user",
         "unix://ann:ring@/run/a@b.sock",
         {"/run/a@b.sock", 0, "ann", "ring"},
         "unix:ann@/run/a@b.sock"},
        {"a Sentinel",
         "redis-sentinel://s1/mymaster",
         {"", 0, "default", "", false, {{"s1", 26379}}, "mymaster"},
         "redis-sentinel://s1:26379/mymaster"},
        {"Sentinels with TLS and a password",
         "rediss-sentinel://ann:ring@s1:1,10.0.0.1,[::1]:7/my-master.1",
         {"", 0, "ann", "ring", true, {{"s1", 1}, {"10.0.0.1", 26379}, {"::1", 7}}, "my-master.1"},
         "rediss-sentinel://ann@s1:1,10.0.0.1:26379,[::1]:7/my-master.1"},
        {"a node of a cluster",
         "redis-cluster://a",
         {"", 0, "default", "", false, {}, "", {{"a", 6379}}},
         "redis-cluster://a:6379"},
        {"nodes of a cluster with TLS and a password",
         "rediss-cluster://ann:ring@a:1,10.0.0.1,[::1]:7/0",
         {"", 0, "ann", "ring", true, {}, "", {{"a", 1}, {"10.0.0.1", 6379}, {"::1", 7}}},
         "rediss-cluster://ann@a:1,10.0.0.1:6379,[::1]:7"},
    };
    for (const auto& [name, text, expected, shown] : cases) {
        const auto read = parse_redis_address(text);
        ASSERT_TRUE(read.has_value()) << name << ": " << read.error().message();
        EXPECT_EQ(*read, expected) << name;
        EXPECT_EQ(to_string(*read), shown) << name;
        auto again = parse_redis_address(to_string(*read));
        ASSERT_TRUE(again.has_value()) << name;
        EXPECT_EQ(again->password, "") << name;
        again->password = expected.password;
        EXPECT_EQ(*again, expected) << name;
    }
}

struct bad_case {
    const char* name;
    std::string text;
    error expected;
};

TEST(redis_address, a_bad_url_is_refused_with_the_reason) {
    using namespace std::string_literals;
    const bad_case cases[] = {
        {"nothing", "", error::not_a_redis_url},
        {"host and port", "bus:6379", error::not_a_redis_url},
        {"one slash", "redis:/bus", error::not_a_redis_url},
        {"another scheme", "http://bus", error::not_a_redis_url},
        {"a socket without a path", "unix:", error::path_not_absolute},
        {"a socket that is the root", "unix:/", error::path_not_absolute},
        {"a path from here", "unix:run/redis.sock", error::path_not_absolute},
        {"a path that is too long", "unix:/" + std::string(107, 'x'), error::path_not_absolute},
        {"a path with a line break", "unix:/run/a\nb", error::path_not_absolute},
        {"no master", "redis-sentinel://s1:26379", error::redis_master},
        {"an empty master", "redis-sentinel://s1:26379/", error::redis_master},
        {"a master with a path", "redis-sentinel://s1/mymaster/0", error::redis_master},
        {"a master's name that is too long", "redis-sentinel://s1/" + std::string(65, 'm'), error::redis_master},
        {"no Sentinel", "redis-sentinel:///mymaster", error::redis_host},
        {"an empty one among them", "redis-sentinel://s1,,s2/mymaster", error::redis_host},
        {"an empty one at the end", "redis-sentinel://s1,/mymaster", error::redis_host},
        {"a Sentinel's port", "redis-sentinel://s1,s2:0/mymaster", error::redis_port},
        {"too many Sentinels", "redis-sentinel://a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a/mymaster", error::redis_nodes},
        {"too many nodes", "redis-cluster://a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a", error::redis_nodes},
        {"too many servers", "redis://a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a", error::redis_nodes},
        {"an empty one among servers", "redis://a,,b", error::redis_host},
        {"an empty one at their end", "redis://a,", error::redis_host},
        {"a server's port", "redis://a,b:0", error::redis_port},
        {"servers with another scheme", "redis://a,rediss://b", error::redis_path},
        {"a password of the second", "redis://a,redis://:ring@b", error::redis_credentials},
        {"a path behind servers", "redis://a,b/x", error::redis_path},
        {"a unix socket among servers", "redis://a,unix:/b", error::redis_path},
        {"no node", "redis-cluster://", error::redis_host},
        {"an empty one among nodes", "redis-cluster://a,,b", error::redis_host},
        {"a database of a cluster", "redis-cluster://a/1", error::redis_path},
        {"a node's port", "redis-cluster://a:0", error::redis_port},
        {"capitals", "REDIS://bus", error::not_a_redis_url},
        {"a space in front", " redis://bus", error::not_a_redis_url},
        {"TLS without a host", "rediss://", error::redis_host},
        {"no host", "redis://", error::redis_host},
        {"no host but a port", "redis://:6379", error::redis_host},
        {"no host but a user", "redis://ann:ring@", error::redis_host},
        {"a space at the end", "redis://bus ", error::redis_host},
        {"a letter no name has", "redis://b%75s", error::redis_host},
        {"a dot in front", "redis://.bus", error::redis_host},
        {"two dots", "redis://a..b", error::redis_host},
        {"a dash in front", "redis://-bus", error::redis_host},
        {"a name too long", "redis://" + std::string(254, 'a'), error::redis_host},
        {"a NUL in the host", "redis://bus\0x"s, error::redis_host},
        {"three numbers", "redis://10.0.1", error::redis_host},
        {"a number too large", "redis://10.0.0.256", error::redis_host},
        {"IPv6 without brackets", "redis://::1", error::redis_host},
        {"a bracket that stays open", "redis://[::1", error::redis_host},
        {"something behind the bracket", "redis://[::1]6379", error::redis_host},
        {"IPv4 in brackets", "redis://[10.0.0.1]", error::redis_host},
        {"a name in brackets", "redis://[bus]", error::redis_host},
        {"an IPv6 zone", "redis://[fe80::1%25eth0]", error::redis_host},
        {"empty brackets", "redis://[]", error::redis_host},
        {"an empty port", "redis://bus:", error::redis_port},
        {"port 0", "redis://bus:0", error::redis_port},
        {"a port too large", "redis://bus:65536", error::redis_port},
        {"a port with a sign", "redis://bus:+1", error::redis_port},
        {"two ports", "redis://bus:1:2", error::redis_port},
        {"two ports of IPv6", "redis://[::1]:1:2", error::redis_port},
        {"no database number", "redis://bus/cache", error::redis_path},
        {"letters behind the database", "redis://bus/1x", error::redis_path},
        {"a sign before the database", "redis://bus/-1", error::redis_path},
        {"a slash behind the database", "redis://bus/1/", error::redis_path},
        {"two slashes", "redis://bus//", error::redis_path},
        {"a space as the database", "redis://bus/ ", error::redis_path},
        {"a byte of UTF-8 as the database", "redis://bus/\xd9\xa1", error::redis_path},
        {"a query", "redis://bus?db=0", error::redis_path},
        {"a query after the path", "redis://bus/0?x", error::redis_path},
        {"a fragment", "redis://bus#x", error::redis_path},
        {"an @ in the password", "redis://:a@b@bus", error::credentials_not_encoded},
        {"a slash in the password", "redis://:a/b@bus", error::credentials_not_encoded},
        {"a question mark in the user", "redis://a?:b@bus", error::credentials_not_encoded},
        {"a space in the password", "redis://:a b@bus", error::credentials_not_encoded},
        {"a byte of UTF-8 in the password", "redis://:\xc3\xa9@bus", error::credentials_not_encoded},
        {"a raw NUL", "redis://:\0@bus"s, error::credentials_not_encoded},
        {"half an escape", "redis://:a%4@bus", error::credentials_not_encoded},
        {"an escape without digits", "redis://:%zz@bus", error::credentials_not_encoded},
        {"an escape with a sign", "redis://:%+1@bus", error::credentials_not_encoded},
        {"an escape with an x", "redis://:%0x1@bus", error::credentials_not_encoded},
        {"a lone percent sign", "redis://%@bus", error::credentials_not_encoded},
        {"an escaped newline", "redis://:a%0A@bus", error::credentials_with_control},
        {"an escaped NUL", "redis://a%00:b@bus", error::credentials_with_control},
        {"an escaped DEL", "redis://:%7f@bus", error::credentials_with_control},
    };
    for (const auto& [name, text, expected] : cases) {
        const auto read = parse_redis_address(text);
        ASSERT_TRUE(read.has_error()) << name;
        EXPECT_EQ(read.error(), make_error_code(expected)) << name << ": " << read.error().message();
    }
}

TEST(redis_address, every_beginning_of_a_good_url_is_read_without_harm) {
    const std::string text = "redis://ann:r%C3%AFng@[2001:db8::17]:6380/0";
    for (std::size_t size = 0; size <= text.size(); ++size) {
        const auto part = text.substr(0, size);
        const auto bracket = text.find(']') + 1;
        // A user alone could be a host. Nothing else is cut at a place where it means something.
        const bool host_alone = part == "redis://a" || part == "redis://an" || part == "redis://ann";
        const bool whole_host = size >= bracket && !part.ends_with("]:");
        EXPECT_EQ(parse_redis_address(part).has_value(), host_alone || whole_host) << part;
    }
}

TEST(redis_address, the_longest_name_is_taken) {
    const std::string host(253, 'a');
    const auto read = parse_redis_address("redis://" + host);
    ASSERT_TRUE(read.has_value());
    EXPECT_EQ(read->host, host);
}

} // namespace
} // namespace carillon::endpoints
