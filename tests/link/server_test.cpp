#include "link/ground.hpp"
#include "net/listener.hpp"

#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <deque>
#include <fcntl.h>
#include <netinet/in.h>
#include <string>
#include <utility>
#include <vector>

namespace carillon::test {
namespace {

using namespace std::chrono_literals;

TEST(link, bytes_that_came_before_the_accept_are_read_with_the_acceptors_lease) {
    ground g{{}, 1};
    peer client = g.open("hello");
    EXPECT_EQ(client.take(), "hello");
    EXPECT_EQ(g.pool.counts().waits, 0u);
}

TEST(link, more_than_a_buffer_before_the_accept_is_read_on_when_the_acceptors_lease_is_back) {
    ground g{{}, 1, 16};
    const std::string text(100, 'x');
    peer client = g.open(text);
    EXPECT_EQ(client.take(), text);
    EXPECT_EQ(g.pool.counts().waits, 1u);
}

TEST(link, with_one_lease_everybody_is_served) {
    ground g{{}, 1, 16};
    std::deque<peer> clients;
    for (int i = 0; i < 20; ++i) clients.push_back(g.open());
    std::string text;
    for (int i = 0; i < 60; ++i) text += std::to_string(i) + ",";
    for (peer& each : clients) each.write(text);
    g.settle();
    for (peer& each : clients) EXPECT_EQ(each.take(), text);
    EXPECT_EQ(g.server.coroutines(), 0u);
}

TEST(link, ends_are_told_with_their_reason) {
    struct ending_case {
        const char* name;
        const char* said;
        link::ending why;
    };
    const ending_case cases[] = {
        {"the peer goes", "", link::ending::by_peer},
        {"the owner drops it", "drop me", link::ending::by_us},
        {"the owner closes it and the peer follows", "close me", link::ending::by_peer},
    };
    for (const ending_case& each : cases) {
        SCOPED_TRACE(each.name);
        for (const bool at_accept : {false, true}) {
            ground g;
            peer client = g.open(at_accept ? each.said : "");
            if (!at_accept) client.write(each.said);
            g.settle();
            client.take(); // what is unread would make the end an error
            client.hang_up();
            g.settle();
            EXPECT_EQ(g.server.endings, std::vector{each.why});
            EXPECT_EQ(g.records.size(), 0u);
            EXPECT_EQ(g.server.open(), 0u);
            EXPECT_EQ(g.wheel.size(), 0u);
        }
    }
}

TEST(link, a_close_is_a_last_word_and_the_end_of_our_direction) {
    ground g;
    peer client = g.open("close me");
    EXPECT_EQ(client.take(), "bye");
    EXPECT_TRUE(client.ended());
    client.write("still talking");
    g.settle();
    EXPECT_EQ(g.server.heard, "close me"); // read and dropped
    EXPECT_EQ(g.server.open(), 1u);
    g.advance(4900ms);
    EXPECT_EQ(g.server.deadlines, 0) << "the first deadline was replaced by close_timeout";
    g.advance(200ms);
    EXPECT_EQ(g.server.deadlines, 1);
    EXPECT_EQ(g.records.size(), 0u);
}

TEST(link, a_paused_connection_is_not_read_until_it_is_resumed_and_loses_nothing) {
    ground g;
    peer client = g.open();
    g.server.pause_on_bytes = true;
    client.write("one");
    g.settle();
    client.write("two");
    client.end_sending();
    g.settle();
    EXPECT_EQ(g.server.heard, "one");
    EXPECT_EQ(g.server.open(), 1u);
    g.server.pause_on_bytes = false;
    g.server.resume(*g.server.last);
    g.settle();
    EXPECT_EQ(g.server.heard, "onetwo");
    EXPECT_EQ(client.take(), "two");
    EXPECT_EQ(g.server.endings, std::vector{link::ending::by_peer}); // the end that came meanwhile
}

TEST(link, a_released_descriptor_is_open_and_not_listened_to) {
    for (const bool at_accept : {false, true}) {
        ground g;
        peer client = g.open(at_accept ? "release me" : "");
        if (!at_accept) client.write("release me");
        g.settle();
        EXPECT_EQ(g.server.released, client.far());
        EXPECT_EQ(g.records.size(), 0u);
        EXPECT_TRUE(g.server.endings.empty());
        client.write("x");
        g.settle();
        EXPECT_EQ(g.server.heard, "release me");
        EXPECT_EQ(::send(g.server.released, "y", 1, MSG_NOSIGNAL), 1);
        EXPECT_EQ(client.take(), "y");
        ::close(g.server.released);
    }
}

TEST(link, a_descriptor_that_epoll_refuses_is_ended) {
    ground g;
    const int descriptor = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    script = {.victim = descriptor, .strike_at = 1, .what = mishap::again}; // it is no socket
    {
        work::lease held = g.pool.try_acquire();
        g.server(descriptor, held);
    }
    EXPECT_EQ(script.closes, 1u);
    EXPECT_EQ(g.server.endings, std::vector{link::ending::by_error});
    EXPECT_EQ(g.records.size(), 0u);
    EXPECT_EQ(g.pool.used(), 0u);
    script = {};
}

TEST(link, over_the_limit_there_is_a_last_word_and_no_record) {
    ground g{{.connections_max = 1}};
    peer first = g.open();
    peer second = g.open("hello");
    second.read();
    EXPECT_TRUE(second.ended());
    EXPECT_EQ(g.server.refused, 1);
    EXPECT_EQ(g.counters.accept_errors(metrics::accept_error::connection_limit), 1u);
    EXPECT_EQ(g.records.size(), 1u);
}

TEST(link, the_outbox_keeps_its_bound_and_its_order) {
    ground g{{.outbox_bytes_max = 2'000'000}};
    peer client = g.open();
    std::string expected;
    for (int i = 0; i < 300; ++i) {
        const std::string text = std::to_string(i) + std::string(4'000, '.');
        g.server.send(*g.server.last, text);
        expected += text;
        g.settle();
    }
    EXPECT_EQ(g.counters.outboxes, 1);
    EXPECT_EQ(g.server.slow, 0);
    std::string heard;
    for (std::string some = client.take(); !some.empty(); some = client.take()) {
        heard += some;
        g.settle();
    }
    EXPECT_EQ(heard, expected);
    EXPECT_EQ(g.counters.outboxes, 0);
    EXPECT_EQ(g.counters.outbox_bytes, 0);
    EXPECT_EQ(g.server.last->busy, nullptr);
}

TEST(link, a_piece_that_was_begun_is_finished_before_the_last_word_to_a_slow_peer) {
    // Where the socket's buffer ends is the kernel's secret, so the piece that is cut varies with their size.
    for (std::size_t size = 3'000; size < 9'000; size += 997) {
        SCOPED_TRACE(size);
        ground g{{.outbox_bytes_max = 20'000}};
        peer client = g.open();
        for (int i = 0; i < 300 && g.server.slow == 0; ++i) {
            g.server.send(*g.server.last, std::string(size - 1, static_cast<char>('a' + i % 26)) + "|");
            g.settle();
        }
        ASSERT_EQ(g.server.slow, 1);
        std::string heard;
        for (std::string some = client.take(); !some.empty(); some = client.take()) {
            heard += some;
            g.settle();
        }
        ASSERT_TRUE(heard.ends_with("|too slow"));
        EXPECT_EQ((heard.size() - std::string_view{"too slow"}.size()) % size, 0u) << "a piece is cut";
        EXPECT_TRUE(client.ended());
        EXPECT_EQ(g.counters.outboxes, 0);
        EXPECT_EQ(g.counters.outbox_bytes, 0);
    }
}

TEST(link, everybody_can_be_visited_some_at_a_time_and_ended_by_the_visit) {
    ground g;
    std::deque<peer> clients;
    for (int i = 0; i < 10; ++i) clients.push_back(g.open());
    int visited = 0;
    std::uint32_t next = 0;
    do {
        next = g.server.for_some(next, 3, [&](link::record& r) {
            ++visited;
            g.server.drop(r, link::ending::by_us);
        });
    } while (next != net::no_index);
    EXPECT_EQ(visited, 10);
    EXPECT_EQ(g.records.size(), 0u);
}

TEST(link, when_the_pool_closes_those_in_line_end) {
    ground g{{}, 1, 64};
    peer client = g.open();
    client.write("hello");
    {
        work::lease held = g.pool.try_acquire();
        g.context.restart();
        g.context.poll();
        EXPECT_EQ(g.pool.waiting(), 1u);
        g.pool.close();
    }
    g.settle();
    EXPECT_EQ(g.server.endings, std::vector{link::ending::by_us});
}

TEST(link, one_that_goes_while_it_waits_for_a_lease_is_given_back_afterwards) {
    ground g{{}, 1, 64};
    peer client = g.open();
    client.write("hello");
    {
        work::lease held = g.pool.try_acquire();
        g.context.restart();
        g.context.poll();
        g.server.drop_all();
        EXPECT_EQ(g.records.size(), 1u) << "its coroutine still needs the record";
    }
    g.settle();
    EXPECT_EQ(g.records.size(), 0u);
    EXPECT_EQ(g.server.heard, "");
}

// --- accepting

int connected_to(std::uint16_t port) {
    const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    return descriptor;
}

TEST(link, a_failing_accept_loses_no_connection) {
    for (const mishap what : {mishap::reset, mishap::broken_pipe, mishap::again, mishap::interrupted}) {
        for (std::uint64_t k = 1; k <= 4; ++k) {
            SCOPED_TRACE(fmt::format("{} at accept {}", name_of(what), k));
            ground g;
            net::listener listener{g.context, {.host = "127.0.0.1"}, scripted_calls()};
            std::deque<peer> clients;
            for (int i = 0; i < 3; ++i) {
                clients.emplace_back(connected_to(listener.port()));
                clients.back().write("hello");
            }
            // The listener is the first descriptor that it opened; find it by its port.
            script = {};
            for (int descriptor = 0; descriptor < 1024 && script.victim < 0; ++descriptor) {
                sockaddr_in bound{};
                socklen_t size = sizeof bound;
                int listens = 0;
                socklen_t listens_size = sizeof listens;
                if (::getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &listens, &listens_size) != 0 || listens == 0)
                    continue;
                if (::getsockname(descriptor, reinterpret_cast<sockaddr*>(&bound), &size) != 0) continue;
                if (ntohs(bound.sin_port) == listener.port()) script.victim = descriptor;
            }
            script.strike_at = k;
            script.what = what;
            net::accept_connections(listener, g.pool, {}, g.server);
            while (g.server.open() < 3) g.context.run_one();
            for (peer& each : clients) {
                while (each.received().empty()) {
                    g.context.poll();
                    each.read();
                }
                EXPECT_EQ(each.take(), "hello");
            }
            while (!script.struck) g.context.run_one();
            listener.stop();
            g.settle();
            script = {};
        }
    }
}

} // namespace
} // namespace carillon::test
