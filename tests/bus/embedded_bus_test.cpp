#include "bus/embedded_bus.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace carillon::bus {
namespace {

namespace asio = boost::asio;
using log = std::vector<std::string>;

// A shard with a thread of its own. Its subscribers are numbers, and what they hear is written down.
class shard final : public hub::sink, public publish_listener, public subscription_listener {
public:
    shard(embedded_bus& bus, std::uint32_t number) : broker{bus.connect(number, context, subscribers)} {
        subscribers.attach(hub::format::websocket_json, *this);
    }
    void start() {
        thread_ = std::jthread{[this] { context.run(); }};
    }
    void end() {
        busy_.reset();
        if (thread_.joinable()) thread_.join();
    }

    void join(std::uint32_t who, const std::string& channel) {
        if (subscribers.subscribe(hub::subscriber::make(who, hub::format::websocket_json), lists[who], channel) ==
            hub::subscribe_outcome::joined_first) {
            EXPECT_EQ(broker.subscribe(channel, true, *this, {}), interest::confirmed);
        }
    }
    void leave(std::uint32_t who, const std::string& channel) {
        if (subscribers.unsubscribe(hub::subscriber::make(who, hub::format::websocket_json), lists[who], channel) ==
            hub::unsubscribe_outcome::left_last) {
            broker.unsubscribe(channel);
        }
    }
    /// Calls `answered(receivers)` on this shard's thread.
    void publish(const std::string& channel, const std::string& payload, std::function<void(publish_result)> answered) {
        const std::uint32_t id = next_++;
        waiting_[id] = std::move(answered);
        const auto done = broker.publish(channel, {payload, true, {}}, *this, {0, id});
        if (done) on_published({0, id}, *done);
        subscribers.flush();
    }

    void encode(hub::format, std::string_view channel, const hub::publication& what, std::string& out) override {
        out.append(channel).append(" ").append(what.payload).append("\n");
    }
    void deliver(hub::subscriber to, hub::frames& what) override {
        std::string_view lines = what.bytes();
        while (!lines.empty()) {
            heard[to.index()].emplace_back(lines.substr(0, lines.find('\n')));
            lines.remove_prefix(lines.find('\n') + 1);
        }
    }
    void on_subscribed(ticket) override { ADD_FAILURE() << "the embedded bus confirms at once"; }
    void on_subscribe_failed(ticket, std::string_view, error) override {
        ADD_FAILURE() << "the embedded bus does not fail";
    }
    void on_unsubscribed(std::string_view, error) override { ADD_FAILURE() << "the embedded bus takes nothing away"; }
    void on_published(ticket whose, publish_result receivers) override {
        const auto found = waiting_.extract(whose.id);
        ASSERT_FALSE(found.empty()) << "answered twice";
        found.mapped()(receivers);
    }

