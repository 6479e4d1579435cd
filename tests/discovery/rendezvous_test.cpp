#include "discovery/rendezvous.hpp"
#include "ledger/script.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <string>
#include <vector>

namespace carillon::discovery {
namespace {

struct home_case {
    const char* channel;
    std::size_t home; // as Python: max(servers, key=lambda s: hashlib.sha256((s + " " + channel).encode()).digest())
};

TEST(rendezvous, is_what_everybody_can_work_out) {
    const rendezvous three{{"a:6379", "b:6379", "c:6379"}};
    const home_case cases[] = {
        {"", 2}, {"news", 0}, {"mail:demo", 1}, {"chat:#42", 2}, {"x{y}z", 1}, {"\xc3\xa9", 0}, {"carillon.control", 2},
    };
    for (const auto& [channel, home] : cases) EXPECT_EQ(three.home_of(channel), home) << channel;
    const rendezvous two{{"10.0.0.1:6379", "[::1]:7"}};
    EXPECT_EQ(two.home_of("news"), 0u);
    EXPECT_EQ(two.home_of("mail:demo"), 1u);
    EXPECT_EQ(rendezvous{{"a:6379"}}.home_of("news"), 0u);
}

using names = std::vector<std::string>;

std::string home_in(const names& servers, const std::string& channel) {
    return servers[rendezvous{servers}.home_of(channel)];
}

struct change_case {
    const char* name;
    names before;
    names after;
    const char* whose; // channels that may move come from it, or go to it; empty: none may
};

TEST(rendezvous, who_comes_or_goes_moves_its_own_channels_alone) {
    const change_case cases[] = {
        {"another_order", {"a:1", "b:2", "c:3"}, {"c:3", "a:1", "b:2"}, ""},
        {"one_more", {"a:1", "b:2", "c:3"}, {"a:1", "d:4", "b:2", "c:3"}, "d:4"},
        {"one_less", {"a:1", "b:2", "c:3"}, {"a:1", "c:3"}, "b:2"},
        {"the_first_goes", {"a:1", "b:2", "c:3"}, {"b:2", "c:3"}, "a:1"},
        {"all_but_one_go", {"a:1", "b:2"}, {"b:2"}, "a:1"},
    };
    for (const auto& [name, before, after, whose] : cases) {
        for (int i = 0; i < 500; ++i) {
            const std::string channel = "room:" + std::to_string(i);
            const std::string from = home_in(before, channel);
            const std::string to = home_in(after, channel);
            EXPECT_TRUE(from == to || from == whose || to == whose) << name << ' ' << channel;
            EXPECT_FALSE(from == whose && to == whose && after.size() < before.size()) << name << ' ' << channel;
        }
    }
}

TEST(rendezvous, each_has_about_as_many_channels) {
    constexpr std::size_t channels = 8'000;
    const rendezvous all{{"10.0.0.1:6379", "10.0.0.2:6379", "10.0.0.3:6379", "10.0.0.4:6379"}};
    std::array<std::size_t, 4> counts{};
    for (std::size_t i = 0; i < channels; ++i) ++counts[all.home_of("user:#" + std::to_string(i))];
    for (const std::size_t each : counts) {
        EXPECT_GT(each, channels / 4 * 9 / 10);
        EXPECT_LT(each, channels / 4 * 11 / 10);
    }
}

TEST(rendezvous, a_key_leads_to_its_channel) {
    const ledger::names in{"carillon"};
    for (const std::string channel : {"news", "", "}", "{", "a}b", "{a}", "x{y}z", "}{"}) {
        EXPECT_EQ(channel_of(in.place(channel)), channel);
        EXPECT_EQ(channel_of(in.stream(channel)), channel);
        for (const std::string& each : in.attendance(channel)) EXPECT_EQ(channel_of(each), channel);
    }
    EXPECT_EQ(channel_of("no braces"), "no braces");
    EXPECT_EQ(channel_of("}{"), "}{");
}

} // namespace
} // namespace carillon::discovery
