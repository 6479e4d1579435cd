#pragma once

#include "bus/embedded_bus.hpp"
#include "door/resp_door.hpp"
#include "hub/hub.hpp"
#include "session/server.hpp"
#include "support/io_script.hpp"
#include "support/peer.hpp"
#include "support/ws_client.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <thread>
#include <utility>
#include <vector>

namespace carillon::test {

/// What time it is for the shards of this thread; test_shard::advance() moves it.
inline thread_local net::timer_wheel::clock::time_point test_time{std::chrono::hours{1}};
inline net::timer_wheel::clock::time_point test_now() { return test_time; }

inline session::options dev_clients() {
    session::options how;
    how.dev = true;
    how.pages = {"/", "/page"};
    return how;
}

struct shard_options {
    session::options clients = dev_clients();
    door::door_options programs{};
    std::uint32_t capacity = 4096;
    std::uint32_t leases = 8;
    std::size_t buffer_bytes = 16'384;
    link::turn::limits turns{};
    hub::deliveries::limits deliveries{};
    std::optional<bus::channel_home::limits> streams{}; ///< none: channels keep nothing
    bus::broker* clients_bus = nullptr; ///< in place of the embedded one, for the clients; lives longer than the shard
};

/// Two connected stream sockets; the first is to be given away.
inline std::pair<int, peer> socket_pair() {
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()) != 0) std::abort();
    peer near{ends[1]};
    near.set_far(ends[0]);
    return {ends[0], std::move(near)};
}

/// A shard as lib/gateway wires it, but driven by the test: socket calls go through this thread's io_script, time
/// stands still until advance(), and nothing runs but within settle(). Connections are socket pairs.
class test_shard {
public:
    struct handed_over {
        int descriptor;
        std::string bytes;
    };

    explicit test_shard(const shard_options& how = {}) : test_shard{how, nullptr, 0} {}
    /// Shard `number` of several that share `bus`.
    test_shard(const shard_options& how, bus::embedded_bus& shared, std::uint32_t number)
        : test_shard{how, &shared, number} {}
    test_shard(const test_shard&) = delete;
    test_shard& operator=(const test_shard&) = delete;

    ~test_shard() {
        sessions.drop_all();
        door.drop_all();
        expect_balance();
        pool.close();
        poll.stop();
        busy_.reset();
        settle();
    }

    static constexpr int idle_turns = 4;

    /// Lets everything happen that can happen now.
    void settle() {
        // At rest is who has nothing to do several times in a row: what another descriptor's end has caused is not
        // always seen at the first look.
        int idle = 0;
        for (int handlers = 0; handlers < turns_max; ++handlers) {
            context.restart();
            idle = context.poll_one() == 0 ? idle + 1 : 0;
            if (idle == idle_turns) return;
            if (idle > 0) std::this_thread::yield();
        }
        ADD_FAILURE() << "the shard does not come to rest";
    }

    /// Moves time, and lets happen what is due.
    void advance(std::chrono::milliseconds by) {
        test_time += by;
        wheel.advance(test_time, [this](net::connection& c) { poll.sink_of(c).on_deadline(c); });
        settle();
    }

    /// A connection of either door, accepted when `sent_before` has come already.
    peer open(link::server& whose, std::string_view sent_before = {}, int send_buffer_bytes = 0) {
        auto [mine, near] = socket_pair();
        if (send_buffer_bytes > 0) {
            ::setsockopt(mine, SOL_SOCKET, SO_SNDBUF, &send_buffer_bytes, sizeof send_buffer_bytes);
        }
        near.write(sent_before);
        accept(whose, mine);
        settle();
        return std::move(near);
    }
    void accept(link::server& whose, int descriptor) {
        work::lease held = pool.try_acquire();
        ASSERT_TRUE(held);
        whose(descriptor, held);
    }
    peer program(std::string_view sent_before = {}) { return open(door, sent_before); }

    /// A WebSocket that has not said anything.
    ws_client upgraded(int send_buffer_bytes = 0) {
        ws_client client{open(sessions, upgrade_request, send_buffer_bytes)};
        EXPECT_TRUE(client.response().starts_with("HTTP/1.1 101 "));
        return client;
    }
    /// A client that has connected, and subscribed to `channel` if one is given.
    ws_client connected(std::string_view channel = {}, int send_buffer_bytes = 0) {
        ws_client client = upgraded(send_buffer_bytes);
        client.say(R"({"id":1,"connect":{}})");
        settle();
        EXPECT_EQ(client.heard().size(), 1u);
        if (channel.empty()) return client;
        client.say(fmt::format(R"({{"id":2,"subscribe":{{"channel":"{}"}}}})", channel));
        settle();
        EXPECT_EQ(client.heard(), std::vector<std::string>{R"({"id":2,"subscribe":{}})"});
        return client;
    }

