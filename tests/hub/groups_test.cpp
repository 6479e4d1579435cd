#include "fossil/delta.hpp"
#include "hub/hub.hpp"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace carillon::hub {
namespace {

std::shared_ptr<const filters::filter> filter_of(std::string_view value) {
    return *filters::filter::make({.key = "k", .cmp = "eq", .val = value});
}
const wish deltas{.deltas = true};
wish only(std::string_view value) { return {.deltas = false, .filter = filter_of(value)}; }

// What each has been sent, with deltas applied as a client would.
class clients final : public sink {
public:
    void encode(format encoding, std::string_view channel, const publication& message, std::string& out) override {
        ++encodings[static_cast<std::size_t>(encoding)];
        const std::string_view data = message.patch.empty() ? message.payload : message.patch;
        const char kind = message.what != publication::kind::message ? 'j' : !message.patch.empty() ? 'd' : 'w';
        out += kind;
        out += channel.front();
        out += std::to_string(data.size()) + ":";
        out += data;
        EXPECT_EQ(message.patch.empty() || message.for_deltas, true);
    }
    void deliver(subscriber to, frames& what) override {
        ++pieces;
        std::string_view bytes = what.bytes();
        auto& [heard, kinds, last] = of[to.index()];
        while (!bytes.empty()) {
            const char kind = bytes.front(), channel = bytes[1];
            const std::size_t colon = bytes.find(':');
            const auto size = static_cast<std::size_t>(std::stoul(std::string{bytes.substr(2, colon - 2)}));
            const std::string_view data = bytes.substr(colon + 1, size);
            bytes.remove_prefix(colon + 1 + size);
            kinds += kind;
            if (kind == 'j') continue;
            std::string& before = last[channel];
            if (kind == 'd') {
                ASSERT_FALSE(before.empty()) << "a delta of nothing";
                const auto made = fossil::apply(before, data, 1 << 20);
                ASSERT_TRUE(made) << "a delta of something else";
                before = *made;
            } else {
                before = data;
            }
            heard.push_back(before);
        }
    }

    struct told {
        std::vector<std::string> heard{};
        std::string kinds{}; // w: whole, d: a delta, j: who comes and goes
        std::map<char, std::string> last{};
    };
    std::map<std::uint32_t, told> of;
    std::array<int, formats> encodings{};
    int pieces = 0;
};

struct house {
    explicit house(const deliveries::limits& how = {.sends_per_turn = 1'000'000}) : queue{how} {
        for (std::size_t i = 0; i < formats; ++i) bells.attach(static_cast<format>(i), heard);
    }
    subscribe_outcome join(std::uint32_t who, std::string_view channel, const wish& how = {},
                           format encoding = format::websocket_json) {
        speaks[who] = encoding;
        return bells.subscribe(subscriber::make(who, encoding), lists[who], channel, how);
    }
    unsubscribe_outcome leave(std::uint32_t who, std::string_view channel) {
        return bells.unsubscribe(subscriber::make(who, speaks[who]), lists[who], channel);
    }
    std::uint32_t publish(std::string_view channel, std::string_view payload, std::string_view tags = {}) {
        return bells.publish(channel, {.payload = payload, .is_json = true, .info = {}, .tags = tags});
    }
    const std::string& kinds(std::uint32_t who) { return heard.of[who].kinds; }

