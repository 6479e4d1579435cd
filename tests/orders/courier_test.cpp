#include "bus/embedded_bus.hpp"
#include "orders/courier.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_future.hpp>
#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

#include <future>
#include <string>
#include <thread>
#include <utility>

namespace carillon::orders {
namespace {

using namespace std::chrono_literals;
namespace asio = boost::asio;

config::settings settings_for_shards() {
    spdlog::set_level(spdlog::level::off);
    config::settings how;
    how.client_listen = {"127.0.0.1", 0};
    how.bus_listen.reset();
    how.connections_max = 100;
    how.dev = true;
    return how;
}

/// Two shards, whose threads begin when a test says so, and the context that requests come in on.
struct post_office {
    explicit post_office(std::chrono::milliseconds patience) : carries{control, shards, patience} {
        const auto connect = [this](std::uint32_t number, asio::io_context& context, hub::hub& subscribers) {
            bus::embedded_broker& embedded = bus.connect(number, context, subscribers);
            return shards::bus_end{embedded, &embedded};
        };
        for (std::uint32_t number = 0; number < 2; ++number) {
            shards::share mine;
            mine.number = number;
            mine.shards = 2;
            mine.connections_max = mine.clients_max = 50;
            shards.push_back(std::make_unique<shards::shard>(settings_for_shards(), mine, connect, [](auto&&...) {}));
        }
    }
    ~post_office() {
        for (const auto& each : shards) asio::post(each->context(), [of = each.get()] { of->drain(0ms, 0ms); });
        if (threads.empty()) run_shards(); // to their ends
        for (std::thread& each : threads) each.join();
        carries.stop();
    }

    void run_shards() {
        for (const auto& each : shards) threads.emplace_back([&each] { each->run(); });
    }

    /// Publications to these channels, at each shard.
    static courier::parcels parcels_for(const std::vector<std::vector<std::string>>& channels) {
        courier::parcels made;
        for (const auto& of_shard : channels) {
            auto parcel = of_shard.empty() ? nullptr : std::make_shared<shards::parcel>();
            for (const std::string& each : of_shard)
                parcel->orders.push_back(
                    {.channel = each, .payload = std::make_shared<std::string>("{}"), .is_json = true});
            made.push_back(std::move(parcel));
        }
        return made;
    }
    std::future<std::vector<bool>> deliver(courier::parcels what) {
        return asio::co_spawn(control, carries.deliver(std::move(what)), asio::use_future);
    }
    /// Runs the control plane until `said` is there.
    std::vector<bool> await(std::future<std::vector<bool>> said) {
        if (control.stopped()) control.restart();
        const auto work = asio::make_work_guard(control);
        while (said.wait_for(0ms) != std::future_status::ready) control.run_one();
        return said.get();
    }

    asio::io_context control;
    bus::embedded_bus bus{2};
    std::vector<std::unique_ptr<shards::shard>> shards;
    courier carries;
    std::vector<std::thread> threads;
};

TEST(courier, delivers_to_the_shards_that_get_something) {
    post_office office{1h};
    office.run_shards();
    EXPECT_EQ(office.await(office.deliver(post_office::parcels_for({{"a", "b"}, {}}))), (std::vector{true, false}));
    EXPECT_EQ(office.await(office.deliver(post_office::parcels_for({{"a"}, {"c"}}))), (std::vector{true, true}));
    EXPECT_EQ(office.await(office.deliver(post_office::parcels_for({{}, {}}))), (std::vector{false, false}));
}

TEST(courier, tells_each_of_many_that_wait_at_once) {
    post_office office{1h};
    std::vector<std::future<std::vector<bool>>> all;
    for (int i = 0; i < 200; ++i)
        all.push_back(office.deliver(post_office::parcels_for(
            {{"a"}, i % 2 == 0 ? std::vector<std::string>{"b"} : std::vector<std::string>{}})));
    office.run_shards();
    for (std::size_t i = 0; i < all.size(); ++i)
        EXPECT_EQ(office.await(std::move(all[i])), (std::vector{true, i % 2 == 0})) << i;
}

TEST(courier, waits_no_longer_than_its_patience) {
    post_office office{1ms}; // for shards that do not run
    auto first = office.deliver(post_office::parcels_for({{"a"}, {}}));
    auto second = office.deliver(post_office::parcels_for({{}, {"b"}}));
    EXPECT_EQ(office.await(std::move(first)), (std::vector{false, false}));
    EXPECT_EQ(office.await(std::move(second)), (std::vector{false, false}));
    office.run_shards(); // what comes now is for nobody
    EXPECT_EQ(office.await(office.deliver(post_office::parcels_for({{"a"}, {"b"}}))).size(), 2u);
}

TEST(courier, keeps_nobody_waiting_after_the_end) {
    post_office office{1h};
    auto before = office.deliver(post_office::parcels_for({{"a"}, {"b"}}));
    office.control.poll();
    office.carries.stop();
    EXPECT_EQ(office.await(std::move(before)), (std::vector{false, false}));
    EXPECT_EQ(office.await(office.deliver(post_office::parcels_for({{"a"}, {"b"}}))), (std::vector{false, false}));
}

} // namespace
} // namespace carillon::orders
