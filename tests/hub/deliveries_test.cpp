#include "hub/listening.hpp"

#include <algorithm>
#include <array>
#include <deque>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

namespace carillon::hub {
namespace {

using test::encoded;
using test::member_of;
using test::tower;
using pieces = std::vector<std::string>;

constexpr std::size_t batch_bytes = 64 * 1024;

TEST(deliveries, a_turn_sends_its_portion_and_the_next_goes_on) {
    tower t{batch_bytes, 2};
    std::deque<member_of> all;
    for (std::uint32_t i = 0; i < 5; ++i) all.emplace_back(t, i).join("news");
    EXPECT_EQ(t.publish("news", "1"), 5u);
    EXPECT_EQ(t.queue.sends_waiting(), 5u);
    EXPECT_FALSE(t.queue.go_on());
    EXPECT_EQ(t.heard.in_order.size(), 2u);
    EXPECT_FALSE(t.queue.go_on()) << "the turn is the same";
    EXPECT_EQ(t.heard.in_order.size(), 2u);
    t.queue.renew();
    EXPECT_FALSE(t.queue.go_on());
    EXPECT_EQ(t.heard.in_order.size(), 4u);
    t.queue.renew();
    EXPECT_TRUE(t.queue.go_on());
    for (const member_of& each : all) EXPECT_EQ(each.pieces(), pieces{"0:news=1;"});
    EXPECT_EQ(t.queue.sends_waiting() + t.queue.bytes_waiting(), 0u);
}

TEST(deliveries, who_joins_meanwhile_hears_only_what_comes_later) {
    tower t{batch_bytes, 1};
    member_of a{t, 1}, b{t, 2}, late{t, 3};
    a.join("news");
    b.join("news");
    t.publish("news", "1");
    t.queue.flush();
    late.join("news");
    EXPECT_EQ(t.publish("news", "2"), 3u);
    while (!t.queue.go_on()) t.queue.renew();
    EXPECT_EQ(a.pieces(), (pieces{"0:news=1;", "0:news=2;"}));
    EXPECT_EQ(b.pieces(), (pieces{"0:news=1;", "0:news=2;"}));
    EXPECT_EQ(late.pieces(), pieces{"0:news=2;"});
}

TEST(deliveries, who_leaves_gets_what_is_due_to_it_first) {
    tower t{batch_bytes, 1};
    std::deque<member_of> all;
    for (std::uint32_t i = 0; i < 4; ++i) all.emplace_back(t, i).join("news");
    t.publish("news", "1");
    t.queue.flush();
    t.publish("news", "2");
    all[3].leave("news");
    EXPECT_EQ(all[3].pieces(), (pieces{"0:news=1;", "0:news=2;"}));
    all[0].leave("news"); // which has had the first already
    EXPECT_EQ(all[0].pieces(), (pieces{"0:news=1;", "0:news=2;"}));
    t.queue.check_invariants();
    while (!t.queue.go_on()) t.queue.renew();
    for (const member_of& each : all) EXPECT_EQ(each.pieces(), (pieces{"0:news=1;", "0:news=2;"}));
}

TEST(deliveries, a_channel_that_everybody_has_left_and_one_that_takes_its_place) {
    tower t{batch_bytes, 0};
    member_of a{t, 1}, b{t, 2};
    a.join("news");
    t.publish("news", "1");
    a.leave_all();
    EXPECT_EQ(t.queue.sends_waiting(), 0u);
    b.join("other"); // the hub uses the same cell again
    t.publish("other", "2");
    t.queue.check_invariants();
    b.leave("other");
    EXPECT_EQ(a.pieces(), pieces{});
    EXPECT_EQ(b.pieces(), pieces{"0:other=2;"});
    EXPECT_TRUE(t.queue.go_on()) << "nothing is left to be sent";
}

TEST(deliveries, too_much_that_waits_is_congestion) {
    struct congestion_case {
        const char* name;
        deliveries::limits how;
        std::size_t payload_bytes;
        bool congested;
    };
    const congestion_case cases[] = {
        {"as many sends as may wait", {.sends_per_turn = 0, .sends_waiting_max = 3}, 1, false},
        {"one more", {.sends_per_turn = 1, .sends_waiting_max = 1}, 1, true},
        {"few bytes", {.sends_per_turn = 0, .bytes_waiting_max = 1000}, 100, false},
        {"too many", {.sends_per_turn = 0, .bytes_waiting_max = 1000}, 2000, true},
    };
    for (const congestion_case& each : cases) {
        SCOPED_TRACE(each.name);
        deliveries queue{each.how};
        hub bells{queue};
        test::listening heard;
        bells.attach(format::websocket_json, heard);
        std::array<memberships, 3> lists;
        for (std::uint32_t i = 0; i < 3; ++i) bells.subscribe(subscriber::make(i, {}), lists[i], "news");
        const std::string payload(each.payload_bytes, 'x');
        bells.publish("news", {.payload = payload, .is_json = false, .info = {}});
        queue.flush(); // which begins with it
        EXPECT_EQ(queue.congested(), each.congested);
        for (memberships& list : lists) bells.unsubscribe_all(list, [](std::string_view) {});
        EXPECT_EQ(queue.sends_waiting(), 0u);
    }
}

// However many subscribers there are: a burst to one channel is one send for each.
TEST(deliveries, what_has_not_begun_holds_nobody_up_who_adds_to_it) {
    deliveries queue{{.sends_per_turn = 0, .sends_waiting_max = 2}};
    hub bells{queue};
    test::listening heard;
    bells.attach(format::websocket_json, heard);
    std::array<memberships, 3> lists;
    for (std::uint32_t i = 0; i < 3; ++i) {
        bells.subscribe(subscriber::make(i, {}), lists[i], "news");
        bells.subscribe(subscriber::make(i, {}), lists[i], "other");
    }
    const auto publish = [&](const char* channel) {
        bells.publish(channel, {.payload = "x", .is_json = false, .info = {}});
    };
    publish("news");
    publish("news");
    EXPECT_EQ(queue.sends_waiting(), 3u);
    EXPECT_FALSE(queue.congested());
    publish("other");
    EXPECT_TRUE(queue.congested()) << "it is not the only one";
    for (memberships& list : lists) bells.unsubscribe_all(list, [](std::string_view) {});
}

TEST(deliveries, who_flushes_is_told_of_when_something_is_left) {
    tower t{batch_bytes, 1};
    int told = 0;
    t.queue.when_left([&] { ++told; });
    member_of a{t, 1}, b{t, 2};
    a.join("news");
    b.join("news");
    t.publish("news", "1");
    t.queue.flush();
    EXPECT_EQ(told, 1);
    t.queue.renew();
    t.queue.flush();
    EXPECT_EQ(told, 1);
}

// Members come and go while deliveries are under way; everybody gets each message of a channel that was published
// while he was in it, once and in order, as if it had been delivered on the spot.
class history {
public:
    history(unsigned seed, std::size_t members, std::size_t channels, std::size_t portion)
        : random_{seed}, channels_{channels}, t_{200, portion} {
        for (std::uint32_t i = 0; i < members; ++i) members_.emplace_back(t_, i, static_cast<format>(below(formats)));
    }

