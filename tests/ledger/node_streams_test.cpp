#include "ledger/node_streams.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

namespace carillon::ledger {
namespace {

using clock = node_streams::clock;
using kind = bus::home_question::kind;
using namespace std::chrono_literals;

// A server with one channel, and the connection to it: what it sends arrives in the order in which it sent it.
class model_server {
public:
    struct item {
        std::uint64_t call = 0; // 0: a publication
        streams::position at{};
        std::uint64_t since = 0;
        std::uint64_t page = 0; // publications in it at most; 0: any number
    };

    void publish(bool heard) {
        ++top;
        if (heard && subscribed) sent.push_back({.at = here()});
    }
    void read(std::uint64_t call, const ledger::call& what) {
        const std::uint64_t since = std::stoull(what.arguments[3]);
        const bool pages = what.arguments[0] == "after";
        const bool recovers = pages || what.arguments[0] == "recover";
        const bool same = what.arguments[4].empty() || what.arguments[4] == here().epoch.view();
        sent.push_back({.call = call,
                        .at = here(),
                        .since = recovers && same ? since : top,
                        .page = pages ? std::stoull(what.arguments[5]) : 0});
    }
    void lose_data() {
        ++incarnation;
        top = 0;
    }
    void cut() {
        sent.clear();
        subscribed = false;
    }
    streams::position here() const { return {top, streams::epoch::of_number(incarnation)}; }

    std::uint64_t top = 0;
    std::uint64_t incarnation = 1;
    bool subscribed = false;
    std::deque<item> sent;
};

struct subscriber {
    streams::position last{};
    bool there = false;
};

// The gateway's side: what it hears, and whether each of its subscribers hears everything once, in order, or is told.
class rig : public node_listener {
public:
    explicit rig(std::size_t page = 1000, std::uint64_t kept = 5)
        : kept_max{kept},
          node({.reads_max = 2, .patience = 1000ms, .page = {.publications_max = page}}, names{"p"}, *this) {}

    bool on_call(std::uint64_t number, const call& what) override {
        if (!connected) return false;
        server.read(number, what);
        return true;
    }
    void on_told(std::uint32_t, std::uint64_t number, const result<bus::home_answer>& said) override {
        const std::size_t who = asked.at(number);
        asked.erase(number);
        if (!said) return;
        subscriber& its = all[who];
        const bool missed_all = said->said == streams::verdict::recovered;
        if (missed_all && its.last.offset != 0 && said->publications != nullptr) {
            EXPECT_EQ(said->publications->first, its.last.offset + 1);
            EXPECT_EQ(said->publications->publications.size(), said->top.offset - its.last.offset);
        }
        its = {said->top, true};
    }
    void hear(const envelope& what) {
        for (subscriber& each : all) {
            if (!each.there) continue;
            ASSERT_EQ(each.last.epoch, what.at.epoch);
            ASSERT_EQ(each.last.offset + 1, what.at.offset);
            each.last = what.at;
        }
    }
    void on_missed(std::string_view, const envelope& what) override { hear(what); }
    void on_lost(std::string_view) override {
        for (subscriber& each : all) told += each.there ? 1 : 0;
        for (subscriber& each : all) each.there = false;
    }
    void ask(std::size_t who) {
        node_streams::question what{.shard = 0, .number = ++last, .channel = "c", .what = {.joins = true}, .how = {}};
        what.what.about = kind::recover;
        what.what.since = all[who].last;
        asked[last] = who;
        waiting.insert(who);
        node.ask(std::move(what), server.subscribed && confirmed, now);
    }
    // One thing that the server has sent.
    void receive() {
        if (server.sent.empty()) return;
        const auto next = server.sent.front();
        server.sent.pop_front();
        if (next.call == 0) {
            envelope what{.at = next.at, .published = {"1", true}};
            if (node.on_publication("c", what)) hear(what);
            return;
        }
        answer(next);
    }
    void answer(const model_server::item& next) {
        std::deque<std::string> texts{std::to_string(next.at.offset), std::string{next.at.epoch.view()}};
        std::vector<resp::node> nodes{{.kind = resp::type::array}};
        const auto text = [&](std::string what) {
            texts.push_back(std::move(what));
            nodes.push_back({.kind = resp::type::bulk_string, .depth = 1, .text = texts.back()});
        };
        text(std::to_string(next.at.offset));
        text(std::string{next.at.epoch.view()});
        nodes.push_back({.kind = resp::type::integer, .depth = 1, .integer = static_cast<std::int64_t>(kept(next))});
        nodes.push_back({.kind = resp::type::integer, .depth = 1, .integer = 0});
        std::uint64_t first = next.since + 1;
        if (next.page > 0) first = std::max(first, next.at.offset - kept(next) + 1);
        const std::uint64_t end = next.page > 0 ? std::min(first + next.page, next.at.offset + 1) : next.at.offset + 1;
        if (next.page > 0 || next.at.offset - next.since <= kept(next)) {
            for (std::uint64_t i = first; i < end; ++i) {
                text(std::to_string(i) + "-0");
                text("j0 0 1");
            }
        }
        node.on_answer(next.call, nodes);
    }
    std::uint64_t kept(const model_server::item& at) const { return std::min<std::uint64_t>(at.at.offset, kept_max); }

