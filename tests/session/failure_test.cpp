#include "support/test_shard.hpp"

#include <functional>
#include <string>
#include <vector>

namespace carillon::test {
namespace {

using words = std::vector<std::string>;

// Hears everything, until nothing more comes.
void hear(test_shard& shard, ws_client& client, words& all) {
    for (words some = client.heard(); !some.empty(); some = client.heard()) {
        all.insert(all.end(), some.begin(), some.end());
        shard.settle();
    }
}

struct outcome {
    words victim;
    words bystander;
    std::uint64_t calls = 0; // socket calls made for the victim
    bool struck = false;
    bool gone = false; // the server has ended the victim before it hung up
};

// The step after a scripted EAGAIN or short count: the edge that a kernel would have owed.
void take_step(test_shard& shard, int victim) {
    shard.settle();
    if (script.struck) shard.nudge(victim);
}

// Everything a connection does in its life, with the k-th of its socket calls failing.
outcome lead_a_life(std::uint64_t strike_at, mishap what) {
    outcome result;
    test_shard shard;
    ws_client bystander = shard.connected("a");
    auto [mine, near] = socket_pair();
    ws_client victim{std::move(near)};
    script = {.victim = mine, .strike_at = strike_at, .what = what};
    victim.write(upgrade_request.substr(0, 60));
    shard.accept(shard.sessions, mine);
    take_step(shard, mine);
    victim.write(upgrade_request.substr(60));
    take_step(shard, mine);
    const std::string response = victim.response();
    if (!response.empty()) result.victim.push_back(response);
    const std::function<void()> steps[] = {
        [&] { victim.say(R"({"id":1,"connect":{}})"); },
        [&] { victim.write(std::string_view{text_frame(R"({"id":2,"subscribe":{"channel":"a"}})")}.substr(0, 20)); },
        [&] { victim.write(std::string_view{text_frame(R"({"id":2,"subscribe":{"channel":"a"}})")}.substr(20)); },
        [&] { bystander.say(R"({"id":3,"publish":{"channel":"a","data":"from the other"}})"); },
        [&] { victim.say(R"({"id":4,"publish":{"channel":"a","data":"from the victim"}})"); },
        [&] { victim.write(client_frame(ws::opcode::ping, "p")); },
        [&] { shard.publish("a", R"("from behind")"); },
        [&] { victim.write(close_frame(1000)); },
    };
    for (const auto& step : steps) {
        step();
        take_step(shard, mine);
        if (!result.victim.empty()) hear(shard, victim, result.victim);
        hear(shard, bystander, result.bystander);
    }
    result.calls = script.calls;
    result.struck = script.struck;
    result.gone = shard.sessions.open() == 1;
    victim.hang_up();
    take_step(shard, mine);
    EXPECT_EQ(shard.sessions.open(), 1u);
    EXPECT_EQ(shard.records.size(), 1u);
    EXPECT_EQ(shard.subscribers.subscriptions(), 1u);
    shard.expect_at_rest();
    // The other one is served as before.
    shard.publish("a", "0");
    EXPECT_EQ(bystander.heard(), words{R"({"push":{"channel":"a","pub":{"data":0}}})"});
    bystander.hang_up();
    shard.expect_empty();
    EXPECT_EQ(script.closes, 2u) << "a descriptor is left open, or closed twice";
    script = {};
    return result;
}

bool is_beginning_of(const words& part, const words& whole) {
    return part.size() <= whole.size() && std::equal(part.begin(), part.end(), whole.begin());
}

TEST(failures, at_every_socket_call_of_a_connections_life_are_survived) {
    const outcome undisturbed = lead_a_life(0, mishap::reset);
    ASSERT_EQ(undisturbed.victim.size(), 10u);
    ASSERT_GT(undisturbed.calls, 15u);
    for (const mishap what : mishaps) {
        bool struck = true;
        for (std::uint64_t k = 1; struck; ++k) {
            SCOPED_TRACE(fmt::format("{} at call {}", name_of(what), k));
            const outcome disturbed = lead_a_life(k, what);
            struck = disturbed.struck;
            if (!is_fatal(what)) {
                EXPECT_EQ(disturbed.victim, undisturbed.victim);
                EXPECT_EQ(disturbed.bystander, undisturbed.bystander);
            } else if (struck) {
                words heard = disturbed.victim;
                if (!heard.empty() && heard.back() == "end") heard.pop_back();
                EXPECT_TRUE(is_beginning_of(heard, undisturbed.victim)) << testing::PrintToString(heard);
                EXPECT_TRUE(disturbed.gone);
            }
            if (HasFailure()) return;
        }
    }
}

constexpr int published = 12;

std::string large(int number) { return fmt::format(R"({{"n":{},"fill":"{}"}})", number, std::string(5'000, 'x')); }

// A peer that reads in small steps, so that its frames go through the outbox.
outcome read_slowly(std::uint64_t strike_at, mishap what, bool bulk_only) {
    outcome result;
    test_shard shard;
    ws_client victim = shard.connected("a", 8'192);
    ws_client bystander = shard.connected("a");
    script = {.victim = victim.far(), .strike_at = strike_at, .what = what, .bulk_only = bulk_only};
    for (int i = 0; i < published; ++i) {
        shard.publish("a", large(i));
        take_step(shard, victim.far());
        hear(shard, bystander, result.bystander);
    }
    for (int quiet = 0; quiet < 3;) {
        victim.read_up_to(3'000);
        take_step(shard, victim.far());
        const std::size_t before = victim.received().size();
        victim.read_up_to(1);
        quiet = victim.received().size() == before ? quiet + 1 : 0;
    }
    result.victim = victim.heard();
    result.calls = script.calls;
    result.struck = script.struck;
    result.gone = shard.sessions.open() == 1;
    EXPECT_EQ(shard.counters.outboxes, 0);
    EXPECT_EQ(shard.counters.outbox_bytes, 0);
    victim.hang_up();
    take_step(shard, victim.far());
    EXPECT_EQ(shard.sessions.open(), 1u);
    shard.expect_at_rest();
    bystander.hang_up();
    shard.expect_empty();
    EXPECT_EQ(script.closes, 2u);
    script = {};
    return result;
}

TEST(failures, at_every_send_from_an_outbox_are_survived) {
    for (const bool bulk_only : {false, true}) {
        const outcome undisturbed = read_slowly(0, mishap::reset, bulk_only);
        ASSERT_EQ(undisturbed.victim.size(), static_cast<std::size_t>(published));
        ASSERT_GT(undisturbed.calls, 2u);
        for (const mishap what : mishaps) {
            bool struck = true;
            for (std::uint64_t k = 1; struck; ++k) {
                SCOPED_TRACE(fmt::format("{} at {} {}", name_of(what), bulk_only ? "send_many" : "call", k));
                const outcome disturbed = read_slowly(k, what, bulk_only);
                struck = disturbed.struck;
                EXPECT_EQ(disturbed.bystander, undisturbed.bystander);
                if (!is_fatal(what)) {
                    EXPECT_EQ(disturbed.victim, undisturbed.victim);
                } else if (struck) {
                    EXPECT_TRUE(disturbed.gone);
                    for (std::size_t i = 0; i + 1 < disturbed.victim.size(); ++i) {
                        EXPECT_EQ(disturbed.victim[i], undisturbed.victim[i]);
                    }
                }
                if (HasFailure()) return;
            }
        }
    }
}

// EINTR is not EAGAIN: the socket still has room, so no edge would ever come for it.
TEST(failures, an_interrupted_send_is_tried_again_at_once) {
    test_shard shard;
    ws_client client = shard.connected("a");
    shard.settle(); // the client has read, which makes an edge
    script = {.victim = client.far(), .strike_at = 1, .what = mishap::interrupted};
    shard.publish("a", "1");
    EXPECT_TRUE(script.struck);
    EXPECT_EQ(client.heard(), words{R"({"push":{"channel":"a","pub":{"data":1}}})"});
    shard.expect_at_rest();
    script = {};
}

TEST(failures, a_connection_that_fails_within_a_delivery_is_ended_after_it) {
    test_shard shard;
    std::vector<ws_client> clients;
    for (int i = 0; i < 10; ++i) clients.push_back(shard.connected("a"));
    for (int i = 0; i < 10; i += 2) clients[static_cast<std::size_t>(i)].hang_up(); // unseen until the next turn
    EXPECT_EQ(shard.subscribers.publish("a", {"1", true, {}}), 10u);
    shard.subscribers.flush();
    EXPECT_EQ(shard.sessions.open(), 10u);
    shard.settle();
    EXPECT_EQ(shard.sessions.open(), 5u);
    for (std::size_t i = 1; i < 10; i += 2) EXPECT_EQ(clients[i].heard().size(), 1u);
    clients.clear();
    shard.expect_empty();
}

} // namespace
} // namespace carillon::test
