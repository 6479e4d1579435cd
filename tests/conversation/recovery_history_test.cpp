#include "support/test_shard.hpp"

#include <boost/json.hpp>

#include <cstdlib>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

// Random histories over several shards: every client must hear every publication of its channels once and in order, or
// be told that it has missed something, whatever comes between.
namespace carillon::test {
namespace {

namespace json = boost::json;

constexpr std::uint32_t shard_count = 3;
constexpr std::size_t channel_count = 4;

std::string name_of(std::size_t channel) { return "c" + std::to_string(channel); }

class listener final : public bus::publish_listener {
public:
    void on_published(bus::ticket, bus::publish_result) override {}
};

// A client as an SDK is one: it knows where it stands in each channel, and what it has heard.
class subscriber {
public:
    struct place {
        bool wanted = false;
        bool subscribed = false;
        bool knows = false; // where it stands
        std::uint64_t offset = 0;
        std::string epoch;
    };

    bool connected() const noexcept { return client_ != nullptr; }

    void connect(test_shard& to) {
        client_ = std::make_unique<ws_client>(to.open(to.sessions, upgrade_request));
        (void)client_->response();
        client_->say(R"({"id":1,"connect":{}})");
        for (std::size_t channel = 0; channel < channel_count; ++channel) {
            places[channel].subscribed = false;
            if (places[channel].wanted) say_subscribe(channel);
        }
    }
    void drop() {
        client_.reset();
        for (place& each : places) each.subscribed = false;
        leaving_ = {};
    }
    void subscribe(std::size_t channel) {
        if (std::exchange(places[channel].wanted, true) || !connected()) return;
        say_subscribe(channel);
    }
    void unsubscribe(std::size_t channel) {
        place& its = places[channel];
        if (!std::exchange(its.wanted, false) || !connected()) return;
        client_->say(R"({"id":)" + std::to_string(900 + channel) + R"(,"unsubscribe":{"channel":")" + name_of(channel) +
                     R"("}})");
        ++leaving_[channel];
        its.subscribed = false;
        its.knows = false; // who has left on purpose begins anew
        ++left_[channel];
    }
    void publish(std::size_t channel, const std::string& payload) {
        if (!connected()) return;
        client_->say(R"({"id":910,"publish":{"channel":")" + name_of(channel) + R"(","data":)" + payload + "}}");
    }

    /// Takes what has come. What is wrong with it; empty: nothing.
    std::string listen(bool skip_one = false) {
        if (!connected()) return {};
        for (const std::string& frame : client_->heard()) {
            if (frame == "end" || frame.starts_with("close")) return "it was closed: " + frame;
            std::string_view lines = frame;
            while (!lines.empty()) {
                const std::size_t end = lines.find('\n');
                const json::object line = json::parse(lines.substr(0, end)).as_object();
                lines.remove_prefix(end == lines.npos ? lines.size() : end + 1);
                if (skip_one && line.contains("push")) {
                    skip_one = false;
                    skipped = true;
                    continue;
                }
                if (auto why = take(line); !why.empty()) return why + " in " + json::serialize(line);
            }
        }
        return {};
    }

    std::array<place, channel_count> places;
    bool skipped = false; // listen() has left something out
    int recovered = 0;
    int not_recovered = 0;
    std::uint64_t heard = 0;