    std::uint64_t kept_max;
    model_server server;
    node_streams node;
    bool connected = false;
    bool confirmed = false;
    clock::time_point now{};
    std::vector<subscriber> all{6};
    std::map<std::uint64_t, std::size_t> asked;
    std::set<std::size_t> waiting;
    std::uint64_t last = 0;
    std::uint64_t told = 0;
};

struct amounts {
    std::size_t page;   // publications in one answer
    std::uint64_t kept; // by the server
};
class node_streams_of : public testing::TestWithParam<amounts> {};
INSTANTIATE_TEST_SUITE_P(amounts, node_streams_of, testing::Values(amounts{1000, 5}, amounts{2, 5}, amounts{2, 200}),
                         [](const auto& each) {
                             return std::to_string(each.param.page) + "_of_" + std::to_string(each.param.kept);
                         });

TEST_P(node_streams_of, everybody_hears_everything_once_and_in_order_or_is_told) {
    std::uint64_t gaps = 0;
    std::uint64_t lost = 0;
    std::uint64_t shared = 0;
    for (unsigned seed = 1; seed <= 300; ++seed) {
        SCOPED_TRACE(seed);
        std::mt19937 random{seed};
        const auto below = [&](unsigned n) { return static_cast<unsigned>(random() % n); };
        rig it{GetParam().page, GetParam().kept};
        for (int step = 0; step < 400; ++step) {
            switch (below(12)) {
            case 0:
                if (it.connected) break;
                it.connected = true;
                break;
            case 1:
                if (!it.connected || it.server.subscribed) break;
                it.server.subscribed = it.confirmed = true;
                it.node.on_subscribed("c");
                break;
            case 2:
                if (below(6) > 0) break;
                it.connected = it.confirmed = false;
                it.server.cut();
                it.node.on_away();
                break;
            case 3:
                if (below(20) == 0) it.server.lose_data();
                break;
            case 4: it.server.publish(below(10) > 0); break; // some get lost on the way
            case 5:
            case 6: it.server.publish(true); break;
            case 7: {
                const std::size_t who = below(static_cast<unsigned>(it.all.size()));
                const bool waits = std::ranges::any_of(it.asked, [&](const auto& each) { return each.second == who; });
                if (!waits && !it.all[who].there) it.ask(who);
                break;
            }
            case 8: it.all[below(static_cast<unsigned>(it.all.size()))].there = false; break;
            default: it.receive(); break;
            }
            it.node.pump();
            if (::testing::Test::HasFatalFailure()) return;
        }
        // In the end everybody who is there stands where the stream stands.
        it.connected = true;
        if (!it.server.subscribed) {
            it.server.subscribed = it.confirmed = true;
            it.node.on_subscribed("c");
        }
        it.server.publish(true);
        for (int i = 0; i < 2000; ++i) {
            it.node.pump();
            it.receive();
        }
        EXPECT_TRUE(it.asked.empty());
        for (const subscriber& each : it.all) EXPECT_TRUE(!each.there || each.last == it.server.here());
        gaps += it.node.counts().gaps;
        lost += it.node.counts().lost;
        shared += it.node.counts().reads_shared;
    }
    EXPECT_GT(gaps, 100u);
    EXPECT_GT(lost, 100u);
    EXPECT_GT(shared, 100u);
}

TEST(node_streams, what_is_too_much_for_one_answer_comes_in_pages) {
    rig it{3, 100};
    it.connected = it.confirmed = it.server.subscribed = true;
    it.ask(0);
    it.node.pump();
    it.receive();
    ASSERT_TRUE(it.all[0].there);
    for (int i = 0; i < 10; ++i) it.server.publish(false);
    it.server.publish(true);                              // by which the gap is noticed
    for (int i = 0; i < 2; ++i) it.server.publish(false); // while it is read
    for (int i = 0; i < 20; ++i) {
        it.receive();
        it.node.pump();
    }
    EXPECT_EQ(it.all[0].last, it.server.here());
    EXPECT_EQ(it.told, 0u);
    EXPECT_EQ(it.node.counts().gaps, 1u);
    EXPECT_EQ(it.node.counts().reads, 1u + 1u + 5u) << "the first, one that is too much, and five pages";
}

TEST(node_streams, a_question_does_not_wait_for_ever) {
    rig it;
    it.ask(0);
    EXPECT_EQ(it.node.wake_at(), it.now + 1000ms);
    it.node.on_time(it.now + 999ms);
    EXPECT_FALSE(it.asked.empty());
    it.node.on_time(it.now + 1000ms);
    EXPECT_TRUE(it.asked.empty());
    EXPECT_FALSE(it.all[0].there);
    it.connected = true;
    it.node.on_subscribed("c");
    it.node.pump();
    EXPECT_TRUE(it.server.sent.empty()); // nobody wants to know any more
}

// Of several servers, one is away: what was asked of the others goes on.
class several final : public node_listener {
public:
    bool on_call(std::uint64_t number, const call& what) override {
        EXPECT_TRUE(may_call(channel_of(what)));
        sent.emplace_back(number, channel_of(what));
        return true;
    }
    bool may_call(std::string_view channel) const override { return !away.contains(std::string{channel}); }
    void on_told(std::uint32_t, std::uint64_t number, const result<bus::home_answer>& said) override {
        told.push_back(std::to_string(number) + (said ? " yes" : " " + said.error().message()));
    }
    void on_missed(std::string_view, const envelope&) override {}
    void on_lost(std::string_view) override {}

