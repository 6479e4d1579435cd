#include "presence/registry.hpp"
#include "support/allocations.hpp"

#include <boost/uuid/uuid_io.hpp>
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>

namespace carillon::presence {
namespace {

client_id id_of(unsigned number) {
    client_id made{};
    made.data[0] = static_cast<std::uint8_t>(number);
    made.data[1] = static_cast<std::uint8_t>(number >> 8);
    return made;
}

TEST(presence_registry, knows_who_is_there) {
    registry all;
    EXPECT_TRUE(all.enter("chat", id_of(1), {"42", "a"}));
    EXPECT_TRUE(all.enter("chat", id_of(2), {"42", "b"}));
    EXPECT_TRUE(all.enter("chat", id_of(3), {"", "c"}));
    EXPECT_TRUE(all.enter("other", id_of(1), {"42", "d"}));
    EXPECT_EQ(all.count("chat").clients, 3u);
    EXPECT_EQ(all.count("chat").users, 2u);
    EXPECT_EQ(all.count("nowhere").clients, 0u);
    std::map<client_id, std::string> seen;
    all.each("chat", [&](const client_id& who, const registry::member& what) { seen[who] = what.info; });
    EXPECT_EQ(seen, (std::map<client_id, std::string>{{id_of(1), "a"}, {id_of(2), "b"}, {id_of(3), "c"}}));
}

TEST(presence_registry, who_is_there_does_not_come_again) {
    registry all;
    EXPECT_TRUE(all.enter("chat", id_of(1), {"42", "a"}));
    EXPECT_FALSE(all.enter("chat", id_of(1), {"43", "b"}));
    EXPECT_EQ(all.count("chat").users, 1u);
    const auto left = all.leave("chat", id_of(1));
    ASSERT_NE(left, nullptr);
    EXPECT_EQ(left->info, "a");
    EXPECT_EQ(all.leave("chat", id_of(1)), nullptr);
    EXPECT_EQ(all.leave("nowhere", id_of(1)), nullptr);
    EXPECT_EQ(all.channels(), 0u);
    EXPECT_EQ(all.entries(), 0u);
}

TEST(presence_registry, a_channel_with_few_costs_little_more_than_they_do) {
    constexpr std::int64_t channels = 10'000;
    const struct {
        const char* name;
        unsigned members;
        std::int64_t
            bytes_max; // of a channel: its name, 32 bytes of the crowd, and each member's 80 and 64 of its info
    } cases[] = {{"one", 1, 350}, {"four", 4, 1'200}};
    for (const auto& each : cases) {
        registry all;
        const std::int64_t before = test::heap_use_now().live_bytes;
        for (std::int64_t channel = 0; channel < channels; ++channel) {
            for (unsigned who = 0; who < each.members; ++who)
                all.enter("notifications:#" + std::to_string(channel), id_of(who), {"42", std::string(60, 'i')});
        }
        EXPECT_LE((test::heap_use_now().live_bytes - before) / channels, each.bytes_max) << each.name;
    }
}

TEST(presence_registry, random_histories_agree_with_a_model) {
    for (unsigned seed = 1; seed <= 20; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        std::minstd_rand random{seed};
        registry all;
        std::map<std::string, std::map<unsigned, std::string>> model;
        for (int step = 0; step < 2'000; ++step) {
            const std::string channel(1, static_cast<char>('a' + random() % 4));
            const auto who = static_cast<unsigned>(random() % 30);
            const std::string user = std::to_string(who % 7);
            auto& members = model[channel];
            if (random() % 2 == 0) {
                EXPECT_EQ(all.enter(channel, id_of(who), {user, user}), members.emplace(who, user).second);
            } else {
                EXPECT_EQ(all.leave(channel, id_of(who)) != nullptr, members.erase(who) == 1);
            }
            std::set<std::string> users;
            for (const auto& [client, its] : members) users.insert(its);
            std::map<unsigned, std::string> listed;
            all.each(channel,
                     [&](const client_id& of, const registry::member& what) { listed.emplace(of.data[0], what.info); });
            EXPECT_EQ(listed, members);
            EXPECT_EQ(all.count(channel).clients, members.size());
            EXPECT_EQ(all.count(channel).users, users.size());
        }
    }
}

} // namespace
} // namespace carillon::presence