private:
    void say_subscribe(std::size_t channel) {
        const place& its = places[channel];
        std::string text = R"({"id":)" + std::to_string(100 + channel + 10 * (left_[channel] % 80)) +
                           R"(,"subscribe":{"channel":")" + name_of(channel) + '"';
        if (its.knows)
            text += R"(,"recover":true,"offset":)" + std::to_string(its.offset) + R"(,"epoch":")" + its.epoch + '"';
        client_->say(text + "}}");
    }

    std::string take(const json::object& line) {
        if (const auto* push = line.if_contains("push")) {
            const json::object& what = push->as_object();
            const auto channel = static_cast<std::size_t>(what.at("channel").as_string().back() - '0');
            place& its = places[channel];
            if (!its.wanted || leaving_[channel] > 0) return {}; // it was on its way
            if (!its.subscribed) return "a publication before the reply";
            return take_publication(its, what.at("pub").as_object());
        }
        const auto id = line.if_contains("id") ? line.at("id").to_number<std::size_t>() : 0;
        if (line.contains("error")) return "an error";
        if (id >= 900 && id < 910) --leaving_[id - 900];
        if (id < 100 || id >= 900) return {};
        const std::size_t channel = (id - 100) % 10;
        place& its = places[channel];
        if (!its.wanted || (id - 100) / 10 != left_[channel] % 80) return {}; // of a subscription that it has left
        return take_subscribed(its, line.at("subscribe").as_object());
    }

    std::string take_subscribed(place& its, const json::object& what) {
        its.subscribed = true;
        const std::uint64_t offset = what.contains("offset") ? what.at("offset").to_number<std::uint64_t>() : 0;
        const bool was_known = std::exchange(its.knows, true);
        const bool is_recovered = what.contains("recovered");
        if (was_known != what.contains("was_recovering")) return "not the answer to the question";
        if (is_recovered && offset != its.offset) return "recovered from another place";
        if (was_known) ++(is_recovered ? recovered : not_recovered);
        its.epoch = std::string{what.at("epoch").as_string()};
        its.offset = offset;
        if (const auto* list = what.if_contains("publications")) {
            for (const auto& each : list->as_array()) {
                if (auto why = take_publication(its, each.as_object()); !why.empty()) return why;
            }
        }
        return {};
    }

    std::string take_publication(place& its, const json::object& what) {
        const auto offset = what.at("offset").to_number<std::uint64_t>();
        if (offset != its.offset + 1) return "after " + std::to_string(its.offset) + " comes " + std::to_string(offset);
        its.offset = offset;
        ++heard;
        return {};
    }

    std::unique_ptr<ws_client> client_;
    std::array<std::size_t, channel_count> left_{};
    std::array<int, channel_count> leaving_{}; // unsubscribes that are not answered
};

