#include "ledger/node_presence.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace carillon::ledger {
namespace {

using clock = node_presence::clock;
using namespace std::chrono_literals;

// What the server has been told, call by call.
class rig : public call_taker {
public:
    bool on_call(std::uint64_t number, const call& what) override {
        if (!takes) return false;
        EXPECT_TRUE(may_call(what.arguments.at(0)));
        numbers.push_back(number);
        calls.push_back(what);
        if (answers) pending.push_back(number);
        return true;
    }
    bool may_call(std::string_view channel) const override { return !away.contains(std::string{channel}); }
    void pump() {
        node.pump(now);
        while (!pending.empty()) {
            const auto taken = std::exchange(pending, {});
            for (const auto each : taken) EXPECT_TRUE(node.on_answer(each));
            node.pump(now);
        }
    }
    std::size_t clients_in(std::size_t index) const {
        const call& its = calls.at(index);
        return its.which == program::enter ? (its.arguments.size() - 3) / 3 : its.arguments.size() - 2;
    }
    static presence::client_id client(unsigned number) {
        presence::client_id made{};
        made.data[0] = static_cast<std::uint8_t>(number);
        made.data[1] = static_cast<std::uint8_t>(number >> 8);
        return made;
    }
    void enter(unsigned who, const std::string& channel = "c") {
        node.enter(channel, client(who), {"ann", "{}"}, {}, now);
    }
    void leave(unsigned who, const std::string& channel = "c") { node.leave(channel, client(who), {}, now); }

    clock::time_point now{};
    node_presence node{
        {.ttl = 30s, .clients_per_call = 4, .calls_max = 2, .comeback = 5s, .waiting_max = 8}, names{"p"}, *this};
    bool takes = true;
    std::set<std::string> away; // channels whose server is
    bool answers = true;
    std::vector<call> calls;
    std::vector<std::uint64_t> numbers;
    std::vector<std::uint64_t> pending;
};

TEST(node_presence, many_of_one_channel_are_one_call) {
    rig it;
    for (unsigned i = 0; i < 6; ++i) it.enter(i);
    it.enter(6, "d");
    it.pump();
    ASSERT_EQ(it.calls.size(), 3u);
    EXPECT_EQ(it.clients_in(0), 4u);
    EXPECT_EQ(it.clients_in(1), 2u);
    EXPECT_EQ(it.calls[2].keys[0], "p.there.{d}");
    EXPECT_EQ(it.node.entries(), 7u);
}

TEST(node_presence, they_are_told_again_before_the_server_forgets) {
    rig it;
    it.enter(1);
    it.pump();
    EXPECT_EQ(it.node.wake_at(), it.now + 10s);
    it.now += 9s;
    it.pump();
    EXPECT_EQ(it.calls.size(), 1u);
    it.now += 1s;
    it.pump();
    ASSERT_EQ(it.calls.size(), 2u);
    it.leave(1);
    it.pump();
    EXPECT_EQ(it.calls.back().which, program::leave);
    it.now += 60s;
    it.pump();
    EXPECT_EQ(it.calls.size(), 3u);
    EXPECT_EQ(it.node.entries(), 0u);
}

TEST(node_presence, comings_and_goings_stay_in_order) {
    rig it;
    it.enter(1);
    it.pump();
    it.leave(1);
    it.enter(1);
    it.pump();
    ASSERT_EQ(it.calls.size(), 3u);
    EXPECT_EQ(it.calls[1].which, program::leave);
    EXPECT_EQ(it.calls[2].which, program::enter);
    it.enter(2); // who comes and goes at once has not been there
    it.leave(2);
    it.pump();
    ASSERT_EQ(it.calls.size(), 4u);
    EXPECT_EQ(it.calls[3].which, program::leave);
}

TEST(node_presence, no_more_calls_are_under_way_than_may_be) {
    rig it;
    it.answers = false;
    for (unsigned i = 0; i < 20; ++i) it.enter(i);
    it.node.pump(it.now);
    EXPECT_EQ(it.calls.size(), 2u);
    EXPECT_EQ(it.node.wake_at(), clock::time_point::max());
    EXPECT_TRUE(it.node.on_answer(it.numbers[0]));
    EXPECT_FALSE(it.node.on_answer(it.numbers[0]));
    it.node.pump(it.now);
    EXPECT_EQ(it.calls.size(), 3u);
}

TEST(node_presence, after_a_reconnect_all_are_told_again_one_after_the_other) {
    rig it;
    for (unsigned i = 0; i < 10; ++i) it.enter(i, "c" + std::to_string(i));
    it.pump();
    it.calls.clear();
    it.node.on_away();
    it.now += 20s;
    it.node.on_back(it.now);
    it.pump();
    EXPECT_EQ(it.calls.size(), 1u);
    it.now += 2500ms;
    it.pump();
    EXPECT_EQ(it.calls.size(), 6u);
    it.now += 2500ms;
    it.pump();
    EXPECT_EQ(it.calls.size(), 10u);
}

TEST(node_presence, a_server_of_several_that_is_away_does_not_hold_up_the_others) {
    rig it;
    it.away = {"c"};
    for (unsigned i = 0; i < 6; ++i) it.enter(i, i % 2 == 0 ? "c" : "d");
    it.pump();
    ASSERT_EQ(it.calls.size(), 3u);
    EXPECT_EQ(it.node.wake_at(), it.now + 1s);
    it.leave(2, "c");
    it.leave(4, "c");
    it.pump();
    it.now += 1s; // still away
    it.pump();
    it.enter(4, "c");
    it.pump();
    ASSERT_EQ(it.calls.size(), 3u);
    it.away.clear();
    it.now += 1s;
    it.pump();
    std::vector<std::string> said;
    for (std::size_t i = 3; i < it.calls.size(); ++i) {
        EXPECT_EQ(it.calls[i].keys[0], "p.there.{c}");
        said.push_back((it.calls[i].which == program::enter ? "+" : "-") + std::to_string(it.clients_in(i)));
    }
    EXPECT_EQ(said, (std::vector<std::string>{"+1", "-1", "+1"})) << "who has come back has not gone";
    EXPECT_EQ(it.node.entries(), 5u);
}

TEST(node_presence, what_waits_for_a_server_that_is_away_is_bounded) {
    rig it;
    it.takes = false;
    for (unsigned i = 0; i < 1000; ++i) {
        it.enter(i);
        it.leave(i);
    }
    it.takes = true;
    it.pump();
    std::size_t told = 0;
    for (std::size_t i = 0; i < it.calls.size(); ++i) told += it.clients_in(i);
    EXPECT_LE(told, 9u); // of those who have gone
}

TEST(node_presence, who_is_forgotten_is_not_spoken_of_any_more) {
    rig r;
    r.enter(1);
    r.enter(2);
    r.pump();
    EXPECT_EQ(r.calls.size(), 1u);
    r.node.forget("c", rig::client(1));
    EXPECT_EQ(r.node.entries(), 1u);
    r.pump();
    EXPECT_EQ(r.calls.size(), 1u) << "nobody is told that it has left";
    r.now += 15s;
    r.pump();
    ASSERT_EQ(r.calls.size(), 2u);
    EXPECT_EQ(r.clients_in(1), 1u) << "only the other is told of again";
    r.node.forget("c", rig::client(1));
    r.node.forget("elsewhere", rig::client(2));
    r.node.forget("c", rig::client(2));
    EXPECT_EQ(r.node.entries(), 0u);
}

} // namespace
} // namespace carillon::ledger
