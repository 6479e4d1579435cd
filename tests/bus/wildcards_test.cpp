#include "bus/embedded_bus.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

namespace carillon::bus {
namespace {

// Shards without threads: what they leave each other is handled in run().
struct shard final : hub::sink, publish_listener, subscription_listener {
    shard(embedded_bus& bus, std::uint32_t number) : broker{bus.connect(number, context, subscribers)} {
        subscribers.attach(hub::format::websocket_json, *this);
    }
    void encode(hub::format, std::string_view channel, const hub::publication& what, std::string& out) override {
        out.append(channel).append(">").append(what.to).append("=").append(what.payload).append(";");
    }
    void deliver(hub::subscriber, hub::frames& what) override { heard += what.bytes(); }
    void on_subscribed(ticket) override {}
    void on_subscribe_failed(ticket, std::string_view, error) override {}
    void on_unsubscribed(std::string_view, error) override {}
    void on_published(ticket, publish_result receivers) override { counted = receivers->receivers; }

    boost::asio::io_context context{1};
    hub::deliveries queue;
    hub::hub subscribers{queue};
    embedded_broker& broker;
    std::string heard;
    std::uint32_t counted = 0;
};

struct house {
    explicit house(std::uint32_t count) : bus{count} {
        for (std::uint32_t i = 0; i < count; ++i) shards.push_back(std::make_unique<shard>(bus, i));
    }
    void run() {
        for (int i = 0; i < 10; ++i) {
            for (const auto& each : shards) {
                each->context.restart();
                each->context.poll();
                each->subscribers.flush();
            }
        }
    }
    std::uint32_t publish(std::uint32_t from, const std::string& channel) {
        shard& by = *shards[from];
        const auto done = by.broker.publish(channel, {{"x", false, {}}}, by, {});
        if (done) by.counted = (*done)->receivers;
        run();
        return by.counted;
    }
    embedded_bus bus;
    std::vector<std::unique_ptr<shard>> shards;
};

TEST(embedded_bus_wildcards, hear_what_is_published_on_any_shard_and_nothing_else) {
    for (const std::uint32_t count : {1u, 2u, 3u}) {
        house all{count};
        shard& last = *all.shards.back();
        hub::memberships list;
        const auto who = hub::subscriber::make(1, hub::format::websocket_json);
        const auto join = [&](std::string_view name, hub::name_kind what) {
            const auto said = last.subscribers.subscribe(who, list, name, {}, what);
            last.broker.subscribe(name, said == hub::subscribe_outcome::joined_first, last, {});
        };
        join("n:a.*", hub::name_kind::wildcard);
        join("n:*", hub::name_kind::wildcard);
        join("n:a.b", hub::name_kind::channel);
        EXPECT_EQ(all.publish(0, "n:a.b"), 3u);
        EXPECT_EQ(all.publish(0, "n:a.c.d"), 2u);
        EXPECT_EQ(all.publish(0, "n:b"), 1u);
        EXPECT_EQ(all.publish(0, "m:a.b"), 0u);
        EXPECT_EQ(last.heard, "n:a.b>=x;n:*>n:a.b=x;n:a.*>n:a.b=x;n:*>n:a.c.d=x;n:a.*>n:a.c.d=x;n:*>n:b=x;") << count;
        last.subscribers.unsubscribe_all(list, [&](std::string_view name) { last.broker.unsubscribe(name); });
        EXPECT_EQ(all.publish(0, "n:a.b"), 0u);
    }
}

} // namespace
} // namespace carillon::bus
