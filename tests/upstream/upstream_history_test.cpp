#include "upstream/upstream_rig.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <deque>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <utility>

namespace carillon::upstream {
namespace {

using namespace test;

using line = upstream::line;
constexpr std::array both{line::first, line::second};

// A server that takes its time: commands wait to be read, bytes wait to be delivered, and the line may break or freeze.
// If it has no RESP3, there are two lines.
class model_server {
public:
    void connect() {
        const bool replica = is_replica_;
        *this = model_server{version_, std::move(published_)};
        is_replica_ = replica;
    }
    bool is_plain() const { return version_ == resp::version::resp2; }

    // From now on it is a replica, or a master again.
    void become(bool replica) { is_replica_ = replica; }
    bool is_replica() const { return is_replica_; }
    bool said_replica() const { return said_replica_; }

    void receive(const words& command, line which) { lines_[at(which)].unread.push_back(command); }
    bool has_unread(line which) const { return !lines_[at(which)].unread.empty(); }
    void read_one(line which) {
        const words command = lines_[at(which)].unread.front();
        lines_[at(which)].unread.pop_front();
        std::string& out = lines_[at(which)].out;
        if (command[0] == "PUBLISH") {
            EXPECT_EQ(which, is_plain() ? line::second : line::first);
            const int receivers = publish(command[1]); // the message comes before the answer
            resp::append_integer(out, receivers);
            return;
        }
        if (command[0] == "SUBSCRIBE" && std::any_of(command.begin() + 1, command.end(), is_secret)) {
            out += "-NOPERM no\r\n"; // for the whole of it
            return;
        }
        for (std::size_t i = 1; i < command.size(); ++i) {
            if (command[0] == "SUBSCRIBE") {
                EXPECT_TRUE(subscribed_.insert(command[i]).second) << "asked twice for " << command[i];
            } else if (command[0] == "UNSUBSCRIBE") {
                EXPECT_EQ(subscribed_.erase(command[i]), 1u) << "left twice: " << command[i];
            }
        }
        if (command[0] == (is_plain() ? "ROLE" : "HELLO")) {
            if (!std::exchange(has_greeted_, true)) said_replica_ = is_replica_;
            out += role();
            return;
        }
        const bool in_context = is_plain() && which == line::first && !subscribed_.empty();
        EXPECT_TRUE(!in_context || command[0].ends_with("SUBSCRIBE") || command[0] == "PING") << command[0];
        out += in_context && command[0] == "PING" ? "*2\r\n$4\r\npong\r\n$0\r\n\r\n" : answer(command, 1, version_);
    }
    // Somebody publishes; the payload is how many there have been on the channel.
    int publish(const std::string& channel) {
        const std::uint64_t number = ++published_[channel];
        if (!subscribed_.contains(channel)) return 0;
        lines_[0].out += message(channel, std::to_string(number), version_);
        return 1;
    }
    std::uint64_t published(const std::string& channel) { return published_[channel]; }
    bool has_bytes(line which) const { return !lines_[at(which)].out.empty(); }
    std::string take_bytes(std::size_t count, line which) {
        std::string taken = lines_[at(which)].out.substr(0, count);
        lines_[at(which)].out.erase(0, count);
        return taken;
    }
    const std::set<std::string>& subscribed() const { return subscribed_; }

    // Which channels nobody is let have.
    static bool is_secret(const std::string& channel) { return channel.ends_with('7'); }

    explicit model_server(resp::version version, std::map<std::string, std::uint64_t> published = {})
        : version_{version}, published_{std::move(published)} {}

private:
    struct line_state {
        std::deque<words> unread;
        std::string out;
    };
    static std::size_t at(line which) { return which == line::first ? 0 : 1; }
    std::string role() const {
        if (!is_plain()) return greeting_as("standalone", is_replica_ ? "replica" : "master");
        if (!is_replica_) return answer({"ROLE"}, 1, version_);
        return "*5\r\n$5\r\nslave\r\n$1\r\nh\r\n:1\r\n$9\r\nconnected\r\n:1\r\n";
    }

