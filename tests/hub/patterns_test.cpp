#include "hub/patterns.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace carillon::hub {
namespace {

// What the hub is told a pattern matches is up to its owner; here: what it is the beginning of.
bool begins(std::string_view pattern, std::string_view channel) noexcept { return channel.starts_with(pattern); }

publication text(std::string_view payload) { return {.payload = payload, .is_json = false, .info = {}}; }

std::string encoded(format encoding, std::string_view pattern, std::string_view channel, std::string_view payload) {
    return std::to_string(static_cast<int>(encoding)) + ":" + std::string{pattern} + ":" + std::string{channel} + "=" +
           std::string{payload};
}

struct listening final : pattern_sink {
    void encode_pattern(format encoding, std::string_view pattern, std::string_view channel, const publication& message,
                        std::string& out) override {
        ++encodings;
        out += encoded(encoding, pattern, channel, message.payload);
    }
    void deliver(subscriber to, frames& what) override { heard.emplace_back(to.packed, what.bytes()); }

    std::vector<std::pair<std::uint32_t, std::string>> heard;
    int encodings = 0;
};

struct program {
    subscriber who;
    pattern_memberships list{};
};

struct tower {
    tower() { bells.attach(heard); }
    std::uint32_t hold(std::string_view channel, std::string_view payload) {
        return bells.publish(channel, text(payload));
    }
    std::uint32_t publish(std::string_view channel, std::string_view payload) {
        const std::uint32_t receivers = hold(channel, payload);
        queue.flush();
        return receivers;
    }
    deliveries queue{{.sends_per_turn = 1'000'000}};
    patterns bells{begins, queue};
    listening heard;
};

TEST(patterns, every_matching_pattern_delivers_in_the_order_of_the_patterns) {
    tower t;
    program one{subscriber::make(1, format::resp2)};
    program two{subscriber::make(2, format::resp3)};
    EXPECT_TRUE(t.bells.empty());
    EXPECT_EQ(t.bells.subscribe(one.who, one.list, "ma"), subscribe_outcome::joined_first);
    EXPECT_EQ(t.bells.subscribe(one.who, one.list, "m"), subscribe_outcome::joined_first);
    EXPECT_EQ(t.bells.subscribe(two.who, two.list, "m"), subscribe_outcome::joined);
    EXPECT_EQ(t.bells.subscribe(two.who, two.list, "m"), subscribe_outcome::already);
    EXPECT_EQ(t.publish("mail", "hi"), 3u);
    const std::vector<std::pair<std::uint32_t, std::string>> expected{
        {one.who.packed, "1:m:mail=hi"}, {two.who.packed, "2:m:mail=hi"}, {one.who.packed, "1:ma:mail=hi"}};
    EXPECT_EQ(t.heard.heard, expected);
    EXPECT_EQ(t.queue.delivered(), 3u);
    EXPECT_EQ(t.publish("news", "hi"), 0u);
}

TEST(patterns, messages_to_one_pattern_are_delivered_together_and_to_no_one_else) {
    tower t;
    program one{subscriber::make(1, format::resp2)};
    program two{subscriber::make(2, format::resp2)};
    t.bells.subscribe(one.who, one.list, "m");
    EXPECT_EQ(t.hold("mail", "1"), 1u);
    EXPECT_EQ(t.hold("mix", "2"), 1u);
    EXPECT_FALSE(t.queue.empty());
    EXPECT_TRUE(t.heard.heard.empty());
    t.bells.subscribe(two.who, two.list, "m"); // hears nothing of before
    t.hold("mail", "3");
    t.bells.unsubscribe(two.who, two.list, "m"); // hears what came before it left
    t.hold("mail", "4");
    t.queue.flush();
    const std::vector<std::pair<std::uint32_t, std::string>> expected{{one.who.packed, "1:m:mail=11:m:mix=2"},
                                                                      {one.who.packed, "1:m:mail=3"},
                                                                      {two.who.packed, "1:m:mail=3"},
                                                                      {one.who.packed, "1:m:mail=4"}};
    EXPECT_EQ(t.heard.heard, expected);
    EXPECT_EQ(t.queue.delivered(), 5u);
}

TEST(patterns, much_is_not_held) {
    tower t;
    program one{subscriber::make(1, format::resp2)};
    t.bells.subscribe(one.who, one.list, "m");
    t.hold("mail", std::string(70'000, 'x'));
    EXPECT_TRUE(t.queue.empty());
    EXPECT_EQ(t.heard.heard.size(), 1u);
}

TEST(patterns, a_message_is_encoded_once_for_each_pattern_and_format) {
    tower t;
    std::vector<program> members;
    for (std::uint32_t i = 0; i < 20; ++i) {
        members.push_back({subscriber::make(i, i % 2 == 0 ? format::resp2 : format::resp3)});
        t.bells.subscribe(members.back().who, members.back().list, "m");
    }
    EXPECT_EQ(t.publish("mail", "hi"), 20u);
    EXPECT_EQ(t.heard.encodings, 2);
}

TEST(patterns, leaving_all_of_them_tells_each_in_the_order_of_joining) {
    tower t;
    program one{subscriber::make(1, format::resp2)};
    program two{subscriber::make(2, format::resp2)};
    for (const char* each : {"c", "a", "b"}) t.bells.subscribe(one.who, one.list, each);
    t.bells.subscribe(two.who, two.list, "a");
    std::vector<std::pair<std::string, std::size_t>> told;
    t.bells.unsubscribe_all(one.who, one.list,
                            [&](std::string_view pattern, std::size_t left) { told.emplace_back(pattern, left); });
    EXPECT_EQ(told, (std::vector<std::pair<std::string, std::size_t>>{{"c", 2}, {"a", 1}, {"b", 0}}));
    EXPECT_EQ(one.list.count(), 0u);
    EXPECT_EQ(t.bells.size(), 1u);
    EXPECT_EQ(t.publish("a", "x"), 1u);
}

TEST(patterns, another_format_is_heard_from_the_next_message_on) {
    tower t;
    program one{subscriber::make(1, format::resp2)};
    t.bells.subscribe(one.who, one.list, "a");
    const subscriber later = subscriber::make(1, format::resp3);
    t.bells.change_format(one.who, later, one.list);
    EXPECT_EQ(t.publish("a", "x"), 1u);
    EXPECT_EQ(t.heard.heard.back(), (std::pair<std::uint32_t, std::string>{later.packed, "2:a:a=x"}));
    EXPECT_EQ(t.bells.unsubscribe(later, one.list, "a"), unsubscribe_outcome::left_last);
}

// The same history for the class and for a map from pattern to subscribers.
class history {
public:
    history(unsigned seed, std::size_t members, std::size_t names) : random_{seed}, names_{names} {
        for (std::uint32_t i = 0; i < members; ++i) {
            members_.push_back({subscriber::make(i, i % 3 == 0 ? format::resp3 : format::resp2)});
        }
    }

    void run(int steps) {
        for (int i = 0; i < steps && !testing::Test::HasFatalFailure(); ++i) turn();
        for (program& each : members_) leave_all(each);
        ASSERT_TRUE(t_.bells.empty());
    }

private:
    std::size_t below(std::size_t end) { return random_() % end; }
    // Names of one to three letters, so that one is often the beginning of another.
    std::string some_name() {
        std::string name;
        do name += static_cast<char>('a' + below(names_));
        while (name.size() < 3 && below(2) == 0);
        return name;
    }

    void turn() {
        program& who = members_[below(members_.size())];
        const std::size_t choice = below(100);
        if (choice < 35) return join(who, some_name());
        if (choice < 55) return leave(who, some_name());
        if (choice < 58) return leave_all(who);
        publish(some_name());
    }

    void join(program& who, const std::string& pattern) {
        auto& there = model_[pattern];
        const bool first = there.empty();
        const bool is_new = there.insert(who.who.packed).second;
        ASSERT_EQ(t_.bells.subscribe(who.who, who.list, pattern), !is_new ? subscribe_outcome::already
                                                                  : first ? subscribe_outcome::joined_first
                                                                          : subscribe_outcome::joined);
        compare_lists();
    }

    void leave(program& who, const std::string& pattern) {
        const bool was_there = model_[pattern].erase(who.who.packed) == 1;
        const bool last = model_[pattern].empty();
        if (last) model_.erase(pattern);
        ASSERT_EQ(t_.bells.unsubscribe(who.who, who.list, pattern), !was_there ? unsubscribe_outcome::not_subscribed
                                                                    : last     ? unsubscribe_outcome::left_last
                                                                               : unsubscribe_outcome::left);
        compare_lists();
    }

    void leave_all(program& who) {
        std::set<std::string> left;
        t_.bells.unsubscribe_all(who.who, who.list,
                                 [&](std::string_view pattern, std::size_t) { left.emplace(pattern); });
        std::set<std::string> expected;
        for (auto& [pattern, there] : model_) {
            if (there.erase(who.who.packed) == 1) expected.insert(pattern);
        }
        std::erase_if(model_, [](const auto& each) { return each.second.empty(); });
        ASSERT_EQ(left, expected);
        compare_lists();
    }

    void publish(const std::string& channel) {
        std::vector<std::pair<std::uint32_t, std::string>> expected;
        for (const auto& [pattern, there] : model_) {
            if (!begins(pattern, channel)) continue;
            for (const std::uint32_t who : there) {
                expected.emplace_back(who, encoded(subscriber{who}.encoding(), pattern, channel, "x"));
            }
        }
        t_.heard.heard.clear();
        ASSERT_EQ(t_.publish(channel, "x"), expected.size());
        std::sort(expected.begin(), expected.end());
        std::sort(t_.heard.heard.begin(), t_.heard.heard.end());
        ASSERT_EQ(t_.heard.heard, expected);
    }

    void compare_lists() {
        std::erase_if(model_, [](const auto& each) { return each.second.empty(); });
        ASSERT_EQ(t_.bells.size(), model_.size());
        std::size_t subscriptions = 0;
        for (const auto& each : model_) subscriptions += each.second.size();
        ASSERT_EQ(t_.bells.subscriptions(), subscriptions);
        std::vector<std::string> names;
        t_.bells.each([&](std::string_view pattern) { names.emplace_back(pattern); });
        std::size_t place = 0;
        for (const auto& each : model_) ASSERT_EQ(names[place++], each.first);
        const program& somebody = members_[below(members_.size())];
        std::size_t count = 0;
        for (const auto& each : model_) count += each.second.count(somebody.who.packed);
        ASSERT_EQ(somebody.list.count(), count);
    }

    std::mt19937 random_;
    std::size_t names_;
    tower t_;
    std::vector<program> members_;
    std::map<std::string, std::set<std::uint32_t>> model_;
};

TEST(patterns, random_histories_agree_with_a_map) {
    for (unsigned seed = 0; seed < 12; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        history{seed, seed % 3 == 0 ? 2u : 40u, 2 + seed % 4}.run(2000);
        if (HasFatalFailure()) return;
    }
}

TEST(hub, another_format_is_heard_from_the_next_message_on) {
    struct counting final : sink {
        void encode(format, std::string_view, const publication& message, std::string& out) override {
            out += message.payload;
        }
        void deliver(subscriber to, frames& what) override { heard.emplace_back(to.packed, what.bytes()); }
        std::vector<std::pair<std::uint32_t, std::string>> heard;
    };
    deliveries queue;
    hub bells{queue};
    counting heard;
    bells.attach(format::resp2, heard);
    bells.attach(format::resp3, heard);
    const subscriber before = subscriber::make(7, format::resp2);
    const subscriber after = subscriber::make(7, format::resp3);
    memberships list;
    bells.subscribe(before, list, "a");
    bells.subscribe(before, list, "b");
    bells.publish("a", text("1"));
    queue.flush(); // nothing may wait for it
    bells.change_format(after, list);
    bells.publish("a", text("2"));
    bells.publish("b", text("3"));
    bells.flush();
    using pieces = std::vector<std::pair<std::uint32_t, std::string>>;
    EXPECT_EQ(heard.heard, (pieces{{before.packed, "1"}, {after.packed, "2"}, {after.packed, "3"}}));
    bells.check_invariants(list);
    std::set<std::string> names;
    bells.each_channel([&](std::string_view channel) { names.emplace(channel); });
    EXPECT_EQ(names, (std::set<std::string>{"a", "b"}));
    EXPECT_TRUE(bells.subscribed(after, list, "b"));
    bells.unsubscribe_all(list, [](std::string_view) {});
    EXPECT_EQ(bells.channels(), 0u);
}

} // namespace
} // namespace carillon::hub