    static std::string channel_of(const call& what) {
        const std::string& key = what.keys.at(0);
        return key.substr(key.find('{') + 1, key.find('}') - key.find('{') - 1);
    }
    void ask(std::uint64_t number, const char* channel, bool joins) {
        node_streams::question what{
            .shard = 0, .number = number, .channel = channel, .what = {.joins = joins}, .how = {}};
        what.what.about = joins ? kind::recover : kind::history;
        node.ask(std::move(what), true, {});
    }
    std::string take_sent() {
        node.pump();
        std::string line;
        for (const auto& [number, channel] : std::exchange(sent, {})) line += channel;
        return line;
    }

    std::set<std::string> away;
    std::vector<std::pair<std::uint64_t, std::string>> sent;
    std::vector<std::string> told;
    node_streams node{{.reads_max = 3, .patience = 1000ms, .page = {}}, names{"p"}, *this};
};

TEST(node_streams, what_is_asked_of_a_server_that_is_away_does_not_hold_up_the_others) {
    several it;
    it.away = {"a"};
    for (std::uint64_t i = 0; i < 10; ++i) it.ask(i, "a", false);
    it.ask(10, "b", false);
    it.ask(11, "c", false);
    std::string sent;
    for (int i = 0; i < 5; ++i) sent += it.take_sent();
    EXPECT_EQ(sent, "bc");
    EXPECT_EQ(it.node.waiting(), 12u);
    it.away.clear();
    EXPECT_EQ(it.take_sent(), "a") << "as many as may be under way";
}

TEST(node_streams, when_one_of_several_servers_is_lost_only_what_it_was_asked_is_asked_again) {
    several it;
    it.ask(1, "a", true);
    it.ask(2, "b", true);
    it.ask(3, "a", false);
    EXPECT_EQ(it.take_sent(), "aba");
    it.node.on_away([](std::string_view channel) { return channel == "a"; });
    EXPECT_EQ(it.take_sent(), "a") << "the history; who joins waits for the subscription";
    it.node.on_subscribed("a");
    EXPECT_EQ(it.take_sent(), "a");
    EXPECT_TRUE(it.node.on_answer((std::uint64_t{1} << 63) | 2, {}, bus::error::away)) << "that of b is awaited still";
    EXPECT_EQ(it.told, std::vector<std::string>{"2 " + bus::make_error_code(bus::error::away).message()});
}

TEST(node_streams, no_more_readings_are_under_way_than_may_be) {
    rig it;
    it.connected = true;
    for (int i = 0; i < 5; ++i) {
        node_streams::question what{.shard = 0, .number = ++it.last, .channel = "c", .what = {}, .how = {}};
        what.what.about = kind::history;
        it.asked[it.last] = 0;
        it.node.ask(std::move(what), false, it.now);
    }
    it.node.pump();
    EXPECT_EQ(it.server.sent.size(), 2u);
    it.receive();
    it.node.pump();
    EXPECT_EQ(it.server.sent.size(), 2u);
    EXPECT_EQ(it.node.waiting(), 4u);
}

} // namespace
} // namespace carillon::ledger
