#include "hub/listening.hpp"

#include <algorithm>

namespace carillon::hub {
namespace {

using test::member_of;
using test::tower;
using pieces = std::vector<std::string>;

TEST(subscriber, keeps_its_index_and_its_format_in_32_bits) {
    static_assert(sizeof(subscriber) == 4);
    for (const std::uint32_t index : {0u, 1u, 123'456u, subscriber::index_max}) {
        for (const format encoding : {format::websocket_json, format::resp2, format::resp3}) {
            const auto made = subscriber::make(index, encoding);
            EXPECT_EQ(made.index(), index);
            EXPECT_EQ(made.encoding(), encoding);
        }
    }
    EXPECT_DEATH(subscriber::make(subscriber::index_max + 1, format::resp2), "check failed");
}

TEST(hub, joining_and_leaving_tell_who_is_first_and_who_is_last) {
    tower t;
    member_of a{t, 1}, b{t, 2};
    EXPECT_EQ(a.join("news"), subscribe_outcome::joined_first);
    EXPECT_EQ(b.join("news"), subscribe_outcome::joined);
    EXPECT_EQ(a.join("news"), subscribe_outcome::already);
    EXPECT_EQ(t.bells.subscribers("news"), 2u);
    EXPECT_EQ(t.bells.channels(), 1u);
    EXPECT_EQ(t.bells.subscriptions(), 2u);
    EXPECT_EQ(t.bells.subscribers_of("news").size(), 2u);
    EXPECT_NE(t.bells.subscribers_of("news")[0], t.bells.subscribers_of("news")[1]);
    EXPECT_EQ(t.bells.subscribers_of("nothing").size(), 0u);
    EXPECT_EQ(a.leave("news"), unsubscribe_outcome::left);
    EXPECT_EQ(a.leave("news"), unsubscribe_outcome::not_subscribed);
    EXPECT_EQ(b.leave("news"), unsubscribe_outcome::left_last);
    EXPECT_EQ(b.leave("news"), unsubscribe_outcome::not_subscribed);
    EXPECT_EQ(t.bells.channels(), 0u);
    EXPECT_EQ(t.bells.subscriptions(), 0u);
    EXPECT_EQ(a.join("news"), subscribe_outcome::joined_first);
}

TEST(hub, a_subscriber_is_in_the_channels_it_has_joined) {
    tower t;
    member_of a{t, 1}, b{t, 2};
    a.join("one");
    a.join("two");
    b.join("two");
    EXPECT_TRUE(a.in("one"));
    EXPECT_TRUE(a.in("two"));
    EXPECT_FALSE(b.in("one"));
    EXPECT_FALSE(a.in("three"));
    EXPECT_EQ(a.list.count, 2u);
    EXPECT_EQ(t.bells.subscribers("three"), 0u);
}

TEST(hub, leaving_all_names_the_channels_that_have_nobody_left) {
    tower t;
    member_of a{t, 1}, b{t, 2};
    for (const char* channel : {"one", "two", "three"}) a.join(channel);
    b.join("two");
    auto left = a.leave_all();
    std::sort(left.begin(), left.end());
    EXPECT_EQ(left, (pieces{"one", "three"}));
    EXPECT_EQ(a.list.count, 0u);
    EXPECT_EQ(a.list.first, none);
    EXPECT_EQ(t.bells.channels(), 1u);
    EXPECT_EQ(a.leave_all(), pieces{}) << "once more is nothing";
    t.bells.check_invariants(a.list);
    t.bells.check_invariants(b.list);
}

TEST(hub, a_list_can_be_walked_by_leaving_its_first_channel) {
    tower t;
    member_of a{t, 1};
    a.join("one");
    a.join("two");
    std::vector<std::string> names;
    while (a.list.count > 0) {
        names.emplace_back(t.bells.first_channel_of(a.list));
        a.leave(names.back());
    }
    std::sort(names.begin(), names.end());
    EXPECT_EQ(names, (pieces{"one", "two"}));
}

TEST(hub, channel_names_are_bytes) {
    tower t;
    member_of a{t, 1};
    const std::string names[] = {
        "",        std::string(1, '\0'), std::string("a\0b", 3), std::string("a\0c", 3), "a", std::string(70'000, 'n'),
        "\xff\xfe"};
    for (const std::string& name : names) {
        EXPECT_EQ(a.join(name), subscribe_outcome::joined_first);
        EXPECT_EQ(t.publish(name, "x"), 1u);
    }
    EXPECT_EQ(a.join(std::string_view{}), subscribe_outcome::already) << "the empty name once more";
    EXPECT_EQ(t.bells.channels(), std::size(names));
    a.leave_all();
    EXPECT_EQ(a.join(std::string_view{}), subscribe_outcome::joined_first);
    t.bells.check_invariants(a.list);
}

TEST(hub, a_message_reaches_the_subscribers_of_its_channel_and_nobody_else) {
    tower t;
    member_of a{t, 1}, b{t, 2}, c{t, 3};
    a.join("news");
    b.join("news");
    c.join("other");
    EXPECT_EQ(t.publish("news", "hello"), 2u);
    EXPECT_EQ(t.publish("nobody's", "hello"), 0u);
    t.bells.flush();
    EXPECT_EQ(a.pieces(), pieces{"0:news=hello;"});
    EXPECT_EQ(b.pieces(), pieces{"0:news=hello;"});
    EXPECT_EQ(c.pieces(), pieces{});
    EXPECT_EQ(t.queue.delivered(), 2u);
}

TEST(hub, messages_to_one_channel_that_follow_each_other_are_one_piece) {
    tower t;
    member_of a{t, 1};
    a.join("news");
    t.publish("news", "1");
    t.publish("news", "2");
    t.publish("news", "3");
    EXPECT_EQ(a.pieces(), pieces{}) << "held until the turn ends";
    t.bells.flush();
    EXPECT_EQ(a.pieces(), pieces{"0:news=1;0:news=2;0:news=3;"});
    EXPECT_EQ(t.queue.delivered(), 3u) << "messages count, not pieces";
    t.bells.flush();
    EXPECT_EQ(a.pieces().size(), 1u);
    t.publish("news", "4");
    t.bells.flush();
    EXPECT_EQ(a.pieces().back(), "0:news=4;");
}

TEST(hub, a_message_to_nobody_does_not_part_a_batch) {
    tower t;
    member_of a{t, 1};
    a.join("news");
    t.publish("news", "1");
    t.publish("nobody's", "x");
    t.publish("news", "2");
    t.bells.flush();
    EXPECT_EQ(a.pieces(), pieces{"0:news=1;0:news=2;"});
}

TEST(hub, the_order_across_channels_is_kept) {
    tower t;
    member_of a{t, 1};
    a.join("one");
    a.join("two");
    t.publish("one", "1");
    t.publish("two", "2");
    t.publish("one", "3");
    t.bells.flush();
    EXPECT_EQ(a.pieces(), (pieces{"0:one=1;", "0:two=2;", "0:one=3;"}));
}

TEST(hub, who_joins_after_a_message_does_not_get_it) {
    tower t;
    member_of a{t, 1}, b{t, 2};
    a.join("news");
    t.publish("news", "1");
    b.join("news");
    t.publish("news", "2");
    t.bells.flush();
    EXPECT_EQ(a.pieces(), (pieces{"0:news=1;", "0:news=2;"}));
    EXPECT_EQ(b.pieces(), pieces{"0:news=2;"});
}

TEST(hub, who_leaves_after_a_message_still_gets_it) {
    tower t;
    member_of a{t, 1}, b{t, 2}, c{t, 3};
    for (member_of* each : {&a, &b, &c}) each->join("news");
    t.publish("news", "1");
    a.leave("news");
    t.publish("news", "2");
    b.leave_all();
    t.publish("news", "3");
    c.leave("news"); // the last: the channel goes with what is held for it
    EXPECT_EQ(a.pieces(), pieces{"0:news=1;"});
    EXPECT_EQ(b.pieces(), (pieces{"0:news=1;", "0:news=2;"}));
    EXPECT_EQ(c.pieces(), (pieces{"0:news=1;", "0:news=2;", "0:news=3;"}));
    t.bells.flush();
    EXPECT_EQ(c.pieces().size(), 3u);
}

TEST(hub, a_channel_made_anew_gets_nothing_that_was_meant_for_the_old_one) {
    tower t;
    member_of a{t, 1}, b{t, 2};
    a.join("news");
    t.publish("news", "old");
    a.leave("news");
    b.join("other"); // takes the cell of the channel that has gone
    t.publish("other", "new");
    t.bells.flush();
    EXPECT_EQ(b.pieces(), pieces{"0:other=new;"});
}

TEST(hub, a_full_batch_is_delivered_at_once) {
    const std::string one = test::encoded(format::websocket_json, "c", "x");
    tower t{3 * one.size()};
    member_of a{t, 1};
    a.join("c");
    t.publish("c", "x");
    t.publish("c", "x");
    EXPECT_EQ(a.pieces(), pieces{});
    t.publish("c", "x");
    EXPECT_EQ(a.pieces(), pieces{one + one + one});
    t.publish("c", "x");
    EXPECT_EQ(a.pieces().size(), 1u);
    t.bells.flush();
    EXPECT_EQ(a.pieces(), (pieces{one + one + one, one}));
}

TEST(hub, every_subscriber_gets_its_own_format) {
    tower t;
    member_of web{t, 1, format::websocket_json}, two{t, 1, format::resp2}, three{t, 1, format::resp3};
    for (member_of* each : {&web, &two, &three}) each->join("c");
    t.publish("c", "x");
    t.bells.flush();
    EXPECT_EQ(web.pieces(), pieces{"0:c=x;"});
    EXPECT_EQ(two.pieces(), pieces{"1:c=x;"});
    EXPECT_EQ(three.pieces(), pieces{"2:c=x;"});
}

TEST(hub, only_formats_that_are_present_are_encoded_and_each_of_them_once) {
    tower t;
    std::vector<member_of> many;
    for (std::uint32_t i = 0; i < 100; ++i) many.emplace_back(t, i, format::websocket_json).join("web");
    member_of bus{t, 100, format::resp3};
    bus.join("bus");
    t.publish("web", "x");
    EXPECT_EQ(t.heard.encodings, (std::array<int, formats>{1, 0, 0, 0}));
    t.publish("bus", "x");
    EXPECT_EQ(t.heard.encodings, (std::array<int, formats>{1, 0, 1, 0}));
    t.publish("nobody's", "x");
    EXPECT_EQ(t.heard.encodings, (std::array<int, formats>{1, 0, 1, 0}));
}

TEST(hub, a_newcomers_format_is_encoded_from_then_on) {
    tower t;
    member_of web{t, 1}, bus{t, 2, format::resp2};
    web.join("c");
    t.publish("c", "1");
    bus.join("c");
    t.publish("c", "2");
    t.bells.flush();
    EXPECT_EQ(bus.pieces(), pieces{"1:c=2;"});
    EXPECT_EQ(t.heard.encodings, (std::array<int, formats>{2, 1, 0, 0}));
}

// Else one compressed client that came and went would have all that is published later compressed for nobody.
TEST(hub, a_format_whose_last_member_has_gone_is_encoded_no_more) {
    tower t;
    std::vector<member_of> webs;
    for (std::uint32_t i = 0; i < 10; ++i) webs.emplace_back(t, i).join("c");
    member_of one{t, 20, format::resp2}, other{t, 21, format::resp2};
    one.join("c");
    other.join("c");
    one.leave("c");
    t.publish("c", "1");
    EXPECT_EQ(t.heard.encodings, (std::array<int, formats>{1, 1, 0, 0})) << "one of two is still there";
    other.leave_all();
    t.publish("c", "2");
    EXPECT_EQ(t.heard.encodings, (std::array<int, formats>{2, 1, 0, 0}));
    other.join("c");
    t.publish("c", "3");
    t.bells.flush();
    EXPECT_EQ(t.heard.encodings, (std::array<int, formats>{3, 2, 0, 0}));
    EXPECT_EQ(other.pieces().back(), "1:c=3;");
    for (member_of& each : webs) each.leave("c");
    t.publish("c", "4");
    EXPECT_EQ(t.heard.encodings, (std::array<int, formats>{3, 3, 0, 0}));
}

TEST(hub, in_a_large_channel_it_is_until_that_is_smaller) {
    tower t;
    member_of bus{t, 1, format::resp2};
    bus.join("c");
    std::vector<member_of> webs;
    for (std::uint32_t i = 0; i < 4'098; ++i) webs.emplace_back(t, 2 + i).join("c");
    bus.leave("c");
    t.publish("c", "1");
    EXPECT_EQ(t.heard.encodings, (std::array<int, formats>{1, 1, 0, 0}));
    for (std::size_t i = 0; i < 2; ++i) webs[i].leave("c");
    t.publish("c", "2");
    EXPECT_EQ(t.heard.encodings, (std::array<int, formats>{2, 1, 0, 0}));
}

TEST(hub, the_shared_copy_is_made_once_for_each_format) {
    tower t;
    t.heard.shares = true;
    std::vector<member_of> many;
    for (std::uint32_t i = 0; i < 10; ++i)
        many.emplace_back(t, i, i % 2 == 0 ? format::websocket_json : format::resp2).join("c");
    t.publish("c", "x");
    t.publish("c", "y");
    t.bells.flush();
    ASSERT_EQ(t.heard.shared.size(), 10u);
    std::sort(t.heard.shared.begin(), t.heard.shared.end());
    const auto end = std::unique(t.heard.shared.begin(), t.heard.shared.end());
    EXPECT_EQ(end - t.heard.shared.begin(), 2);
}

TEST(hub, the_shared_copy_outlives_the_batch) {
    tower t;
    t.heard.shares = true;
    member_of a{t, 1};
    a.join("c");
    t.publish("c", "first");
    t.bells.flush();
    t.publish("c", "later");
    t.bells.flush();
    ASSERT_EQ(t.heard.shared.size(), 2u);
    EXPECT_EQ(*t.heard.shared[0], "0:c=first;");
}

} // namespace
} // namespace carillon::hub
