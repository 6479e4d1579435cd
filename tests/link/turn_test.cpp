#include "link/ground.hpp"

#include <boost/asio/post.hpp>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace carillon::test {
namespace {

// Many connections whose bytes have come when the shard next looks: they are served in one turn.
struct crowd : ground {
    explicit crowd(std::size_t count, link::server::options how = {}) : ground{how} {
        for (std::size_t i = 0; i < count; ++i) {
            peers.push_back(open());
            ends.push_back(server.last);
        }
        server.instead = [this](link::record& r, std::string_view bytes) { server.send_later(r, bytes); };
    }
    void everybody_says(std::string_view bytes) {
        for (const peer& each : peers) each.write(bytes);
    }
    // Runs one handler that does something, no more.
    void one_handler() {
        context.restart();
        while (context.poll_one() == 0) context.restart();
    }

    std::deque<peer> peers;
    std::optional<peer> another;
    std::vector<link::record*> ends; // the server's, in the same order
};

TEST(turn, replies_go_out_when_everybody_of_the_batch_has_been_heard) {
    crowd g{20};
    std::uint64_t sends_while_hearing = 0;
    g.server.instead = [&](link::record& r, std::string_view bytes) {
        g.server.send_later(r, bytes.substr(0, 3));
        g.server.send_later(r, bytes.substr(3));
        sends_while_hearing += g.counters.sends;
    };
    g.everybody_says("hello");
    g.settle();
    EXPECT_EQ(sends_while_hearing, 0u);
    EXPECT_EQ(g.counters.sends, 20u) << "one for each, though it was put aside in two parts";
    for (peer& each : g.peers) EXPECT_EQ(each.take(), "hello");
}

TEST(turn, a_single_connection_is_answered_before_anything_else_happens) {
    crowd g{1};
    g.settle();
    bool later_handler_ran = false;
    g.server.instead = [&](link::record& r, std::string_view bytes) {
        g.server.send_later(r, bytes);
        boost::asio::post(g.context, [&] { later_handler_ran = true; });
    };
    g.everybody_says("hello");
    while (g.server.heard.empty()) g.one_handler();
    EXPECT_FALSE(later_handler_ran);
    EXPECT_EQ(g.peers[0].take(), "hello");
    g.settle();
    EXPECT_TRUE(later_handler_ran);
}

TEST(turn, outside_of_a_batch_one_post_ends_it_for_all) {
    crowd g{3};
    boost::asio::post(g.context, [&] {
        for (link::record* const each : g.ends) g.server.send_later(*each, "a");
    });
    boost::asio::post(g.context, [&] {
        EXPECT_EQ(g.counters.sends, 0u);
        for (link::record* const each : g.ends) g.server.send_later(*each, "b");
    });
    g.settle();
    EXPECT_EQ(g.counters.sends, 6u) << "theirs were not next to each other";
    for (peer& each : g.peers) EXPECT_EQ(each.take(), "ab");
    // And the next one has an end again.
    g.server.send_later(*g.ends[0], "c");
    g.settle();
    EXPECT_EQ(g.peers[0].take(), "c");
}

TEST(turn, what_is_sent_at_once_comes_after_what_was_put_aside) {
    crowd g{3};
    g.server.instead = [&](link::record& r, std::string_view bytes) {
        g.server.send_later(r, bytes);
        if (&r == g.ends[2]) g.server.send(*g.ends[1], "!");
    };
    g.everybody_says("hello");
    g.settle();
    EXPECT_EQ(g.peers[0].take(), "hello");
    EXPECT_EQ(g.peers[1].take(), "hello!");
    EXPECT_EQ(g.peers[2].take(), "hello");
}

TEST(turn, a_delivery_at_its_end_comes_after_the_replies) {
    crowd g{2};
    bool delivered = false;
    g.server.instead = [&](link::record& r, std::string_view bytes) {
        g.server.heard += bytes;
        g.server.send_later(r, bytes);
    };
    g.deliveries.portion = [&] {
        if (g.server.heard.empty() || std::exchange(delivered, true)) return true;
        for (link::record* const each : g.ends) g.server.send(*each, " ding");
        return true;
    };
    g.everybody_says("hello");
    g.settle();
    for (peer& each : g.peers) EXPECT_EQ(each.take(), "hello ding");
}

// --- ends within a turn

enum class end_kind { peer_ends, dropped, dropped_by_another, closed_with_a_word, closed_forgetting };

TEST(turn, a_connection_that_ends_is_sent_what_was_put_aside_for_it_first) {
    struct end_case {
        const char* name;
        end_kind how;
        const char* hears;
    };
    const end_case cases[] = {
        {"its peer has ended", end_kind::peer_ends, "hello"},
        {"its owner drops it", end_kind::dropped, "hello"},
        {"another's bytes make its owner drop it", end_kind::dropped_by_another, "hello"},
        {"its owner closes it", end_kind::closed_with_a_word, "hello bye"},
        {"its owner closes it and forgets what waits", end_kind::closed_forgetting, "hello bye"},
    };
    for (const end_case& each : cases) {
        SCOPED_TRACE(each.name);
        crowd g{3};
        g.server.instead = [&](link::record& r, std::string_view bytes) {
            g.server.send_later(r, bytes);
            if (&r == g.ends[2] && each.how == end_kind::dropped_by_another) {
                g.server.drop(*g.ends[1], link::ending::by_us);
                // Its place may be taken at once, by somebody who is not to hear its replies.
                g.another.emplace(g.accept());
            }
            if (&r != g.ends[1]) return;
            if (each.how == end_kind::dropped) g.server.drop(r, link::ending::by_us);
            if (each.how == end_kind::closed_with_a_word) g.server.close(r, " bye", false);
            if (each.how == end_kind::closed_forgetting) g.server.close(r, " bye", true);
        };
        g.everybody_says("hello");
        if (each.how == end_kind::peer_ends) g.peers[1].end_sending();
        g.settle();
        EXPECT_EQ(g.peers[0].take(), "hello");
        EXPECT_EQ(g.peers[1].take(), each.hears);
        EXPECT_EQ(g.peers[2].take(), "hello");
        EXPECT_TRUE(g.peers[1].ended());
        if (g.another) { EXPECT_EQ(g.another->take(), ""); }
        EXPECT_EQ(g.counters.outboxes, 0);
    }
}

TEST(turn, one_that_fails_when_the_turn_ends_does_not_concern_the_others) {
    for (const mishap what : mishaps) {
        SCOPED_TRACE(name_of(what));
        crowd g{3};
        g.everybody_says("hello");
        script = {.victim = g.peers[1].far(), .strike_at = 2, .what = what}; // it is read, then it is sent to
        g.settle();
        EXPECT_TRUE(script.struck);
        if (!is_fatal(what)) g.poll.sink_of(*g.ends[1]).on_ready(*g.ends[1], {.writable = true});
        g.settle();
        EXPECT_EQ(g.peers[0].take(), "hello");
        EXPECT_EQ(g.peers[1].take(), is_fatal(what) ? "" : "hello");
        EXPECT_EQ(g.peers[2].take(), "hello");
        EXPECT_EQ(g.server.endings, is_fatal(what) ? std::vector{link::ending::by_error} : std::vector<link::ending>{});
        script = {};
    }
}

TEST(turn, shutting_down_in_the_middle_of_one_loses_nothing) {
    crowd g{3};
    boost::asio::post(g.context, [&] {
        for (link::record* const each : g.ends) g.server.send_later(*each, "bye");
        g.server.drop_all();
    });
    g.settle();
    for (peer& each : g.peers) EXPECT_EQ(each.take(), "bye");
    EXPECT_EQ(g.records.size(), 0u);
}

// --- portions, and who waits for another turn

TEST(turn, what_is_left_of_the_deliveries_goes_on_behind_what_else_is_ready) {
    crowd g{1};
    std::vector<std::string> order;
    int left = 3;
    g.deliveries.portion = [&] {
        if (left > 0) order.emplace_back("portion");
        return left == 0 || --left == 0;
    };
    boost::asio::post(g.context, [&] {
        g.turns.join();
        boost::asio::post(g.context, [&] { order.emplace_back("other"); });
    });
    g.settle();
    EXPECT_EQ(left, 0);
    EXPECT_EQ(std::ranges::count(order, "portion"), 3);
    EXPECT_NE(order.back(), "other") << "it did not wait for all portions";
}

TEST(turn, who_has_no_time_left_goes_on_in_the_next_turn_and_is_not_read_before) {
    crowd g{2};
    std::vector<link::record*> went_on;
    g.server.instead = [&](link::record& r, std::string_view bytes) {
        if (bytes == "much") {
            g.server.wait_for_turn(r, false);
            EXPECT_TRUE(r.paused);
            g.server.wait_for_turn(r, false); // stands in line once
            return;
        }
        g.server.send_later(r, bytes);
    };
    g.server.on_next_turn = [&](link::record& r) {
        went_on.push_back(&r);
        g.server.resume(r);
    };
    g.peers[0].write("much");
    g.settle();
    EXPECT_EQ(went_on, std::vector{g.ends[0]});
    g.everybody_says("hello");
    g.settle();
    for (peer& each : g.peers) EXPECT_EQ(each.take(), "hello");
    EXPECT_EQ(g.turns.waiting(), 0u);
    EXPECT_EQ(g.turns.counts().waits, 1u);
}

TEST(turn, who_waits_for_room_goes_on_when_there_is_some) {
    crowd g{1};
    int went_on = 0;
    g.deliveries.full = true;
    int portions_left = 5;
    g.deliveries.portion = [&] {
        if (portions_left > 0 && --portions_left == 0) g.deliveries.full = false;
        return portions_left == 0;
    };
    g.server.instead = [&](link::record& r, std::string_view) { g.server.wait_for_turn(r, true); };
    g.server.on_next_turn = [&](link::record&) {
        EXPECT_FALSE(g.turns.congested());
        ++went_on;
    };
    g.everybody_says("publish");
    g.settle();
    EXPECT_EQ(went_on, 1);
}

TEST(turn, one_that_ends_while_it_waits_is_forgotten) {
    crowd g{1};
    g.deliveries.full = true;
    g.deliveries.portion = [] { return true; };
    g.server.instead = [&](link::record& r, std::string_view) { g.server.wait_for_turn(r, true); };
    int went_on = 0;
    g.server.on_next_turn = [&](link::record&) { ++went_on; };
    g.peers[0].write("publish");
    for (int i = 0; i < 50; ++i) {
        g.context.restart();
        g.context.poll_one();
    }
    EXPECT_EQ(g.turns.waiting(), 1u);
    g.server.drop(*g.ends[0], link::ending::by_us);
    g.deliveries.full = false;
    g.settle();
    EXPECT_EQ(went_on, 0);
    EXPECT_EQ(g.turns.waiting(), 0u);
}

TEST(turn, time_that_is_over_is_noticed) {
    crowd g{1};
    g.turns.begin();
    for (int i = 0; i < 100; ++i) EXPECT_FALSE(g.turns.over());
    now_here += std::chrono::milliseconds{11};
    bool over = false;
    for (int i = 0; i < 16 && !over; ++i) over = g.turns.over();
    EXPECT_TRUE(over);
    EXPECT_EQ(g.turns.counts().cut_short, 1u);
    g.turns.end();
    g.turns.begin();
    EXPECT_FALSE(g.turns.over());
    g.turns.end();
    g.settle();
}

// --- bounds

TEST(turn, replies_are_sent_before_too_much_is_put_aside) {
    constexpr std::size_t bytes_max = 256 * 1024; // docs/decisions/0012
    for (const std::size_t reply_bytes : {10'000u, 65'536u, 100'000u}) {
        SCOPED_TRACE(reply_bytes);
        crowd g{40};
        const std::string reply(reply_bytes, 'x');
        std::size_t put_aside = 0;
        std::size_t most = 0;
        g.server.instead = [&](link::record& r, std::string_view) {
            g.server.send_later(r, reply);
            put_aside += reply.size();
            most = std::max(most, put_aside - static_cast<std::size_t>(g.counters.bytes_sent));
        };
        g.everybody_says("?");
        g.settle();
        EXPECT_LE(most, bytes_max);
        EXPECT_GT(most, bytes_max - reply_bytes - 1);
        for (peer& each : g.peers) EXPECT_EQ(each.take(), reply);
    }
}

TEST(turn, a_reply_beyond_the_bound_is_sent_at_once_and_in_order) {
    crowd g{1};
    const std::string large(300'000, 'x');
    g.server.instead = [&](link::record& r, std::string_view) {
        g.server.send_later(r, "before ");
        g.server.send_later(r, large);
        EXPECT_GT(g.counters.sends, 1u);
        g.server.send_later(r, " after");
    };
    g.everybody_says("?");
    std::string heard;
    for (int i = 0; i < 10; ++i) {
        g.settle();
        heard += g.peers[0].take();
    }
    EXPECT_EQ(heard, "before " + large + " after");
    EXPECT_EQ(g.counters.outboxes, 0);
}

TEST(turn, many_small_replies_are_bounded_too) {
    crowd g{2};
    boost::asio::post(g.context, [&] {
        for (int i = 0; i < 3000; ++i) g.server.send_later(*g.ends[static_cast<std::size_t>(i % 2)], "x");
        EXPECT_GT(g.counters.sends, 0u); // after 1024 portions
    });
    std::array<std::string, 2> heard;
    for (int i = 0; i < 20; ++i) {
        g.settle();
        for (std::size_t each = 0; each < 2; ++each) heard[each] += g.peers[each].take();
    }
    for (const std::string& each : heard) EXPECT_EQ(each, std::string(1500, 'x'));
}

TEST(turn, a_slow_consumer_is_one_with_replies_put_aside_too) {
    crowd g{2, {.outbox_bytes_max = 100'000}};
    const std::string reply(50'000, 'x');
    g.server.instead = [&](link::record& r, std::string_view) { g.server.send_later(r, reply); };
    for (int i = 0; i < 20 && g.server.slow == 0; ++i) {
        g.everybody_says("?");
        g.settle();
        EXPECT_EQ(g.peers[1].take(), reply);
        g.settle();
    }
    EXPECT_EQ(g.server.slow, 1);
    std::string heard;
    for (std::string some = g.peers[0].take(); !some.empty(); some = g.peers[0].take()) {
        heard += some;
        g.settle();
    }
    EXPECT_TRUE(heard.ends_with("xtoo slow"));
}

} // namespace
} // namespace carillon::test
