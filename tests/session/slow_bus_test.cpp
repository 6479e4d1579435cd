#include "support/test_shard.hpp"

#include <deque>
#include <string>
#include <utility>
#include <vector>

namespace carillon::test {
namespace {

using words = std::vector<std::string>;

// A bus whose answers the test gives.
class slow_bus final : public bus::broker {
public:
    bus::interest subscribe(std::string_view, bool, bus::subscription_listener& who, bus::ticket whose) override {
        waiters.emplace_back(&who, whose);
        return answer;
    }
    void withdraw(std::string_view channel, std::uint64_t connection) override {
        heard.push_back("withdraw " + std::string{channel});
        for (const auto& [who, whose] : std::exchange(waiters, {})) {
            if (whose.connection == connection) who->on_subscribed(whose);
        }
    }
    void unsubscribe(std::string_view channel) override { heard.push_back("unsubscribe " + std::string{channel}); }
    std::optional<bus::publish_result> publish(std::string_view, const bus::publication&, bus::publish_listener& who,
                                               bus::ticket whose) override {
        publishers.emplace_back(&who, whose);
        return std::nullopt;
    }
    bool congested() const noexcept override { return false; }
    void on_time(std::chrono::steady_clock::time_point) override {}

    void answer_publish() {
        const auto [who, whose] = publishers.front();
        publishers.pop_front();
        who->on_published(whose, std::uint32_t{0});
    }

    bus::interest answer = bus::interest::confirmed;
    words heard;
    std::vector<std::pair<bus::subscription_listener*, bus::ticket>> waiters;
    std::deque<std::pair<bus::publish_listener*, bus::ticket>> publishers;
};

shard_options with(slow_bus& bus) {
    shard_options how;
    how.clients_bus = &bus;
    return how;
}

constexpr const char* subscribe_a = R"({"id":2,"subscribe":{"channel":"a"}})";

TEST(slow_bus, a_subscribe_that_it_cannot_take_fails_for_the_time_being) {
    slow_bus bus;
    test_shard shard{with(bus)};
    ws_client client = shard.connected();
    bus.answer = bus::interest::refused;
    client.say(subscribe_a);
    shard.settle();
    EXPECT_EQ(client.heard(),
              words{R"({"id":2,"error":{"code":100,"message":"internal server error","temporary":true}})"});
    EXPECT_EQ(shard.subscribers.subscriptions(), 0u);
    EXPECT_EQ(bus.heard, words{}) << "it knows nothing of it";
    bus.answer = bus::interest::confirmed;
    client.say(subscribe_a);
    shard.settle();
    EXPECT_EQ(client.heard(), words{R"({"id":2,"subscribe":{}})"});
}

TEST(slow_bus, who_leaves_a_channel_to_others_before_it_is_confirmed_gets_both_answers) {
    slow_bus bus;
    bus.answer = bus::interest::pending;
    test_shard shard{with(bus)};
    ws_client stays = shard.connected(), leaves = shard.connected();
    stays.say(subscribe_a);
    leaves.say(subscribe_a);
    shard.settle();
    EXPECT_EQ(leaves.heard(), words{});
    leaves.say(R"({"id":3,"unsubscribe":{"channel":"a"}})");
    shard.settle();
    EXPECT_EQ(leaves.heard(), words{R"({"id":2,"subscribe":{}})"
                                    "\n"
                                    R"({"id":3,"unsubscribe":{}})"});
    EXPECT_EQ(bus.heard, words{"withdraw a"});
    EXPECT_EQ(shard.subscribers.subscribers("a"), 1u);
    stays.say(R"({"id":3,"unsubscribe":{"channel":"a"}})");
    shard.settle();
    EXPECT_EQ(bus.heard.back(), "unsubscribe a");
}

TEST(slow_bus, who_asks_for_what_it_missed_is_told_so_when_the_bus_has_confirmed) {
    slow_bus bus;
    bus.answer = bus::interest::pending;
    test_shard shard{with(bus)};
    ws_client client = shard.connected();
    client.say(R"({"id":2,"subscribe":{"channel":"a","recover":true}})");
    shard.settle();
    for (const auto& [who, whose] : bus.waiters) who->on_subscribed(whose);
    shard.settle();
    EXPECT_EQ(client.heard(), words{R"({"id":2,"subscribe":{"was_recovering":true}})"});
}

TEST(slow_bus, a_publication_is_counted_when_the_bus_has_taken_it_and_not_when_it_refuses) {
    slow_bus bus;
    test_shard shard{with(bus)};
    ws_client client = shard.connected();
    client.say(R"({"id":2,"publish":{"channel":"a","data":1}})");
    shard.settle();
    const auto [who, whose] = bus.publishers.front();
    bus.publishers.pop_front();
    who->on_published(whose, bus::make_error_code(bus::error::denied));
    shard.settle();
    EXPECT_EQ(client.heard(), words{R"({"id":2,"error":{"code":103,"message":"permission denied"}})"});
    EXPECT_EQ(shard.counters.publications(metrics::publication_source::client), 0u);
    client.say(R"({"id":3,"publish":{"channel":"a","data":1}})");
    shard.settle();
    EXPECT_EQ(shard.counters.publications(metrics::publication_source::client), 0u);
    bus.answer_publish();
    shard.settle();
    EXPECT_EQ(shard.counters.publications(metrics::publication_source::client), 1u);
}

TEST(slow_bus, the_commands_of_a_message_are_counted_on_behind_a_publish_that_waits) {
    slow_bus bus;
    shard_options how = with(bus);
    how.clients.commands_per_message_max = 3;
    const std::string publish = R"({"id":4,"publish":{"channel":"a","data":1}})"
                                "\n";
    for (const int commands : {3, 4}) {
        test_shard shard{how};
        ws_client client = shard.connected();
        std::string message;
        for (int i = 0; i < commands; ++i) message += publish;
        client.say(message);
        shard.settle();
        while (!bus.publishers.empty()) {
            bus.answer_publish();
            shard.settle();
        }
        EXPECT_EQ(shard.counters.protocol_failures(metrics::protocol_failure::too_many_commands),
                  commands > 3 ? 1u : 0u);
        EXPECT_EQ(shard.sessions.open(), 1u);
    }
}

} // namespace
} // namespace carillon::test
