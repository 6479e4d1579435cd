#include "discovery/slots.hpp"
#include "ledger/script.hpp"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace carillon::discovery {
namespace {

using kind = redirection::kind;

struct slot_case {
    const char* key;
    std::uint16_t slot; // as CLUSTER KEYSLOT of Redis 7.0 says
};

TEST(slots, are_those_that_redis_says) {
    const slot_case cases[] = {
        {"", 0},           {"123456789", 12'739}, {"foo", 12'182},
        {"{foo}", 12'182}, {"a{foo}b", 12'182},   {"a{foo}{bar}", 12'182},
        {"{}foo", 9'500},  {"foo{}{bar}", 8'363}, {"foo{{bar}}", 4'015},
        {"{foo", 13'308},
    };
    for (const auto& [key, slot] : cases) EXPECT_EQ(slot_of(key), slot) << key;
}

struct home_case {
    const char* channel;
    bool has_home;
};

TEST(slots, all_that_is_kept_of_a_channel_is_in_one) {
    const home_case cases[] = {
        {"mail:demo", true},  {"a{b}c", true}, {"a}b", true}, {"{a", true},
        {"#$\xc3\xa9", true}, {"}", false},    {"}a", false}, {"", false},
    };
    const ledger::names in{"carillon"};
    for (const auto& [channel, has_home] : cases) {
        std::vector<std::string> keys = in.attendance(channel);
        keys.insert(keys.end(), {in.stream(channel), in.place(channel), in.key(channel, "a{b}")});
        EXPECT_EQ(in_one_slot(keys), has_home) << channel;
        if (!has_home) continue;
        for (const std::string& each : keys) EXPECT_EQ(slot_of(each), home_slot(channel)) << each;
    }
}

struct redirection_case {
    const char* error;
    std::optional<kind> what;
    std::uint16_t slot = 0;
    place where{};
};

TEST(redirection, says_what_to_do_instead) {
    const redirection_case cases[] = {
        {"MOVED 3999 127.0.0.1:6381", kind::moved, 3'999, {"127.0.0.1", 6'381}},
        {"MOVED 0 db1.example.com:1", kind::moved, 0, {"db1.example.com", 1}},
        {"MOVED 16383 2001:db8::1:6379", kind::moved, 16'383, {"2001:db8::1", 6'379}},
        {"MOVED 1 :6379", kind::moved, 1, {"", 6'379}},
        {"ASK 7 10.0.0.1:65535", kind::asked, 7, {"10.0.0.1", 65'535}},
        {"TRYAGAIN Multiple keys request during rehashing of slot", kind::later},
        {"CLUSTERDOWN The cluster is down", kind::down},
        {"CLUSTERDOWN Hash slot not served", kind::down},
        {"MOVED", {}},
        {"MOVED 1", {}},
        {"MOVED 16384 a:1", {}},
        {"MOVED -1 a:1", {}},
        {"MOVED 1x a:1", {}},
        {"MOVED 1 a:0", {}},
        {"MOVED 1 a:65536", {}},
        {"MOVED 1 a", {}},
        {"MOVED 1 /run/redis.sock:1", {}},
        {"MOVEDX 1 a:1", {}},
        {"CROSSSLOT Keys in request don't hash to the same slot", {}},
        {"NOSCRIPT No matching script.", {}},
        {"", {}},
    };
    for (const auto& [error, what, slot, where] : cases) {
        const auto found = redirection_of(error);
        ASSERT_EQ(found.has_value(), what.has_value()) << error;
        if (!found) continue;
        EXPECT_EQ(found->what, *what) << error;
        EXPECT_EQ(found->slot, slot) << error;
        EXPECT_EQ(found->where, where) << error;
    }
}

TEST(redirection, takes_any_bytes) {
    std::mt19937 random{7};
    for (int i = 0; i < 20'000; ++i) {
        std::string text = random() % 2 == 0 ? "MOVED " : "ASK ";
        for (auto left = random() % 24; left > 0; --left)
            text += random() % 3 == 0 ? static_cast<char>(random() % 256) : "0123456789 :./a"[random() % 15];
        const auto found = redirection_of(text);
        if (!found) continue;
        EXPECT_LT(found->slot, slots) << text;
        EXPECT_TRUE(found->what == kind::later || found->what == kind::down || found->where.port != 0) << text;
    }
}

} // namespace
} // namespace carillon::discovery
