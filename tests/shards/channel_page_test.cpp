#include "resp/glob.hpp"
#include "shards/channel_page.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <vector>

namespace carillon::shards {
namespace {

/// A hub with channels, each with so many subscribers.
struct crowd {
    void subscribe(const std::string& channel) {
        const auto who = hub::subscriber::make(static_cast<std::uint32_t>(lists.size()), hub::format{});
        bells.subscribe(who, lists.emplace_back(), channel);
        ++all[channel];
    }

    hub::deliveries queue{{.sends_per_turn = 1, .batch_bytes_max = 1}};
    hub::hub bells{queue};
    std::vector<hub::memberships> lists;
    std::map<std::string, std::uint64_t> all;
};

channel_counts searched(const crowd& in, const api::channels_request& asked, std::size_t most, int& turns) {
    channel_search search{asked, most};
    for (turns = 1; !search.look(in.bells); ++turns) {}
    return search.take();
}

TEST(channel_search, finds_the_first_that_match) {
    crowd here;
    std::minstd_rand random{7};
    const std::size_t channels = 2 * channel_search::per_turn + 100;
    for (std::size_t i = 0; i < channels; ++i) here.subscribe(fmt::format("{}:{}", i % 3 == 0 ? "a" : "b", random()));
    here.subscribe(here.all.begin()->first);
    here.subscribe("\xff is no UTF-8");
    here.all.erase("\xff is no UTF-8");
    const std::string middle = std::next(here.all.begin(), 5'000)->first;
    const struct {
        const char* name;
        std::string pattern, after;
        std::size_t most;
    } cases[] = {
        {"the first few", "", "", 10},
        {"a page in the middle", "", middle, 1'000},
        {"all of them", "", "", channels + 10},
        {"one kind", "a:*", "", 100},
        {"none", "c:*", "", 100},
        {"after the last", "", "z", 5},
        {"one", "", "", 1},
    };
    for (const auto& each : cases) {
        channel_counts expected;
        for (const auto& [name, count] : here.all) {
            if (name <= each.after || expected.size() == each.most) continue;
            if (each.pattern.empty() || resp::glob_match(each.pattern, name)) expected.emplace_back(name, count);
        }
        int turns = 0;
        EXPECT_EQ(searched(here, {each.pattern, each.after, 0}, each.most, turns), expected) << each.name;
        EXPECT_EQ(turns, 3) << each.name; // whatever is asked for
    }
}

TEST(channel_search, finds_once_whoever_is_there_throughout) {
    crowd here;
    for (std::size_t i = 0; i < 3 * channel_search::per_turn; ++i) here.subscribe(fmt::format("{:06}", i));
    std::minstd_rand random{11};
    channel_search search{{}, 10 * channel_search::per_turn};
    std::vector<bool> gone(here.lists.size());
    while (!search.look(here.bells)) {
        for (int i = 0; i < 1'000; ++i) {
            const auto who = random() % gone.size();
            if (gone[who]) continue;
            gone[who] = true;
            here.bells.unsubscribe_all(here.lists[who], [](std::string_view) {});
        }
        here.subscribe(fmt::format("new {}", random()));
    }
    std::map<std::string, int> seen;
    for (const auto& [name, count] : search.take()) {
        EXPECT_EQ(count, 1u);
        ++seen[name];
    }
    for (std::size_t i = 0; i < gone.size(); ++i) {
        if (!gone[i]) { EXPECT_EQ(seen[fmt::format("{:06}", i)], 1) << i; }
    }
    EXPECT_TRUE(std::ranges::all_of(seen, [](const auto& each) { return each.second <= 1; }));
    for (auto& each : here.lists) here.bells.unsubscribe_all(each, [](std::string_view) {});
}

TEST(merge_channels, adds_up_and_says_whether_there_are_more) {
    const std::vector<channel_counts> lists{{{"a", 1}, {"c", 2}}, {{"a", 3}, {"b", 1}}};
    bool more = false;
    EXPECT_EQ(merge_channels(lists, 2, more), (channel_counts{{"a", 4}, {"b", 1}}));
    EXPECT_TRUE(more);
    EXPECT_EQ(merge_channels(lists, 3, more), (channel_counts{{"a", 4}, {"b", 1}, {"c", 2}}));
    EXPECT_FALSE(more);
}

} // namespace
} // namespace carillon::shards