    deliveries queue;
    hub bells{queue};
    clients heard;
    std::map<std::uint32_t, memberships> lists;
    std::map<std::uint32_t, format> speaks;
};

std::string document(int number) {
    return R"({"symbol":"carillon","bid":)" + std::to_string(number) + R"(,"of":"bells"})";
}

TEST(groups, who_gets_deltas_gets_the_first_publication_whole) {
    house t;
    t.join(1, "a", deltas);
    t.publish("a", document(1));
    t.publish("a", document(2));
    t.bells.flush();
    t.join(2, "a", deltas);
    t.join(3, "a");
    t.publish("a", document(3));
    t.bells.flush();
    t.publish("a", document(4));
    t.bells.flush();
    EXPECT_EQ(t.kinds(1), "wddd");
    EXPECT_EQ(t.kinds(2), "wd");
    EXPECT_EQ(t.kinds(3), "ww");
    EXPECT_EQ(t.heard.of[1].heard.back(), document(4));
    EXPECT_EQ(t.bells.counted().deltas, 3u);
    EXPECT_LT(t.bells.counted().bytes_after, t.bells.counted().bytes_before);
}

TEST(groups, a_delta_is_made_once_for_all_and_encoded_once_for_each_format) {
    house t;
    for (std::uint32_t i = 0; i < 100; ++i)
        t.join(i, "a", deltas, i % 2 == 0 ? format::websocket_json : format::websocket_protobuf);
    t.publish("a", document(1));
    t.bells.flush();
    t.heard.encodings = {};
    t.publish("a", document(2));
    t.bells.flush();
    EXPECT_EQ(t.bells.counted().deltas, 1u);
    EXPECT_EQ(t.heard.encodings[static_cast<std::size_t>(format::websocket_json)], 1);
    EXPECT_EQ(t.heard.encodings[static_cast<std::size_t>(format::websocket_protobuf)], 1);
}

TEST(groups, publications_that_have_nothing_in_common_go_whole) {
    house t;
    t.join(1, "a", deltas);
    t.publish("a", document(1));
    t.publish("a", "[4]");
    t.publish("a", document(2));
    t.bells.publish("a", {.payload = "text", .is_json = false, .info = {}});
    t.publish("a", document(3));
    t.publish("a", document(4));
    t.bells.flush();
    EXPECT_EQ(t.kinds(1), "wwwwwd");
    EXPECT_EQ(t.bells.counted().without_delta, 2u);
}

TEST(groups, who_comes_and_goes_is_no_publication_that_a_delta_could_be_of) {
    house t;
    t.join(1, "a", deltas, with_joins(format::websocket_json));
    t.publish("a", document(1));
    t.bells.flush();
    t.join(2, "a", deltas, with_joins(format::websocket_json));
    t.bells.publish("a", {.payload = "{}", .is_json = true, .info = {}, .what = publication::kind::join});
    t.bells.flush();
    t.publish("a", document(2));
    t.bells.flush();
    EXPECT_EQ(t.kinds(1), "wjd");
    EXPECT_EQ(t.kinds(2), "jw");
}

TEST(groups, what_deltas_are_of_is_kept_within_its_limit_and_as_long_as_somebody_gets_deltas) {
    house t;
    t.bells.allow({.delta_bytes_max = 500});
    t.join(1, "a", deltas);
    t.join(1, "b", deltas);
    t.publish("a", document(1) + std::string(300, ' '));
    EXPECT_GT(t.bells.delta_bytes(), 300u);
    t.publish("b", document(1) + std::string(300, ' '));
    t.publish("b", document(2) + std::string(300, ' '));
    EXPECT_LE(t.bells.delta_bytes(), 500u);
    t.publish("a", document(2) + std::string(300, ' '));
    t.bells.flush();
    EXPECT_EQ(t.kinds(1), "wwwd") << "of a, b, b and a";
    t.leave(1, "a");
    EXPECT_EQ(t.bells.delta_bytes(), 0u);
    t.publish("b", std::string(fossil::input_bytes_max + 1, ' '));
    EXPECT_EQ(t.bells.delta_bytes(), 0u);
}

TEST(groups, a_filter_lets_through_what_it_says_and_is_looked_at_once) {
    house t;
    for (std::uint32_t i = 0; i < 10; ++i) t.join(i, "a", only("x"));
    t.join(10, "a", only("y"));
    t.join(11, "a");
    EXPECT_EQ(t.bells.filters(), 2u);
    EXPECT_EQ(t.publish("a", "1", R"({"k":"x"})"), 11u);
    EXPECT_EQ(t.publish("a", "2", R"({"k":"y"})"), 2u);
    EXPECT_EQ(t.publish("a", "3"), 1u);
    t.bells.flush();
    EXPECT_EQ(t.heard.of[0].heard, std::vector<std::string>{"1"});
    EXPECT_EQ(t.heard.of[10].heard, std::vector<std::string>{"2"});
    EXPECT_EQ(t.heard.of[11].heard, (std::vector<std::string>{"1", "2", "3"}));
    EXPECT_EQ(t.bells.counted().filtered, 4u);
}

TEST(groups, a_channel_has_no_more_filters_than_it_may) {
    house t;
    t.bells.allow({.filters_of_channel_max = 2});
    EXPECT_TRUE(t.bells.has_room("a", only("1")));
    t.join(1, "a", only("1"));
    t.join(2, "a", only("2"));
    EXPECT_FALSE(t.bells.has_room("a", only("3")));
    EXPECT_TRUE(t.bells.has_room("a", only("2")));
    EXPECT_TRUE(t.bells.has_room("a", deltas));
    EXPECT_TRUE(t.bells.has_room("a", {}));
    EXPECT_TRUE(t.bells.has_room("b", only("3")));
    t.leave(2, "a");
    EXPECT_TRUE(t.bells.has_room("a", only("3")));
}

TEST(groups, a_channel_is_there_as_long_as_one_of_its_groups_is) {
    house t;
    EXPECT_EQ(t.join(1, "a", deltas), subscribe_outcome::joined_first);
    EXPECT_EQ(t.join(1, "a"), subscribe_outcome::already);
    EXPECT_EQ(t.join(2, "a", only("x")), subscribe_outcome::joined);
    EXPECT_EQ(t.join(3, "a"), subscribe_outcome::joined);
    EXPECT_EQ(t.bells.channels(), 1u);
    EXPECT_EQ(t.bells.subscribers("a"), 3u);
    EXPECT_EQ(t.bells.subscribers_of("a").size(), 3u);
    EXPECT_TRUE(t.bells.wish_of(subscriber::make(1, format::websocket_json), t.lists[1], "a").deltas);
    EXPECT_TRUE(t.bells.wish_of(subscriber::make(3, format::websocket_json), t.lists[3], "a").is_plain());
    EXPECT_EQ(t.leave(3, "a"), unsubscribe_outcome::left);
    EXPECT_EQ(t.leave(1, "a"), unsubscribe_outcome::left);
    EXPECT_EQ(t.leave(1, "a"), unsubscribe_outcome::not_subscribed);
    EXPECT_EQ(t.leave(2, "a"), unsubscribe_outcome::left_last);
    EXPECT_EQ(t.bells.channels(), 0u);
    EXPECT_EQ(t.bells.filters(), 0u);
}

TEST(groups, a_burst_costs_each_subscriber_one_send_whichever_group_it_is_in) {
    house t;
    t.join(1, "a");
    t.join(2, "a", deltas);
    t.join(3, "a", only("x"));
    for (int i = 0; i < 10; ++i) t.publish("a", document(i), R"({"k":"x"})");
    t.bells.flush();
    EXPECT_EQ(t.heard.pieces, 3);
    EXPECT_EQ(t.kinds(2), "wddddddddd");
}

// Many who come, go and publish, with turns that end in the middle of deliveries: everybody hears what it should.
TEST(groups, everybody_hears_what_it_should_in_every_history) {
    for (unsigned seed = 1; seed <= 20; ++seed) {
        std::mt19937 random{seed};
        house t{{.sends_per_turn = 3, .batch_bytes_max = 300}};
        const std::vector<wish> wishes{{}, deltas, only("0"), only("1"), deltas};
        const std::vector<std::string> channels{"a", "b"};
        struct model {
            std::map<std::string, std::size_t> in{}; // the channel, and which wish
            std::vector<std::string> expected{};
        };
        std::vector<model> all(12);
        for (int step = 0; step < 1500; ++step) {
            const auto who = static_cast<std::uint32_t>(random() % all.size());
            const std::string& channel = channels[random() % 2];
            model& its = all[who];
            switch (random() % 6) {
            case 0: {
                const std::size_t which = random() % wishes.size();
                const auto said = t.join(who, channel, wishes[which], static_cast<format>(random() % 2));
                ASSERT_EQ(said == subscribe_outcome::already, its.in.contains(channel));
                if (said != subscribe_outcome::already) its.in[channel] = which;
                break;
            }
            case 1:
                ASSERT_EQ(t.leave(who, channel) == unsubscribe_outcome::not_subscribed, its.in.erase(channel) == 0);
                break;
            case 2:
                t.queue.renew();
                t.bells.flush();
                break;
            default: {
                const std::string tag = std::to_string(random() % 3);
                const std::string payload = document(step) + channel;
                std::uint32_t receivers = 0;
                for (model& each : all) {
                    const auto found = each.in.find(channel);
                    if (found == each.in.end()) continue;
                    const wish& how = wishes[found->second];
                    if (how.filter != nullptr && tag != (found->second == 2 ? "0" : "1")) continue;
                    each.expected.push_back(payload);
                    ++receivers;
                }
                ASSERT_EQ(t.publish(channel, payload, R"({"k":")" + tag + R"("})"), receivers);
            }
            }
            t.queue.check_invariants();
            for (auto& [index, list] : t.lists) t.bells.check_invariants(list);
            if (testing::Test::HasFatalFailure()) return;
        }
        t.queue.renew();
        while (!t.queue.empty()) {
            t.bells.flush();
            t.queue.renew();
        }
        for (std::uint32_t who = 0; who < all.size(); ++who) {
            // Of each channel in its order; one delta is of the same channel's publication before.
            for (const std::string& channel : channels) {
                std::vector<std::string> heard, expected;
                for (const std::string& each : t.heard.of[who].heard)
                    if (each.ends_with(channel)) heard.push_back(each);
                for (const std::string& each : all[who].expected)
                    if (each.ends_with(channel)) expected.push_back(each);
                ASSERT_EQ(heard, expected) << "seed " << seed << ", client " << who;
            }
        }
    }
}

} // namespace
} // namespace carillon::hub