    void run(int steps) {
        for (int i = 0; i < steps; ++i) {
            step();
            t_.queue.check_invariants();
            if (i % 100 == 0) {
                for (const member_of& each : members_) t_.bells.check_invariants(each.list);
            }
        }
        while (!t_.queue.go_on()) t_.queue.renew();
        for (const member_of& each : members_) {
            for (std::size_t c = 0; c < channels_; ++c) {
                const std::string channel = name_of(c);
                const std::string& due = expected_[std::pair{each.who.packed, channel}];
                ASSERT_EQ(heard_of(each, channel), due) << each.who.index() << " of " << channel;
            }
        }
    }

private:
    std::size_t below(std::size_t end) { return random_() % end; }
    static std::string name_of(std::size_t c) { return std::string{"channel "}.append(std::to_string(c)); }

    void step() {
        member_of& who = members_[below(members_.size())];
        const std::string channel = name_of(below(channels_));
        switch (below(10)) {
        case 0:
        case 1:
        case 2:
            who.join(channel);
            in_[channel].insert(who.who.packed);
            break;
        case 3:
            who.leave(channel);
            in_[channel].erase(who.who.packed);
            break;
        case 4: t_.queue.renew(); break;
        case 5: t_.queue.flush(); break;
        default: publish(channel); break;
        }
    }

