#include "support/allocations.hpp"
#include "support/test_shard.hpp"

#include <string>
#include <vector>

namespace carillon::test {
namespace {

using namespace std::chrono_literals;

// What the server alone allocates while `action` runs: the test's own bytes are made before, and read afterwards.
template <class Action>
std::uint64_t allocations_after_warming_up(Action&& action) {
    for (int i = 0; i < 20; ++i) action();
    return allocations_during([&] {
        for (int i = 0; i < 100; ++i) action();
    });
}

// Reads and forgets, without memory of its own.
void drain(const peer& client) {
    std::array<char, 16'384> buffer;
    while (::recv(client.descriptor(), buffer.data(), buffer.size(), MSG_DONTWAIT) > 0) {}
}

struct packet {
    const char* name;
    std::string bytes;
};

TEST(allocations, none_for_a_command_and_its_reply) {
    const packet packets[] = {
        {"subscribe and unsubscribe", text_frame(R"({"id":5,"subscribe":{"channel":"b"}})") +
                                          text_frame(R"({"id":6,"unsubscribe":{"channel":"b"}})")},
        {"publish, heard by its publisher", text_frame(R"({"id":5,"publish":{"channel":"a","data":{"n":1}}})")},
        {"several commands in a message", text_frame(R"({"id":5,"rpc":{"method":"x"}})"
                                                     "\n"
                                                     R"({"id":6,"history":{"channel":"a"}})")},
        {"ping", client_frame(ws::opcode::ping, "p")},
    };
    test_shard shard;
    const ws_client other = shard.connected("b"); // keeps the channel
    const ws_client client = shard.connected("a");
    for (const packet& each : packets) {
        EXPECT_EQ(allocations_after_warming_up([&] {
                      client.write(each.bytes);
                      shard.settle();
                      drain(client);
                  }),
                  0u)
            << each.name;
    }
}

TEST(allocations, none_for_a_delivery_to_a_hundred) {
    test_shard shard;
    std::vector<ws_client> clients;
    for (int i = 0; i < 100; ++i) clients.push_back(shard.connected("a"));
    EXPECT_EQ(allocations_after_warming_up([&] {
                  shard.publish("a", R"({"bell":1})");
                  for (const ws_client& each : clients) drain(each);
              }),
              0u);
    EXPECT_EQ(shard.counters.send_again, 0u);
}

TEST(allocations, none_for_the_servers_ping_and_its_pong) {
    test_shard shard;
    const ws_client client = shard.connected("a");
    const std::string pong = text_frame("{}");
    EXPECT_EQ(allocations_after_warming_up([&] {
                  shard.advance(25'100ms);
                  client.write(pong);
                  shard.settle();
                  drain(client);
              }),
              0u);
    EXPECT_EQ(shard.counters.pongs_received, 120u);
}

// --- what a connection costs while nothing happens

constexpr std::int64_t connections = 1000;

struct idle_case {
    const char* name;
    bool one_channel;
    std::int64_t bytes_max; // for each, the 64 of its record included
};

TEST(memory, an_idle_subscriber_costs_its_record_and_its_place_in_the_hub) {
    const idle_case cases[] = {{"on one channel", true, 104}, {"on a channel of its own", false, 184}};
    for (const idle_case& each : cases) {
        SCOPED_TRACE(each.name);
        test_shard shard;
        std::vector<peer> clients; // no buffers of the test's own among what is counted
        clients.reserve(connections + 100);
        std::string hello;
        const auto join = [&](std::int64_t number) {
            hello = text_frame(fmt::format(R"({{"id":1,"connect":{{}}}})"
                                           "\n"
                                           R"({{"id":2,"subscribe":{{"channel":"mailbox:{}"}}}})",
                                           each.one_channel ? 0 : 100'000 + number));
            clients.push_back(shard.open(shard.sessions, upgrade_request));
            clients.back().write(hello);
            shard.settle();
            drain(clients.back());
        };
        for (std::int64_t i = 0; i < 100; ++i) join(i); // buffers and pools of the shard
        const std::int64_t before = heap_use_now().live_bytes;
        for (std::int64_t i = 0; i < connections; ++i) join(100 + i);
        const std::int64_t grown = heap_use_now().live_bytes - before;
        EXPECT_EQ(shard.subscribers.subscriptions(), 1100u);
        const std::int64_t cost =
            static_cast<std::int64_t>(net::slab::cell_bytes) + (grown + connections - 1) / connections;
        RecordProperty(each.one_channel ? "bytes_on_one_channel" : "bytes_on_own_channels", static_cast<int>(cost));
        EXPECT_LE(cost, each.bytes_max);
        for (std::uint32_t i = 0; i < shard.records.used(); ++i) {
            ASSERT_EQ(static_cast<const link::record&>(shard.records.at(i)).busy, nullptr);
        }
        shard.expect_at_rest();
    }
}

TEST(memory, what_a_busy_moment_has_taken_is_given_back) {
    test_shard shard;
    ws_client client = shard.connected("a", 8'192);
    const auto be_busy = [&] {
        // Half a message, and an outbox.
        const std::string frame =
            text_frame(R"({"id":5,"publish":{"channel":"a","data":")" + std::string(30'000, 'x') + R"("}})");
        client.write(std::string_view{frame}.substr(0, 20'000));
        shard.settle();
        client.write(std::string_view{frame}.substr(20'000));
        shard.settle();
        EXPECT_EQ(shard.counters.outboxes, 1);
        for (int i = 0; i < 20; ++i) {
            drain(client);
            shard.settle();
        }
        shard.expect_at_rest();
    };
    for (int i = 0; i < 3; ++i) be_busy();
    const std::int64_t before = heap_use_now().live_bytes;
    for (int i = 0; i < 3; ++i) be_busy();
    EXPECT_EQ(heap_use_now().live_bytes, before);
    EXPECT_EQ(static_cast<const link::record&>(shard.records.at(0)).busy, nullptr);
}

} // namespace
} // namespace carillon::test
