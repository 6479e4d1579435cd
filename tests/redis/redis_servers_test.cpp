#include "redis/redis_rig.hpp"

#include <gtest/gtest.h>

namespace carillon::redis {
namespace {

using namespace test;

// Three servers that know nothing of each other, a link to all of them, a shard.
struct shared_out {
    shared_out() {
        end.connect(link, 0);
        link.listen_to_nodes(
            {"n.control"}, [](std::string_view channel) { return channel.starts_with("n."); },
            [this](std::string_view text) { said.add("heard " + std::string{text}); }, [](std::string_view) {});
        running = std::thread{[this] { link.run(); }};
    }
    ~shared_out() {
        link.stop();
        running.join();
        end.finish();
    }

    redis_options options() const {
        redis_options how;
        for (const server& each : servers) how.where.servers.push_back({"127.0.0.1", each.port()});
        how.upstream.backoff_max = 100ms;
        how.probes.patience = 1h; // they send nothing back
        return how;
    }
    // The `which`th channel of the server.
    std::string channel_of(std::size_t server, int which) const {
        for (int i = 0;; ++i) {
            std::string channel = "c" + std::to_string(i);
            if (home_of(channel) == server && which-- == 0) return channel;
        }
    }
    std::size_t home_of(const std::string& channel) const {
        std::vector<std::string> names;
        for (const server& each : servers) names.push_back("127.0.0.1:" + std::to_string(each.port()));
        return carillon::discovery::rendezvous{names}.home_of(channel);
    }
    std::size_t live() {
        std::packaged_task<std::size_t()> task{[this] { return link.snapshot().servers_live; }};
        auto outcome = task.get_future();
        asio::post(link.context(), [&task] { task(); });
        return outcome.get();
    }
    void await_live(std::size_t count) {
        const auto until = clock::now() + patience;
        while (live() != count) {
            ASSERT_LT(clock::now(), until);
            std::this_thread::yield();
        }
    }

    std::array<server, 3> servers;
    notes said;
    redis_link link{options(), 1};
    shard end;
    std::thread running;
};

TEST(redis_link, of_several_servers_each_has_its_channels_alone) {
    shared_out d;
    d.await_live(3);
    for (std::size_t i = 0; i < 3; ++i) {
        const std::string channel = d.channel_of(i, 0);
        d.end.subscribe(channel);
        d.end.heard.await("subscribed 1");
        d.servers[i].heard.await("SUBSCRIBE " + channel);
        d.servers[i].publish(channel, "1");
        EXPECT_EQ(d.end.heard.await("message "), "message " + channel + "=1 json;");
        d.end.publish(channel, "x", 5);
        d.end.heard.await("published 5 ");
        d.servers[i].heard.await("PUBLISH " + channel + " x");
        EXPECT_EQ(d.servers[(i + 1) % 3].heard.take_count("SUBSCRIBE " + channel), 0u);
    }
}

TEST(redis_link, one_of_several_servers_that_is_away_concerns_its_channels_alone) {
    shared_out d;
    d.await_live(3);
    EXPECT_TRUE(d.link.live());
    const std::string here = d.channel_of(0, 0), gone = d.channel_of(1, 0), later = d.channel_of(2, 0);
    for (const std::string& each : {here, gone}) {
        d.end.subscribe(each);
        d.end.heard.await("subscribed 1");
    }
    d.servers[1].heard.await("SUBSCRIBE " + gone);
    d.servers[1].close();
    d.await_live(2);
    EXPECT_FALSE(d.link.live());
    EXPECT_TRUE(d.link.reachable());
    d.end.publish(gone, "x", 6);
    EXPECT_EQ(d.end.heard.await("published 6 "), "published 6 " + make_error_code(error::away).message());
    d.end.publish(here, "x", 7);
    EXPECT_EQ(d.end.heard.await("published 7 "), "published 7 7");
    d.servers[0].publish(here, "1");
    EXPECT_EQ(d.end.heard.await("message "), "message " + here + "=1 json;");
    d.end.subscribe(later);
    d.end.heard.await("subscribed 1");
    d.servers[1].open();
    d.await_live(3);
    EXPECT_TRUE(d.link.live());
    d.servers[1].publish(gone, "2");
    EXPECT_EQ(d.end.heard.await("message "), "message " + gone + "=2 json;");
}

TEST(redis_link, a_server_whose_messages_do_not_come_is_given_up) {
    redis_options how;
    how.probes = {.interval = 20ms, .patience = 200ms};
    deployment d{how, true};
    d.await_live();
    // It answers, and sends nothing to subscribers.
    d.await([&] { return d.figures().probes_lost > 0; });
    d.await([&] { return d.figures().last_error == "what was published there has not come back within 200 ms"; });
    d.await([&] { // now it does
        const std::string said = d.bus.heard.await("PUBLISH n.me.probe ");
        d.bus.publish("n.me.probe", said.substr(19));
        return d.figures().probe > 0us;
    });
    EXPECT_TRUE(d.link.live());
}

TEST(redis_link, probes_are_nobodys_publications) {
    redis_options how;
    how.probes = {.interval = 5ms, .patience = 10s};
    deployment d{how, true};
    d.bus.answer_with("PUBLISH", "-ERR no\r\n");
    d.await_live();
    for (int i = 0; i < 3; ++i) d.bus.heard.await("PUBLISH n.me.probe ");
    EXPECT_EQ(d.figures().counts.publications, 0u);
    EXPECT_EQ(d.figures().counts.publications_failed, 0u);
    d.shards[0].publish("a", "x", 1);
    d.shards[0].heard.await("published");
    EXPECT_EQ(d.figures().counts.publications, 1u);
    EXPECT_EQ(d.figures().counts.publications_failed, 1u);
}

TEST(redis_link, gateways_hear_each_other_as_long_as_one_of_several_servers_is_there) {
    shared_out d;
    d.await_live(3);
    for (server& each : d.servers) each.heard.await("SUBSCRIBE n.control");
    std::size_t first = d.home_of("n.control");
    for (std::size_t left = 3; left > 0; --left) {
        d.link.say("n.control", "hello", {});
        d.servers[first].heard.await("PUBLISH n.control hello");
        d.servers[first].publish("n.control", "answer");
        EXPECT_EQ(d.said.await("heard "), "heard answer");
        d.servers[first].close();
        d.await_live(left - 1);
        first = (first + 1) % 3;
    }
    std::promise<std::uint32_t> nobody;
    d.link.say("n.control", "hello", [&nobody](std::uint32_t nodes) { nobody.set_value(nodes); });
    EXPECT_EQ(nobody.get_future().get(), 0u);
}

} // namespace
} // namespace carillon::redis