    resp::version version_;
    std::map<std::string, std::uint64_t> published_; // outlives connections
    std::set<std::string> subscribed_;
    std::array<line_state, 2> lines_;
    bool is_replica_ = false;
    bool has_greeted_ = false;
    bool said_replica_ = false; // in its greeting
};

// Checks what an upstream promises, whatever happens to it.
class history final : public upstream_listener {
public:
    history(unsigned seed, std::size_t channels, resp::version version)
        : random_{seed}, channels_{channels},
          link_{options(), *this, [this] { return static_cast<double>(below(1'000)) / 1'000.0; }, now_}, server_{
                                                                                                             version} {}

    void run(int steps) {
        for (int i = 0; i < steps && !testing::Test::HasFailure(); ++i) {
            turn();
            drive();
            link_.check_invariants();
        }
        if (!testing::Test::HasFailure()) settle();
    }

    // upstream_listener
    void on_subscribed(std::string_view name) override {
        const std::string channel{name};
        ASSERT_TRUE(wanted_.contains(channel)) << channel;
        ASSERT_TRUE(server_.subscribed().contains(channel)) << channel;
        // Told once each time it is wanted or comes back.
        ASSERT_TRUE(told_.try_emplace(channel, std::nullopt).second) << channel;
        promised_from_[channel] = server_.published(channel);
        perhaps_ask();
    }
    void on_refused(std::string_view name, error why) override {
        const std::string channel{name};
        ASSERT_EQ(why, error::denied);
        ASSERT_TRUE(model_server::is_secret(channel)) << channel;
        ASSERT_TRUE(wanted_.contains(channel)) << channel;
        // Told once each time it is wanted or comes back.
        ASSERT_TRUE(refused_.insert(channel).second) << channel;
        ++refusals_;
        perhaps_ask();
    }
    void on_message(std::string_view name, std::string_view payload) override {
        const std::string channel{name};
        const std::uint64_t number = std::stoull(std::string{payload});
        ++messages_;
        const auto found = told_.find(channel);
        if (found != told_.end()) {
            if (found->second) {
                ASSERT_EQ(number, *found->second + 1) << channel;
            } else {
                ASSERT_LE(number, promised_from_[channel] + 1) << channel;
            }
            found->second = number;
        }
        perhaps_ask();
    }
    void on_oversized(std::string_view, std::uint64_t) override { FAIL() << "nothing is too large"; }
    void on_published(std::uint64_t publication, publish_result) override {
        ASSERT_EQ(publishing_.erase(publication), 1u) << publication;
        perhaps_ask();
    }
    void on_away(std::string_view) override {
        told_.clear();
        refused_.clear();
        is_back_ = false;
        perhaps_ask();
    }
    void on_back() override {
        ASSERT_FALSE(is_back_);
        ASSERT_FALSE(server_.said_replica());
        is_back_ = true;
        ASSERT_TRUE(link_.live());
        perhaps_ask();
    }

    std::uint64_t messages() const { return messages_; }
    std::uint64_t refusals() const { return refusals_; }
    upstream::counters counts() const { return link_.counts(); }

private:
    static upstream_options options() {
        upstream_options how = small_options();
        how.in_flight_max = 20;
        how.channels_per_command = 4;
        how.asked_max = 10;
        return how;
    }

    std::size_t below(std::size_t end) { return random_() % end; }
    std::string some_channel() { return "channel " + std::to_string(below(below(3) == 0 ? 3 : channels_)); }

    void want_or_release(const std::string& channel) {
        if (wanted_.erase(channel) == 1) {
            told_.erase(channel);
            refused_.erase(channel);
            link_.release(channel, now_);
        } else {
            wanted_.insert(channel);
            link_.want(channel, now_);
        }
    }
    void publish() {
        publishing_.insert(++publications_);
        link_.publish(publications_, some_channel(), std::string(below(30), 'x'), now_);
    }
    // A listener may ask for more from within.
    void perhaps_ask() {
        if (within_ || below(20) != 0) return;
        within_ = true;
        if (below(2) == 0) want_or_release(some_channel());
        if (below(2) == 0) publish();
        within_ = false;
    }

    void turn() {
        const std::size_t choice = below(1'000);
        if (choice < 250) return want_or_release(some_channel());
        if (choice < 350) return publish();
        if (choice < 500) return static_cast<void>(server_.publish(some_channel()));
        const line which = below(2) == 0 ? line::second : line::first;
        if (choice < 650) return write(1 + below(200), server_.is_plain() ? which : line::first);
        if (choice < 780 && !frozen_ && !deaf_) {
            for (const line each : both)
                for (std::size_t left = below(8); left > 0 && server_.has_unread(each); --left) server_.read_one(each);
            return;
        }
        if (choice < 920 && !frozen_ && !held_ && connected_)
            return deliver(1 + below(below(2) == 0 ? 10 : 1'000), server_.is_plain() ? which : line::first);
        if (choice < 980) return pass(std::chrono::milliseconds{below(12)});
        if (choice < 990) return wake();
        if (choice < 993) frozen_ = !frozen_;
        if (choice < 995) deaf_ = !deaf_;
        if (choice < 998) return hold(!held_);
        if (choice == 998) server_.become(!server_.is_replica());
        if (choice == 999 && connected_) {
            connected_ = false;
            link_.on_disconnected("gone", now_);
        }
    }

    void write(std::size_t count, line which) {
        const std::string_view part = link_.output(which).substr(0, count);
        std::string& half_written = half_written_[which == line::first ? 0 : 1];
        half_written += part;
        link_.on_written(part.size(), which);
        // Only whole commands are read.
        for (;;) {
            std::string rest = half_written;
            if (!has_command(rest)) return;
            server_.receive(take_command(rest), which);
            half_written = rest;
        }
    }
    static bool has_command(const std::string& bytes) {
        if (bytes.empty()) return false;
        std::size_t at = bytes.find("\r\n");
        if (at == std::string::npos) return false;
        for (int left = std::stoi(bytes.substr(1)); left > 0; --left) {
            const std::size_t start = at + 2;
            at = bytes.find("\r\n", start);
            if (at == std::string::npos) return false;
            at += 2 + std::stoul(bytes.substr(start + 1));
            if (at + 2 > bytes.size()) return false;
        }
        return true;
    }
    void deliver(std::size_t count, line which) { link_.on_received(server_.take_bytes(count, which), now_, which); }
    void pass(clock::duration time) {
        now_ += time;
        link_.on_time(now_);
    }
    // To wake when it asks for it must lead somewhere, or it would be woken for ever.
    void wake() {
        now_ = std::max(now_, link_.wake_at());
        for (int i = 0; i < 100 && link_.wake_at() <= now_; ++i) {
            link_.on_time(now_);
            drive();
        }
        ASSERT_GT(link_.wake_at(), now_);
    }
    void hold(bool held) {
        held_ = held;
        for (const line each : both) link_.on_hold(held, now_, each);
    }
    void drive() {
        switch (link_.next_action()) {
        case upstream::action::nothing: return;
        case upstream::action::close: connected_ = false; return;
        case upstream::action::connect_second:
            if (below(4) != 0) return link_.on_connected(now_, line::second);
            connected_ = false;
            return link_.on_disconnected("refused", now_);
        case upstream::action::connect:
            half_written_ = {};
            server_.connect();
            frozen_ = frozen_ && below(2) == 0;
            deaf_ = deaf_ && below(2) == 0;
            held_ = false;
            if (below(4) == 0) {
                link_.on_disconnected("refused", now_);
            } else {
                connected_ = true;
                link_.on_connected(now_);
            }
            return;
        }
    }

    // When nothing goes wrong any more, everything is as it should be.
    void settle() {
        frozen_ = deaf_ = false;
        server_.become(false);
        hold(false);
        for (int i = 0; i < 2'000; ++i) {
            drive();
            for (const line each : both) {
                write(std::string::npos, each);
                while (server_.has_unread(each)) server_.read_one(each);
                if (connected_ && server_.has_bytes(each)) deliver(std::string::npos, each);
            }
            if (link_.where() == upstream::state::waiting) now_ = std::max(now_, link_.wake_at());
            pass(1ms);
            within_ = i > 1'000; // and nobody asks for more
        }
        link_.check_invariants();
        ASSERT_TRUE(link_.live());
        ASSERT_TRUE(is_back_);
        ASSERT_TRUE(publishing_.empty());
        std::set<std::string> open = wanted_;
        std::set<std::string> secret;
        for (const std::string& channel : wanted_) {
            if (!model_server::is_secret(channel)) continue;
            secret.insert(channel);
            open.erase(channel);
        }
        ASSERT_EQ(server_.subscribed(), open);
        ASSERT_EQ(refused_, secret);
        ASSERT_EQ(link_.channels(), wanted_.size());
        ASSERT_EQ(told_.size(), open.size());
        for (const std::string& channel : open) {
            server_.publish(channel);
            deliver(std::string::npos, line::first);
            ASSERT_EQ(told_[channel], server_.published(channel)) << channel;
        }
    }

    std::mt19937 random_;
    std::size_t channels_;
    clock::time_point now_{1h};
    upstream link_;
    model_server server_;
    std::array<std::string, 2> half_written_;
    bool connected_ = false;
    bool frozen_ = false;
    bool deaf_ = false; // reads no commands, and still sends messages
    bool held_ = false; // the driver does not read
    bool within_ = false;
    bool is_back_ = false;

    std::set<std::string> wanted_;
    // Wanted channels that it was told are subscribed, and the number of the last message since.
    std::map<std::string, std::optional<std::uint64_t>> told_;
    std::map<std::string, std::uint64_t> promised_from_; // number of the last message before it was told
    std::set<std::uint64_t> publishing_;
    std::uint64_t publications_ = 0;
    std::uint64_t messages_ = 0;
    std::set<std::string> refused_; // wanted channels that it was told are refused
    std::uint64_t refusals_ = 0;
};

TEST(upstream_history, keeps_its_promises_whatever_happens) {
    std::uint64_t messages = 0;
    std::uint64_t refusals = 0;
    std::uint64_t connects = 0;
    std::uint64_t timeouts = 0;
    const unsigned seeds = 400; // half of them without RESP3
    for (unsigned seed = 1; seed <= seeds; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        const auto version = seed % 4 < 2 ? resp::version::resp3 : resp::version::resp2;
        history h{seed, seed % 2 == 0 ? 8u : 60u, version};
        h.run(5'000);
        messages += h.messages();
        refusals += h.refusals();
        connects += h.counts().connects;
        timeouts += h.counts().timeouts;
        if (HasFailure()) return;
    }
    RecordProperty("messages", std::to_string(messages));
    // The histories are about something.
    EXPECT_GT(messages, 10'000u);
    EXPECT_GT(refusals, 1'000u);
    EXPECT_GT(connects, 3 * seeds);
    EXPECT_GT(timeouts, seeds / 2);
}

} // namespace
} // namespace carillon::upstream