    /// Does one of the things that are to be done, if there is any.
    bool step() {
        context.restart();
        return context.poll_one() > 0;
    }

    /// Publishes as a back end does, and delivers.
    std::uint32_t publish(std::string_view channel, std::string_view json) {
        const std::uint32_t receivers = subscribers.publish(channel, {json, true, {}});
        subscribers.flush();
        settle();
        return receivers;
    }

    /// Tells the owner of `descriptor` that it is readable and writable: the edge that a scripted EAGAIN or short count
    /// owes.
    void nudge(int descriptor) {
        for (std::uint32_t index = 0; index < records.used(); ++index) {
            net::connection& c = records.at(index);
            if (c.owned_by == net::owner::none || c.gone || c.descriptor != descriptor) continue;
            poll.sink_of(c).on_ready(c, {.readable = true, .writable = true});
            break;
        }
        settle();
    }

    /// Nobody is here, and nothing is left of those that were.
    void expect_empty() {
        settle();
        EXPECT_EQ(records.size(), 0u);
        EXPECT_EQ(wheel.size(), 0u);
        EXPECT_EQ(subscribers.channels(), 0u);
        EXPECT_EQ(subscribers.subscriptions(), 0u);
        EXPECT_EQ(sessions.open() + door.open(), 0u);
        EXPECT_EQ(counters.connections_open(metrics::connection_kind::websocket), 0);
        EXPECT_EQ(counters.connections_open(metrics::connection_kind::resp), 0);
        expect_at_rest();
    }
    /// Each connection that was accepted is open, or has been counted closed once.
    void expect_balance() {
        std::uint64_t websocket = 0;
        std::uint64_t resp = 0;
        std::as_const(counters).connections_closed.each(
            [&](std::initializer_list<std::string_view> labels, std::uint64_t number) {
                (*labels.begin() == "resp" ? resp : websocket) += number;
            });
        using metrics::connection_kind;
        EXPECT_EQ(counters.connections_accepted(connection_kind::websocket), websocket + sessions.open());
        EXPECT_EQ(counters.connections_accepted(connection_kind::resp), resp + door.open());
    }
    /// Nothing waits, nobody works.
    void expect_at_rest() {
        EXPECT_EQ(counters.outboxes, 0);
        EXPECT_EQ(counters.outbox_bytes, 0);
        EXPECT_EQ(counters.partial_bytes, 0);
        EXPECT_EQ(sessions.coroutines() + door.coroutines(), 0u);
        EXPECT_EQ(pool.used(), 0u);
    }

private:
    static constexpr int turns_max = 1'000'000;

    std::unique_ptr<bus::embedded_bus> own_bus_; // when it is the only shard

public:
    boost::asio::io_context context{1};

private:
    std::optional<boost::asio::executor_work_guard<boost::asio::io_context::executor_type>> busy_;

public:
    metrics::shard_counters counters;
    net::slab records;
    net::netpoll poll;
    net::timer_wheel wheel;
    work::work_pool pool;
    link::turn turns;
    hub::deliveries waiting;
    hub::hub subscribers{waiting};
    bus::embedded_broker& broker;
    std::vector<handed_over> plain_http;
    session::server sessions;
    door::resp_door door;

private:
    test_shard(const shard_options& how, bus::embedded_bus* shared, std::uint32_t number)
        : own_bus_{shared == nullptr ? std::make_unique<bus::embedded_bus>(1) : nullptr}, busy_{context.get_executor()},
          records{how.capacity}, poll{context, records}, wheel{records, test_time}, pool{context, how.leases,
                                                                                         how.buffer_bytes},
          turns{context, records, how.turns, test_now}, waiting{how.deliveries},
          broker{(shared == nullptr ? *own_bus_ : *shared).connect(number, context, subscribers)},
          sessions{floor(), subscribers, how.clients_bus != nullptr ? *how.clients_bus : broker, how.clients,
                   [this](int descriptor, std::string bytes) {
                       plain_http.push_back({descriptor, std::move(bytes)});
                   }},
          door{floor(), number, subscribers, broker, how.programs} {
        if (how.streams) {
            broker.be_home(std::make_unique<bus::channel_home>(
                channels::rules{how.clients.name_spaces, how.clients.channel_bytes_max}, *how.streams, number + 1));
        }
        poll.tell_turns(turns);
        turns.deliver(waiting);
        waiting.when_left([this] { turns.join(); });
        poll.start();
    }

    link::floor floor() {
        return {.context = context,
                .records = records,
                .poll = poll,
                .wheel = wheel,
                .pool = pool,
                .turns = turns,
                .counters = counters,
                .calls = scripted_calls(),
                .now = test_now};
    }
};

} // namespace carillon::test