    asio::io_context context{1};
    hub::deliveries queue{{.sends_per_turn = 1'000'000'000}};
    hub::hub subscribers{queue};
    embedded_broker& broker;
    std::map<std::uint32_t, hub::memberships> lists;
    std::map<std::uint32_t, log> heard;

private:
    asio::executor_work_guard<asio::io_context::executor_type> busy_ = asio::make_work_guard(context);
    std::map<std::uint32_t, std::function<void(publish_result)>> waiting_;
    std::uint32_t next_ = 0;
    std::jthread thread_;
};

struct house {
    explicit house(std::uint32_t count, std::uint32_t in_flight_max = 65536) : bus{count, in_flight_max} {
        for (std::uint32_t i = 0; i < count; ++i) shards.push_back(std::make_unique<shard>(bus, i));
    }
    ~house() { end(); }
    void start() {
        for (const auto& each : shards) each->start();
    }
    void end() {
        for (const auto& each : shards) each->end();
    }
    embedded_bus bus;
    std::vector<std::unique_ptr<shard>> shards;
};

log of_channel(const log& all, const std::string& channel) {
    log some;
    std::copy_if(all.begin(), all.end(), std::back_inserter(some),
                 [&](const std::string& line) { return line.starts_with(channel + " "); });
    return some;
}

constexpr std::uint32_t shard_count = 3;
constexpr int channel_count = 8;
constexpr int bursts = 60;
constexpr int burst_size = 10;

std::string channel_name(int number) { return "channel" + std::to_string(number); }

// Publishes bursts, giving the other events of its shard a turn between them.
void publish_bursts(shard& from, std::uint32_t number, int burst, std::atomic<int>& unanswered,
                    std::promise<void>& done, std::uint32_t receivers) {
    if (burst == bursts) return;
    for (int i = 0; i < burst_size; ++i) {
        const std::string channel = channel_name((burst + i) % channel_count);
        from.publish(channel, std::to_string(number) + "." + std::to_string(burst * burst_size + i),
                     [&, receivers](publish_result result) {
                         EXPECT_TRUE(result && result->receivers == receivers);
                         if (--unanswered == 0) done.set_value();
                     });
    }
    asio::post(from.context,
               [&, number, burst, receivers] { publish_bursts(from, number, burst + 1, unanswered, done, receivers); });
}

TEST(embedded_bus, everybody_hears_everything_once_and_in_the_same_order) {
    house all{shard_count};
    // Two subscribers of every channel on every shard.
    for (const auto& each : all.shards) {
        for (int i = 0; i < channel_count; ++i) {
            each->join(0, channel_name(i));
            each->join(1, channel_name(i));
        }
    }
    std::atomic<int> unanswered = static_cast<int>(shard_count) * bursts * burst_size;
    std::promise<void> done;
    all.start();
    for (std::uint32_t i = 0; i < shard_count; ++i) {
        asio::post(all.shards[i]->context,
                   [&, i] { publish_bursts(*all.shards[i], i, 0, unanswered, done, 2 * shard_count); });
    }
    done.get_future().wait();
    all.end();
    for (int i = 0; i < channel_count; ++i) {
        const std::string channel = channel_name(i);
        const log order = of_channel(all.shards[0]->heard[0], channel);
        for (const auto& each : all.shards) {
            EXPECT_EQ(of_channel(each->heard[0], channel), order);
            EXPECT_EQ(of_channel(each->heard[1], channel), order);
        }
        // Each publisher's own order is in it.
        for (std::uint32_t number = 0; number < shard_count; ++number) {
            int last = -1;
            const std::string mine = channel + " " + std::to_string(number) + ".";
            for (const std::string& line : order) {
                if (!line.starts_with(mine)) continue;
                const int now = std::stoi(line.substr(mine.size()));
                EXPECT_GT(now, last);
                last = now;
            }
        }
    }
    std::size_t lines = 0;
    for (int i = 0; i < channel_count; ++i) lines += of_channel(all.shards[0]->heard[0], channel_name(i)).size();
    EXPECT_EQ(lines, shard_count * bursts * burst_size);
}

TEST(embedded_bus, who_has_subscribed_hears_what_is_published_afterwards_elsewhere) {
    house all{2};
    all.start();
    std::promise<void> done;
    std::atomic<int> missed = 0;
    shard& here = *all.shards[0];
    shard& there = *all.shards[1];
    constexpr int rounds = 500;
    std::function<void(int)> round = [&](int number) {
        if (number == rounds) return done.set_value();
        const std::string channel = channel_name(number); // a fresh one, of either home
        here.join(0, channel);
        asio::post(there.context, [&, number, channel] {
            there.publish(channel, "x", [&, number, channel](publish_result result) {
                if (!result || result->receivers != 1) ++missed;
                asio::post(here.context, [&, number, channel] {
                    if (of_channel(here.heard[0], channel).size() != 1) ++missed;
                    here.leave(0, channel);
                    here.heard.clear();
                    round(number + 1);
                });
            });
        });
    };
    asio::post(here.context, [&] { round(0); });
    done.get_future().wait();
    all.end();
    EXPECT_EQ(missed, 0);
}

TEST(embedded_bus, comings_and_goings_duplicate_nothing_and_reorder_nothing) {
    house all{shard_count};
    for (const auto& each : all.shards) each->join(0, "a"); // these stay
    std::atomic<int> unanswered = static_cast<int>(shard_count) * 500;
    std::promise<void> done;
    all.start();
    for (std::uint32_t i = 0; i < shard_count; ++i) {
        asio::post(all.shards[i]->context, [&, i] {
            shard& mine = *all.shards[i];
            std::mt19937 random{i + 1};
            for (int n = 0; n < 500; ++n) {
                const auto who = static_cast<std::uint32_t>(1 + random() % 5);
                if (random() % 2 == 0) {
                    mine.join(who, "a");
                } else {
                    mine.leave(who, "a");
                }
                asio::post(mine.context, [&, i, n] {
                    mine.publish("a", std::to_string(i) + "." + std::to_string(n), [&](publish_result result) {
                        EXPECT_TRUE(result);
                        EXPECT_GE(result->receivers, shard_count); // those that stay
                        EXPECT_LE(result->receivers, 6 * shard_count);
                        if (--unanswered == 0) done.set_value();
                    });
                });
            }
        });
    }
    done.get_future().wait();
    all.end();
    const log order = all.shards[0]->heard[0];
    EXPECT_EQ(order.size(), shard_count * 500);
    for (const auto& each : all.shards) {
        EXPECT_EQ(each->heard[0], order);
        // What the others have heard is a part of it, in its order.
        for (std::uint32_t who = 1; who <= 5; ++who) {
            auto at = order.begin();
            for (const std::string& line : each->heard[who]) {
                at = std::find(at, order.end(), line);
                ASSERT_NE(at, order.end());
                ++at;
            }
        }
    }
}

TEST(embedded_bus, more_than_allowed_on_their_way_are_busy_and_the_others_arrive) {
    house all{2, 10};
    all.shards[1]->join(0, "a");
    std::promise<void> done;
    int busy = 0;
    int arrived = 0;
    all.start();
    asio::post(all.shards[0]->context, [&] {
        for (int i = 0; i < 25; ++i) {
            all.shards[0]->publish("a", std::to_string(i), [&](publish_result result) {
                if (result) {
                    ++arrived;
                } else {
                    EXPECT_EQ(result.error(), make_error_code(error::busy));
                    ++busy;
                }
                if (busy + arrived == 25) done.set_value();
            });
        }
    });
    done.get_future().wait();
    all.end();
    EXPECT_EQ(arrived, 10);
    EXPECT_EQ(busy, 15);
    EXPECT_EQ(all.shards[1]->heard[0].size(), 10u);
    EXPECT_EQ(all.shards[0]->broker.in_flight(), 0u);
}

TEST(embedded_bus, with_one_shard_the_answer_is_there_at_once) {
    house all{1};
    all.shards[0]->join(0, "a");
    std::uint32_t receivers = 0;
    all.shards[0]->publish("a", "x", [&](publish_result result) { receivers = result->receivers; });
    EXPECT_EQ(receivers, 1u);
    EXPECT_EQ(all.shards[0]->heard[0], log{"a x"});
}

TEST(bus_error, says_what_it_means) {
    EXPECT_EQ(make_error_code(error::busy).message(), "too many publications are on their way");
    EXPECT_EQ(make_error_code(error::away).message(), "the bus cannot be reached");
    EXPECT_STREQ(bus_category().name(), "carillon.bus");
}

TEST(interest_filter, never_denies_what_was_added) {
    interest_filter filter;
    std::mt19937_64 random{7};
    std::multimap<std::size_t, int> model;
    for (int i = 0; i < 20'000; ++i) {
        const std::size_t hash = random() % 300'000;
        if (random() % 3 != 0) {
            filter.add(hash);
            model.emplace(hash, 0);
        } else if (const auto found = model.find(hash); found != model.end()) {
            filter.remove(hash);
            model.erase(found);
        }
        if (model.contains(hash)) { ASSERT_TRUE(filter.may_have(hash)); }
    }
    for (const auto& [hash, nothing] : model) {
        EXPECT_TRUE(filter.may_have(hash));
        (void)nothing;
    }
    for (const auto& [hash, nothing] : model) {
        filter.remove(hash);
        (void)nothing;
    }
    for (std::size_t hash = 0; hash < 300'000; ++hash) ASSERT_FALSE(filter.may_have(hash));
}

TEST(interest_filter, a_bucket_that_was_full_says_may_for_good) {
    interest_filter filter;
    for (int i = 0; i < 70'000; ++i) filter.add(5);
    for (int i = 0; i < 70'000; ++i) filter.remove(5);
    EXPECT_TRUE(filter.may_have(5));
    EXPECT_FALSE(filter.may_have(6));
}

} // namespace
} // namespace carillon::bus