    void publish(const std::string& channel) {
        const std::string payload = std::to_string(++messages_);
        ASSERT_EQ(t_.publish(channel, payload), in_[channel].size());
        for (const std::uint32_t who : in_[channel]) {
            expected_[{who, channel}] += encoded(subscriber{who}.encoding(), channel, payload);
        }
    }

    // All that it got of the channel, in the order in which it came.
    std::string heard_of(const member_of& who, const std::string& channel) {
        std::string all;
        for (const std::string& piece : t_.heard.pieces[who.who.packed]) {
            if (piece.find(":" + channel + "=") != piece.npos) all += piece;
        }
        return all;
    }

    std::mt19937 random_;
    std::size_t channels_;
    tower t_;
    std::vector<member_of> members_;
    std::map<std::string, std::set<std::uint32_t>> in_;
    std::map<std::pair<std::uint32_t, std::string>, std::string> expected_;
    std::uint64_t messages_ = 0;
};

TEST(deliveries, random_histories_agree_with_deliveries_on_the_spot) {
    for (unsigned seed = 0; seed < 40; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        history{seed, 2 + seed % 30, 1 + seed % 5, 1 + seed % 7}.run(1500);
        if (testing::Test::HasFatalFailure()) return;
    }
}

TEST(deliveries, that_are_held_wait_whatever_the_turn_allows) {
    tower t{batch_bytes, 2};
    member_of a{t, 1}, b{t, 2};
    a.join("news");
    b.join("news");
    t.queue.hold(true);
    EXPECT_EQ(t.publish("news", "1"), 2u);
    EXPECT_TRUE(t.queue.go_on()) << "nothing that another turn could do";
    t.queue.send_all();
    EXPECT_TRUE(t.heard.in_order.empty());
    EXPECT_EQ(t.queue.sends_waiting(), 2u);
    b.leave("news");
    t.queue.hold(false);
    t.queue.send_all();
    EXPECT_EQ(a.pieces(), pieces{"0:news=1;"});
    EXPECT_TRUE(t.queue.empty());
    t.queue.check_invariants();
}

TEST(deliveries, that_are_held_are_too_many_only_in_bytes) {
    deliveries queue{{.sends_waiting_max = 1, .bytes_waiting_max = 100}};
    hub bells{queue};
    test::listening heard;
    bells.attach(format::websocket_json, heard);
    std::array<memberships, 2> lists;
    for (std::uint32_t i = 0; i < lists.size(); ++i)
        bells.subscribe(subscriber::make(i, format::websocket_json), lists[i], "news");
    queue.hold(true);
    bells.publish("news", {.payload = "short", .is_json = false, .info = {}});
    EXPECT_EQ(queue.sends_waiting(), 2u);
    EXPECT_FALSE(queue.congested());
    bells.publish("news", {.payload = std::string(100, 'x'), .is_json = false, .info = {}});
    EXPECT_TRUE(queue.congested());
    queue.hold(false);
    queue.send_all();
    EXPECT_FALSE(queue.congested());
}

} // namespace
} // namespace carillon::hub
