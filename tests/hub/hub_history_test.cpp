#include "hub/listening.hpp"

#include <algorithm>
#include <map>
#include <random>
#include <set>

namespace carillon::hub {
namespace {

using test::encoded;
using test::member_of;

// The same history for the hub and for a map from channel to subscribers.
class history {
public:
    history(unsigned seed, std::size_t members, std::size_t channels) : random_{seed}, channels_{channels} {
        for (std::uint32_t i = 0; i < members; ++i) members_.emplace_back(t_, i, static_cast<format>(below(10)));
    }

    void run(int steps) {
        for (int i = 0; i < steps && !testing::Test::HasFatalFailure(); ++i) {
            turn();
            if (i % 50 == 0) compare();
        }
        for (member_of& each : members_) leave_all(each);
        t_.bells.flush();
        compare();
        ASSERT_EQ(t_.bells.channels(), 0u);
        ASSERT_EQ(t_.bells.subscriptions(), 0u);
    }

private:
    std::size_t below(std::size_t end) { return random_() % end; }
    std::string some_channel() { return "channel " + std::to_string(below(below(4) == 0 ? 3 : channels_)); }

    void turn() {
        member_of& who = members_[below(members_.size())];
        const std::size_t choice = below(100);
        if (choice < 30) {
            join(who, some_channel());
        } else if (choice < 45) {
            leave(who, some_channel());
        } else if (choice < 47) {
            leave_all(who);
        } else if (choice < 92) {
            publish(some_channel());
        } else {
            t_.bells.flush();
            batch_.clear();
        }
    }

    void join(member_of& who, const std::string& channel) {
        auto& there = model_[channel];
        const bool first = there.empty();
        const bool is_new = there.insert(who.who.packed).second;
        const auto outcome = who.join(channel);
        ASSERT_EQ(outcome, !is_new ? subscribe_outcome::already
                           : first ? subscribe_outcome::joined_first
                                   : subscribe_outcome::joined);
        if (is_new) end_batch_of(channel);
    }

    void leave(member_of& who, const std::string& channel) {
        auto& there = model_[channel];
        const bool was_there = there.erase(who.who.packed) == 1;
        const auto outcome = who.leave(channel);
        ASSERT_EQ(outcome, !was_there      ? unsubscribe_outcome::not_subscribed
                           : there.empty() ? unsubscribe_outcome::left_last
                                           : unsubscribe_outcome::left);
        if (was_there) batch_.clear(); // who leaves gets what is due to him, and so does everybody
    }

    void leave_all(member_of& who) {
        std::set<std::string> emptied;
        for (auto& [channel, there] : model_) {
            if (there.erase(who.who.packed) == 0) continue;
            batch_.clear();
            if (there.empty()) emptied.insert(channel);
        }
        const auto told = who.leave_all();
        ASSERT_EQ(std::set<std::string>(told.begin(), told.end()), emptied);
        ASSERT_EQ(told.size(), emptied.size());
    }

    void publish(const std::string& channel) {
        const std::string payload = std::to_string(++messages_) + std::string(below(30), '.');
        const auto& there = model_[channel];
        ASSERT_EQ(t_.publish(channel, payload), there.size());
        if (there.empty()) return;
        const bool same_batch = batch_ == channel && batch_bytes_ < batch_bytes_max;
        if (!same_batch) batch_bytes_ = 0;
        batch_ = channel;
        batch_bytes_ += encoded(format::resp2, channel, payload).size(); // all formats are of one length
        for (const std::uint32_t who : there) {
            auto& pieces = expected_[who];
            const std::string bytes = encoded(subscriber{who}.encoding(), channel, payload);
            if (same_batch) {
                pieces.back() += bytes;
            } else {
                pieces.push_back(bytes);
            }
        }
        deliveries_ += there.size();
    }

    void end_batch_of(const std::string& channel) {
        if (batch_ == channel) batch_.clear();
    }

    void compare() {
        t_.bells.flush();
        batch_.clear();
        std::size_t channels = 0;
        std::size_t subscriptions = 0;
        for (const auto& [channel, there] : model_) {
            channels += there.empty() ? 0u : 1u;
            subscriptions += there.size();
            ASSERT_EQ(t_.bells.subscribers(channel), there.size());
            const member_of& somebody = members_[below(members_.size())];
            ASSERT_EQ(somebody.in(channel), there.contains(somebody.who.packed));
        }
        ASSERT_EQ(t_.bells.channels(), channels);
        ASSERT_EQ(t_.bells.subscriptions(), subscriptions);
        ASSERT_EQ(t_.queue.delivered(), deliveries_);
        for (const member_of& each : members_) t_.bells.check_invariants(each.list);
        ASSERT_EQ(t_.heard.pieces, expected_);
        t_.heard.pieces.clear();
        expected_.clear();
    }

    static constexpr std::size_t batch_bytes_max = 200;

    std::mt19937 random_;
    std::size_t channels_;
    test::tower t_{batch_bytes_max};
    std::vector<member_of> members_;

    std::map<std::string, std::set<std::uint32_t>> model_;
    std::map<std::uint32_t, std::vector<std::string>> expected_; // pieces, by who
    std::string batch_;                                          // whose messages are held; empty: none are
    std::size_t batch_bytes_ = 0;
    std::uint64_t messages_ = 0;
    std::uint64_t deliveries_ = 0;
};

struct history_case {
    const char* name;
    std::size_t members;
    std::size_t channels;
};
const history_case histories[] = {
    {"few subscribers, each of many channels", 3, 200},
    {"many subscribers of few channels", 300, 4},
    {"as many of one as of the other", 40, 40},
    {"one of each", 1, 1},
};

TEST(hub, random_histories_agree_with_a_map) {
    for (const history_case& each : histories) {
        for (unsigned seed = 0; seed < 8; ++seed) {
            SCOPED_TRACE(std::string{each.name} + ", seed " + std::to_string(seed));
            history{seed, each.members, each.channels}.run(2500);
            if (HasFatalFailure()) return;
        }
    }
}

} // namespace
} // namespace carillon::hub