shard_options kept_in_rings() {
    shard_options how;
    how.clients.dev = false;
    how.clients.anonymous = true;
    const channels::audience all{channels::party::anonymous};
    how.clients.name_spaces = {
        {.name = "", .subscribe = all, .publish = all, .history_size = 8, .recovery = channels::recovery_mode::stream}};
    how.streams = bus::channel_home::limits{.store = {.bytes_max = 20'000}};
    how.deliveries = {.sends_per_turn = 3};
    return how;
}

struct outcome {
    std::string why; // what went wrong, and when; empty: nothing
    int recovered = 0;
    int not_recovered = 0;
    std::uint64_t heard = 0;
};

class history {
public:
    explicit history(unsigned seed) : random_{seed}, bus_{shard_count} {
        for (std::uint32_t i = 0; i < shard_count; ++i)
            shards_.push_back(std::make_unique<test_shard>(kept_in_rings(), bus_, i));
        program_.emplace(shards_[0]->program());
    }
    ~history() {
        for (subscriber& each : clients_) each.drop();
        program_.reset();
        settle();
    }

    outcome run(int steps, bool with_fault) {
        outcome how;
        for (int step = 0; step < steps && how.why.empty(); ++step) {
            act();
            const std::size_t who = below(clients_.size());
            const bool skip = with_fault && step > steps / 4 && !clients_[who].skipped;
            how.why = clients_[who].listen(skip);
            if (!how.why.empty()) how.why = "step " + std::to_string(step) + ": " + how.why;
        }
        if (how.why.empty()) how.why = finish();
        for (const subscriber& each : clients_) {
            how.recovered += each.recovered;
            how.not_recovered += each.not_recovered;
            how.heard += each.heard;
        }
        return how;
    }

private:
    std::size_t below(std::size_t n) { return random_() % n; }
    test_shard& any_shard() { return *shards_[below(shards_.size())]; }

    void act() {
        subscriber& who = clients_[below(clients_.size())];
        const std::size_t channel = below(channel_count);
        switch (below(12)) {
        case 0: who.connected() ? who.drop() : who.connect(any_shard()); break;
        case 1: who.subscribe(channel); break;
        case 2: below(4) == 0 ? who.unsubscribe(channel) : who.subscribe(channel); break;
        case 3: who.publish(channel, "1"); break;
        case 4:
        case 5: {
            bus::publication what{{"2", true, {}}};
            (void)any_shard().broker.publish(name_of(channel), what, listener_, {});
            break;
        }
        case 6: program_->write("*3\r\n$7\r\nPUBLISH\r\n$2\r\n" + name_of(channel) + "\r\n$1\r\n3\r\n"); break;
        case 7: // a burst, more than a channel keeps
            if (below(8) != 0) break;
            for (int i = 0; i < 10; ++i) {
                bus::publication what{{"4", true, {}}};
                (void)any_shard().broker.publish(name_of(channel), what, listener_, {});
            }
            break;
        default: // let some of what is to be done happen, on one of the shards
            test_shard& some = any_shard();
            for (std::size_t left = 1 + below(6); left > 0; --left) (void)some.step();
        }
    }

    void settle() {
        for (int round = 0; round < 50; ++round)
            for (auto& each : shards_) each->settle();
    }

    // At last all are there and have heard everything.
    std::string finish() {
        for (subscriber& each : clients_) {
            if (!each.connected()) each.connect(any_shard());
            for (std::size_t channel = 0; channel < channel_count; ++channel) each.subscribe(channel);
        }
        settle();
        for (subscriber& each : clients_) {
            if (auto why = each.listen(); !why.empty()) return "at the end: " + why;
            for (std::size_t channel = 0; channel < channel_count; ++channel) {
                const std::uint32_t home = bus::home_of(bus::channel_hash(name_of(channel)), shard_count);
                const auto top = shards_[home]->broker.home()->answer(name_of(channel), {}).top;
                if (each.places[channel].offset != top.offset)
                    return "somebody stands at " + std::to_string(each.places[channel].offset) + " of " +
                           std::to_string(top.offset);
            }
        }
        return {};
    }

    std::minstd_rand random_;
    bus::embedded_bus bus_;
    listener listener_;
    std::vector<std::unique_ptr<test_shard>> shards_;
    std::array<subscriber, 6> clients_;
    std::optional<peer> program_; // on the bus door
};

int histories() {
    const char* text = std::getenv("CARILLON_HISTORIES");
    return text == nullptr ? 20 : std::atoi(text);
}

TEST(recovery_history, nothing_is_lost_and_nothing_comes_twice) {
    int recovered = 0;
    int not_recovered = 0;
    for (unsigned seed = 1; seed <= static_cast<unsigned>(histories()); ++seed) {
        const outcome how = history{seed}.run(3'000, false);
        ASSERT_EQ(how.why, "") << "seed " << seed;
        EXPECT_GT(how.heard, 100u) << "seed " << seed;
        recovered += how.recovered;
        not_recovered += how.not_recovered;
    }
    // Otherwise these histories would say nothing.
    EXPECT_GT(recovered, 100);
    EXPECT_GT(not_recovered, 10);
    RecordProperty("recovered", recovered);
    RecordProperty("not_recovered", not_recovered);
}

// The same with one publication that gets lost on its way to a client: whoever looks must see it.
TEST(recovery_history, a_lost_publication_is_seen) {
    for (unsigned seed = 1; seed <= 3; ++seed) { EXPECT_NE(history{seed}.run(3'000, true).why, "") << "seed " << seed; }
}

} // namespace
} // namespace carillon::test
