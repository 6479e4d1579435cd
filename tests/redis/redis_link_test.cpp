#include "redis/redis_link.hpp"
#include "upstream/upstream_rig.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <condition_variable>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <thread>

namespace carillon::redis {
namespace {

using namespace carillon::upstream::test;
namespace asio = boost::asio;
using tcp = asio::ip::tcp;

// Long enough for any machine; only a test that fails waits for it.
constexpr auto patience = 30s;

// An io_context on a thread of its own.
class worker {
public:
    worker() : thread_{[this] { context.run(); }} {}
    ~worker() { end(); }
    void end() {
        guard_.reset();
        context.stop();
        if (thread_.joinable()) thread_.join();
    }
    // Runs `action` there, and waits for it.
    template <class Action>
    auto call(Action action) {
        std::packaged_task<decltype(action())()> task{std::move(action)};
        auto outcome = task.get_future();
        asio::post(context, [&task] { task(); });
        return outcome.get();
    }

    asio::io_context context{1};

private:
    asio::executor_work_guard<asio::io_context::executor_type> guard_{context.get_executor()};
    std::thread thread_;
};

// Lines that one thread writes and another waits for.
class notes {
public:
    void add(std::string line) {
        {
            const std::lock_guard lock{mutex_};
            lines_.push_back(std::move(line));
        }
        changed_.notify_all();
    }
    // Takes the first line that starts with `start`, and forgets those before it.
    std::string await(const std::string& start) {
        std::unique_lock lock{mutex_};
        std::string found;
        const bool came = changed_.wait_for(lock, patience, [&] {
            while (!lines_.empty()) {
                std::string line = std::move(lines_.front());
                lines_.erase(lines_.begin());
                if (line.starts_with(start)) return found = line, true;
            }
            return false;
        });
        EXPECT_TRUE(came) << "waited for: " << start;
        return found;
    }
    // Takes the lines that start with `start`, and says how many there were.
    std::size_t take_count(const std::string& start) {
        const std::lock_guard lock{mutex_};
        return std::erase_if(lines_, [&](const std::string& line) { return line.starts_with(start); });
    }
    std::vector<std::string> take() {
        const std::lock_guard lock{mutex_};
        return std::exchange(lines_, {});
    }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<std::string> lines_;
};

// A server for one connection at a time, with enough RESP3 for a redis_link. Notes each command.
class server {
public:
    server() { open(); }
    ~server() { close(); }

    std::uint16_t port() const { return port_; }
    void open() {
        home_.call([&] {
            const tcp::endpoint where{asio::ip::address_v4::loopback(), port_};
            acceptor_.open(where.protocol());
            acceptor_.set_option(tcp::acceptor::reuse_address{true});
            acceptor_.bind(where);
            acceptor_.listen();
            port_ = acceptor_.local_endpoint().port();
            accept();
        });
    }
    void close() {
        home_.call([&] {
            boost::system::error_code ignored;
            acceptor_.close(ignored);
            socket_.close(ignored);
        });
    }
    void say(std::string bytes) {
        home_.call([&] { write(bytes); });
    }
    void publish(const std::string& channel, const std::string& payload) { say(message(channel, payload)); }
    // Says `bytes` over and over, as fast as they are taken.
    void flood(std::string bytes) {
        home_.call([&] {
            flood_ = std::move(bytes);
            flood_on();
        });
    }
    // Commands of this name are not answered any more.
    void ignore(const std::string& name) {
        home_.call([&] { ignored_.insert(name); });
    }
    // A SUBSCRIBE that names the channel is refused as a whole, as Redis does; or not any more.
    void deny(const std::string& channel, bool denied = true) {
        home_.call([&] {
            if (denied) {
                denied_.insert(channel);
            } else {
                denied_.erase(channel);
            }
        });
    }
    // Says `bytes` as fast as they are taken, and does not wait for it.
    void say_in_time(std::string bytes) {
        home_.call([&] {
            writing_ = std::move(bytes);
            saying_ = true;
            asio::async_write(socket_, asio::buffer(writing_), [this](boost::system::error_code, std::size_t) {
                saying_ = false;
                write(std::exchange(pending_, {}));
            });
        });
    }
    void answer_with(const std::string& name, const std::string& reply) {
        home_.call([&] { replies_[name] = reply; });
    }

    notes heard;

private:
    void accept() {
        acceptor_.async_accept([this](boost::system::error_code failed, tcp::socket accepted) {
            if (failed) return;
            socket_ = std::move(accepted);
            unread_.clear();
            heard.add("accepted");
            read();
            accept();
        });
    }
    void read() {
        socket_.async_read_some(asio::buffer(space_), [this](boost::system::error_code failed, std::size_t count) {
            if (failed) return;
            unread_.append(space_.data(), count);
            while (const auto command = take_whole_command()) {
                heard.add(joined(*command));
                if (ignored_.contains((*command)[0])) continue;
                const bool denied = (*command)[0] == "SUBSCRIBE" &&
                                    std::any_of(command->begin() + 1, command->end(),
                                                [&](const std::string& name) { return denied_.contains(name); });
                if (denied) {
                    write("-NOPERM this user has no permissions to access one of the channels used as arguments\r\n");
                    continue;
                }
                const auto other = replies_.find((*command)[0]);
                write(other != replies_.end() ? other->second : answer(*command, 7));
            }
            read();
        });
    }
    std::optional<words> take_whole_command() {
        // Commands end where the next one starts; nothing here publishes what looks like one.
        std::size_t end = unread_.find("\r\n*", 1);
        if (unread_.empty() || (end == std::string::npos && !unread_.ends_with("\r\n"))) return std::nullopt;
        end = end == std::string::npos ? unread_.size() : end + 2;
        std::string first = unread_.substr(0, end);
        const auto lines = std::count(first.begin(), first.end(), '\n');
        if (lines < 1 + 2 * std::stol(first.substr(1))) return std::nullopt;
        unread_.erase(0, end);
        return take_command(first);
    }
    void write(const std::string& bytes) {
        if (!flood_.empty() || saying_) {
            pending_ += bytes; // between two rounds of the flood
            return;
        }
        boost::system::error_code ignored;
        asio::write(socket_, asio::buffer(bytes), ignored);
    }
    void flood_on() {
        writing_ = std::exchange(pending_, {}) + flood_;
        asio::async_write(socket_, asio::buffer(writing_), [this](boost::system::error_code failed, std::size_t) {
            if (!failed) flood_on();
        });
    }

    std::uint16_t port_ = 0;
    std::string unread_;
    std::string flood_;
    std::string pending_;
    std::string writing_;
    bool saying_ = false;
    std::array<char, 4096> space_{};
    std::set<std::string> ignored_;
    std::set<std::string> denied_;
    std::map<std::string, std::string> replies_;
    worker home_; // its thread uses what is above and, through calls only, what is below
    tcp::acceptor acceptor_{home_.context};
    tcp::socket socket_{home_.context};
};

// A shard: a hub with one subscriber for each channel that is wanted, and the end of the link.
class shard final : public hub::sink, public subscription_listener, public publish_listener {
public:
    shard() { bells_.attach(hub::format::resp3, *this); }

    void connect(redis_link& link, std::uint32_t index) { end_ = &link.connect(index, home_.context, bells_); }

    interest subscribe(const std::string& channel, std::uint32_t who = 1) {
        return home_.call([&] { return join(channel, who); });
    }
    void unsubscribe(const std::string& channel, std::uint32_t who = 1) {
        home_.call([&] { leave(channel, who); });
    }
    std::optional<publish_result> publish(const std::string& channel, const std::string& payload, std::uint32_t id) {
        return home_.call([&] {
            return end_->publish(channel, {payload, false, {}}, *this, {.connection = 1, .id = id});
        });
    }
    void on_time(clock::time_point now) {
        home_.call([&] { end_->on_time(now); });
    }
    std::size_t pending() {
        return home_.call([&] { return end_->pending(); });
    }
    // When the thread gets to it; see hold_up().
    void leave_later(const std::string& channel) {
        asio::post(home_.context, [this, channel] { leave(channel, 1); });
    }
    void subscribe_later(const std::string& channel, std::uint32_t who = 1) {
        asio::post(home_.context, [this, channel, who] { join(channel, who); });
    }
    void finish() { home_.end(); }
    // Keeps the shard's thread from everything else until the promise is kept.
    void hold_up(std::shared_future<void> until) {
        asio::post(home_.context, [until = std::move(until)] { until.wait(); });
    }

    // hub::sink
    void encode(hub::format, std::string_view channel, const hub::publication& message, std::string& out) override {
        out += std::string{channel} + "=" + std::string{message.payload} + (message.is_json ? " json;" : " text;");
    }
    void deliver(hub::subscriber, hub::frames& what) override { heard.add("message " + std::string{what.bytes()}); }
    // listeners
    void on_subscribed(ticket whose) override { heard.add("subscribed " + std::to_string(whose.id)); }
    void on_subscribe_failed(ticket whose, std::string_view channel, error why) override {
        heard.add("failed " + std::to_string(whose.id) + (why == error::denied ? " denied" : ""));
        leave(std::string{channel}, whose.id);
    }
    void on_unsubscribed(std::string_view channel, error why) override {
        const std::string name{channel};
        heard.add("lost " + name + (why == error::denied ? " denied" : ""));
        for (const hub::subscriber each : bells_.subscribers_of(name)) leave(name, each.index());
    }
    void on_published(ticket whose, publish_result receivers) override {
        heard.add("published " + std::to_string(whose.id) + " " +
                  (receivers ? std::to_string(receivers->receivers) : receivers.error().message()));
    }

    notes heard;

private:
    interest join(const std::string& channel, std::uint32_t who) {
        const auto outcome = bells_.subscribe(hub::subscriber::make(who, hub::format::resp3), lists_[who], channel);
        const bool first = outcome == hub::subscribe_outcome::joined_first;
        const interest answer = end_->subscribe(channel, first, *this, {.connection = who, .id = who});
        if (answer == interest::refused)
            bells_.unsubscribe(hub::subscriber::make(who, hub::format::resp3), lists_[who], channel);
        return answer;
    }
    void leave(const std::string& channel, std::uint32_t who) {
        const auto outcome = bells_.unsubscribe(hub::subscriber::make(who, hub::format::resp3), lists_[who], channel);
        if (outcome == hub::unsubscribe_outcome::left) end_->withdraw(channel, who);
        if (outcome == hub::unsubscribe_outcome::left_last) end_->unsubscribe(channel);
    }

    hub::deliveries queue_{{.sends_per_turn = 1'000'000'000}};
    hub::hub bells_{queue_};
    std::map<std::uint32_t, hub::memberships> lists_;
    redis_broker* end_ = nullptr;
    worker home_;
};

// A server, a link on its thread, two shards on theirs.
struct deployment {
    explicit deployment(redis_options how = {}, bool has_nodes = false) : link{with(how, bus.port()), 2} {
        if (has_nodes) {
            const auto is_ours = [](std::string_view channel) { return channel.starts_with("n."); };
            link.listen_to_nodes(
                {"n.control", "n.me"}, is_ours, [](std::string_view) {}, [](std::string_view) {});
        }
        shards[0].connect(link, 0);
        shards[1].connect(link, 1);
        link.on_oversized_message([this](std::string_view channel, std::uint64_t bytes) {
            oversized.add(std::string{channel} + " " + std::to_string(bytes));
        });
        running = std::thread{[this] { link.run(); }};
    }
    ~deployment() { stop(); }

    static redis_options with(redis_options how, std::uint16_t port) {
        how.where.server = {"127.0.0.1", port};
        how.upstream.backoff_max = 100ms;
        return how;
    }
    void stop() {
        if (!running.joinable()) return;
        link.stop();
        running.join();
        for (shard& each : shards) each.finish();
    }
    redis_link::figures figures() {
        std::packaged_task<redis_link::figures()> task{[this] { return link.snapshot(); }};
        auto outcome = task.get_future();
        asio::post(link.context(), [&task] { task(); });
        return outcome.get();
    }
    // Asks again and again until it is so.
    template <class Condition>
    void await(Condition condition) {
        const auto end = clock::now() + patience;
        while (!condition()) {
            ASSERT_LT(clock::now(), end);
            std::this_thread::yield();
        }
    }
    void await_live() {
        await([&] { return link.live(); });
    }

    server bus;
    notes oversized;
    redis_link link;
    std::array<shard, 2> shards;
    std::thread running;
};

TEST(redis_link, brings_messages_to_the_shards_that_have_subscribers) {
    deployment d;
    ASSERT_EQ(d.shards[0].subscribe("a"), interest::pending);
    d.shards[0].heard.await("subscribed 1");
    ASSERT_EQ(d.shards[1].subscribe("b"), interest::pending);
    d.shards[1].heard.await("subscribed 1");
    d.bus.publish("a", "{\"n\":1}");
    d.bus.publish("a", "two");
    d.bus.publish("b", "three");
    d.bus.publish("nobody", "four");
    d.bus.publish("b", "five");
    d.bus.publish("a", "six");
    std::string all;
    while (!all.ends_with("a=six text;")) {
        const std::string line = d.shards[0].heard.await("message ");
        ASSERT_FALSE(line.empty());
        all += line.substr(8);
    }
    EXPECT_EQ(all, "a={\"n\":1} json;a=two text;a=six text;");
    all.clear();
    while (!all.ends_with("b=five text;")) {
        const std::string line = d.shards[1].heard.await("message ");
        ASSERT_FALSE(line.empty());
        all += line.substr(8);
    }
    EXPECT_EQ(all, "b=three text;b=five text;");
}

TEST(redis_link, subscribes_once_for_all_shards_and_leaves_with_the_last) {
    redis_options how;
    how.upstream.linger = 0ms;
    deployment d{how};
    d.await_live(); // until then a shard may think that the bus is away, and have everything confirmed
    d.shards[0].subscribe("a");
    d.shards[0].heard.await("subscribed 1");
    d.shards[1].subscribe("a");
    d.shards[1].heard.await("subscribed 1");
    EXPECT_EQ(d.shards[1].subscribe("a", 2),
              interest::confirmed); // the second subscriber of a shard that has been told
    d.bus.heard.await("SUBSCRIBE a");
    d.shards[0].unsubscribe("a");
    d.bus.publish("a", "still");
    EXPECT_EQ(d.shards[1].heard.await("message "), "message a=still text;");
    d.shards[1].unsubscribe("a", 2);
    d.shards[1].unsubscribe("a");
    d.shards[1].subscribe("marker");
    d.shards[1].heard.await("subscribed 1");
    d.await([&] { return d.figures().channels == 1; });
    int subscribes = 0;
    int unsubscribes = 0;
    for (const std::string& line : d.bus.heard.take()) {
        subscribes += line == "SUBSCRIBE a";
        unsubscribes += line == "UNSUBSCRIBE a";
    }
    EXPECT_EQ(subscribes, 0); // besides the one above
    EXPECT_EQ(unsubscribes, 1);
}

TEST(redis_link, tells_how_a_publication_fared) {
    deployment d;
    d.await_live();
    ASSERT_FALSE(d.shards[0].publish("a", "x", 1).has_value());
    ASSERT_FALSE(d.shards[1].publish("a", "y", 2).has_value());
    EXPECT_EQ(d.shards[0].heard.await("published"), "published 1 7");
    EXPECT_EQ(d.shards[1].heard.await("published"), "published 2 7");
    d.bus.answer_with("PUBLISH", "-ERR no\r\n");
    d.shards[0].publish("a", "x", 3);
    EXPECT_EQ(d.shards[0].heard.await("published"), "published 3 the bus refused the publication");
    d.bus.answer_with("PUBLISH", "-NOPERM no\r\n");
    d.shards[0].publish("a", "x", 4);
    EXPECT_EQ(d.shards[0].heard.await("published"), "published 4 the bus does not permit it");
}

TEST(redis_link, refuses_publications_while_away_and_more_than_may_be_on_their_way) {
    redis_options how;
    how.upstream.in_flight_max = 2;
    deployment d{how};
    d.await_live();
    d.bus.ignore("PUBLISH");
    ASSERT_FALSE(d.shards[0].publish("a", "x", 1).has_value());
    ASSERT_FALSE(d.shards[0].publish("a", "x", 2).has_value());
    const auto third = d.shards[0].publish("a", "x", 3);
    ASSERT_TRUE(third.has_value());
    EXPECT_EQ(third->error(), error::busy);
    d.await([&] { return d.figures().in_flight == 2; });
    d.shards[1].publish("a", "x", 4); // the other shard does not know, and hears of it from the link
    EXPECT_EQ(d.shards[1].heard.await("published"), "published 4 too many publications are on their way");
    d.bus.close();
    EXPECT_EQ(d.shards[0].heard.await("published"), "published 1 the bus cannot be reached");
    EXPECT_EQ(d.shards[0].heard.await("published"), "published 2 the bus cannot be reached");
    d.await([&] { return !d.link.live(); });
    const auto away = d.shards[0].publish("a", "x", 5);
    ASSERT_TRUE(away.has_value());
    EXPECT_EQ(away->error(), error::away);
}

TEST(redis_link, comes_back_when_the_server_does) {
    deployment d;
    d.shards[0].subscribe("a");
    d.shards[0].heard.await("subscribed 1");
    for (int round = 0; round < 3; ++round) {
        d.bus.close();
        d.await([&] { return !d.link.live() && d.figures().counts.connect_failures > 0; });
        EXPECT_FALSE(d.figures().last_error.empty());
        EXPECT_EQ(d.shards[1].subscribe("while away " + std::to_string(round)), interest::pending);
        d.bus.open();
        d.await_live();
        d.shards[1].heard.await("subscribed 1");
        d.bus.publish("a", std::to_string(round));
        EXPECT_EQ(d.shards[0].heard.await("message "), "message a=" + std::to_string(round) + " json;");
    }
}

TEST(redis_link, brings_nobody_a_message_before_his_subscribe_is_answered) {
    deployment d;
    d.shards[0].subscribe("a");
    d.shards[0].heard.await("subscribed 1");
    std::string many;
    for (int i = 0; i < 100; ++i) many += message("a", std::to_string(i));
    d.bus.flood(many);
    for (int i = 0; i < 20; ++i) {
        d.shards[1].heard.take();
        ASSERT_EQ(d.shards[1].subscribe("a"), interest::pending);
        ASSERT_EQ(d.shards[1].heard.await(""), "subscribed 1");
        d.shards[1].heard.await("message");
        d.shards[1].unsubscribe("a");
    }
}

// The link has not heard of the second subscriber yet, but the message says what it would answer.
TEST(redis_link, answers_a_subscribe_before_the_message_that_proves_it) {
    deployment d;
    for (shard& each : d.shards) {
        each.subscribe("a");
        each.heard.await("subscribed 1");
    }
    d.bus.close();
    d.await([&] { return !d.link.live(); });
    d.figures(); // by now it has told the shards
    std::promise<void> go;
    d.shards[0].hold_up(go.get_future().share());
    d.shards[0].subscribe_later("a", 2);
    d.bus.open();
    d.await_live();
    d.bus.publish("a", "1");
    d.shards[1].heard.await("message a=1"); // and shard 0 was given it before
    go.set_value();
    EXPECT_EQ(d.shards[0].heard.await(""), "subscribed 2");
    EXPECT_EQ(d.shards[0].heard.await(""), "message a=1 json;");
}

// What was confirmed is a subscription that has ended since.
TEST(redis_link, takes_no_confirmation_of_an_earlier_subscription) {
    redis_options how;
    how.upstream.linger = 0ms;
    deployment d{how};
    d.await_live();
    d.bus.ignore("SUBSCRIBE");
    d.shards[0].subscribe("a");
    d.shards[1].subscribe("a");
    d.bus.heard.await("SUBSCRIBE a");
    std::promise<void> go;
    std::promise<void> come;
    d.shards[0].hold_up(go.get_future().share());
    d.shards[0].leave_later("a");
    d.shards[0].hold_up(come.get_future().share());
    d.shards[0].subscribe_later("a");
    d.bus.say(confirmation("subscribe", "a"));
    d.shards[1].heard.await("subscribed 1"); // and shard 0 has been told before
    d.shards[1].unsubscribe("a");
    go.set_value();
    EXPECT_EQ(d.shards[0].heard.await(""), "subscribed 1") << "of who left";
    d.bus.heard.await("UNSUBSCRIBE a");
    come.set_value();
    d.bus.heard.await("SUBSCRIBE a");
    EXPECT_EQ(d.shards[0].pending(), 1u);
    d.bus.say(confirmation("subscribe", "a"));
    EXPECT_EQ(d.shards[0].heard.await(""), "subscribed 1");
    EXPECT_EQ(d.shards[0].pending(), 0u);
}

// A channel can be subscribed again while others are not yet. Who joins it then is told, though nobody else is.
TEST(redis_link, tells_who_joins_a_channel_while_it_comes_back) {
    deployment d;
    d.shards[0].subscribe("a");
    d.shards[0].heard.await("subscribed 1");
    d.shards[0].subscribe("b");
    d.shards[0].heard.await("subscribed 1");
    d.bus.heard.take();
    d.bus.ignore("SUBSCRIBE"); // confirmed below, the first channel alone
    d.bus.close();
    d.await([&] { return !d.link.live(); });
    d.bus.open();
    const std::string asked = d.bus.heard.await("SUBSCRIBE ");
    ASSERT_TRUE(asked == "SUBSCRIBE a b" || asked == "SUBSCRIBE b a") << asked;
    const std::string first = asked.substr(10, 1);
    d.bus.say(confirmation("subscribe", first));
    // Each time it is asked, whoever comes hears of it, before or after the confirmation of the channel.
    for (std::uint32_t who = 2; who < 20; ++who) {
        ASSERT_EQ(d.shards[0].subscribe(first, who), interest::pending);
        d.shards[0].heard.await("subscribed " + std::to_string(who));
    }
}

TEST(redis_link, takes_a_subscription_back_that_is_not_confirmed_in_time) {
    deployment d;
    d.await_live();
    d.bus.ignore("SUBSCRIBE");
    ASSERT_EQ(d.shards[0].subscribe("a"), interest::pending);
    ASSERT_EQ(d.shards[0].subscribe("a", 2), interest::pending);
    ASSERT_EQ(d.shards[0].pending(), 2u);
    d.shards[0].on_time(clock::now());
    ASSERT_EQ(d.shards[0].pending(), 2u);
    d.shards[0].on_time(clock::now() + 4s);
    EXPECT_EQ(d.shards[0].heard.await(""), "failed 1");
    EXPECT_EQ(d.shards[0].heard.await(""), "failed 2");
    EXPECT_EQ(d.shards[0].pending(), 0u);
}

TEST(redis_link, a_subscription_is_not_taken_back_for_an_earlier_one_of_the_same_client) {
    deployment d;
    d.await_live();
    d.bus.ignore("SUBSCRIBE");
    d.shards[0].subscribe("a");
    d.shards[0].subscribe("a", 2);
    d.shards[0].unsubscribe("a", 2);
    EXPECT_EQ(d.shards[0].heard.await(""), "subscribed 2") << "answered, since nothing depends on it any more";
    EXPECT_EQ(d.shards[0].pending(), 1u);
    const auto between = clock::now();
    d.await([&] { return clock::now() > between; });
    ASSERT_EQ(d.shards[0].subscribe("a", 2), interest::pending);
    d.shards[0].on_time(between + 4s);
    EXPECT_EQ(d.shards[0].heard.await(""), "failed 1");
    EXPECT_EQ(d.shards[0].pending(), 1u);
    d.shards[0].on_time(clock::now() + 4s);
    EXPECT_EQ(d.shards[0].heard.await(""), "failed 2");
    EXPECT_EQ(d.shards[0].pending(), 0u);
}

TEST(redis_link, a_channel_that_is_not_permitted_costs_nobody_else_anything) {
    redis_options how;
    how.upstream.linger = 0ms;
    deployment d{how};
    d.shards[0].subscribe("open");
    d.shards[0].heard.await("subscribed 1");
    d.bus.deny("secret");
    d.shards[0].subscribe("secret", 2);
    EXPECT_EQ(d.shards[0].heard.await(""), "failed 2 denied");
    d.await([&] { return d.figures().channels == 1; }); // until then, others would be told what is known
    // Nobody knows when it changes, so whoever comes later asks anew.
    d.shards[1].subscribe("secret", 3);
    EXPECT_EQ(d.shards[1].heard.await(""), "failed 3 denied");
    d.bus.publish("open", "still");
    EXPECT_EQ(d.shards[0].heard.await(""), "message open=still text;");
    d.await([&] { return d.figures().channels == 1; });
    EXPECT_EQ(d.figures().counts.subscribes_refused, 2u);
    EXPECT_EQ(d.figures().counts.disconnects, 0u);
    EXPECT_TRUE(d.link.live());
    d.bus.deny("secret", false);
    d.shards[1].subscribe("secret", 3);
    EXPECT_EQ(d.shards[1].heard.await(""), "subscribed 3");
}

TEST(redis_link, who_comes_while_others_are_being_refused_is_refused_too) {
    deployment d;
    d.await_live();
    d.bus.deny("secret");
    for (std::uint32_t who = 1; who <= 50; ++who) {
        const std::size_t first = who % 2;
        d.shards[first].subscribe("secret", who);
        d.shards[1 - first].subscribe("secret", who);
        EXPECT_EQ(d.shards[0].heard.await("failed " + std::to_string(who)),
                  "failed " + std::to_string(who) + " denied");
        EXPECT_EQ(d.shards[1].heard.await("failed " + std::to_string(who)),
                  "failed " + std::to_string(who) + " denied");
    }
    d.await([&] { return d.figures().channels == 0; });
    EXPECT_TRUE(d.link.live());
}

TEST(redis_link, a_channel_that_is_not_permitted_any_more_is_taken_from_its_subscribers_alone) {
    deployment d;
    for (const char* channel : {"open", "other", "secret"}) {
        d.shards[0].subscribe(channel);
        d.shards[0].heard.await("subscribed 1");
    }
    d.shards[0].subscribe("secret", 2);
    d.shards[1].subscribe("secret", 3);
    d.shards[1].heard.await("subscribed 3");
    d.bus.deny("secret");
    d.bus.close();
    d.await([&] { return !d.link.live(); });
    d.bus.open();
    EXPECT_EQ(d.shards[0].heard.await("lost"), "lost secret denied");
    EXPECT_EQ(d.shards[1].heard.await("lost"), "lost secret denied");
    d.await_live();
    d.await([&] { return d.figures().channels == 2; });
    d.bus.publish("open", "1");
    d.bus.publish("other", "2");
    EXPECT_EQ(d.shards[0].heard.await("message"), "message open=1 json;");
    EXPECT_EQ(d.shards[0].heard.await("message"), "message other=2 json;");
}

// What a shard is behind with stays with the server, but for a limit; and nothing is lost.
TEST(redis_link, does_not_read_on_while_a_shard_is_behind) {
    constexpr int count = 4'000;
    redis_options how;
    how.input_bytes_max = 256 * 1024;
    how.upstream.reply_timeout = 300ms; // a server that is left unread must not count as frozen
    how.upstream.ping_interval = 10ms;
    deployment d{how};
    d.shards[0].subscribe("a");
    d.shards[0].heard.await("subscribed 1");
    std::string said;
    std::string expected;
    for (int i = 0; i < count; ++i) {
        const std::string payload = std::to_string(i) + std::string(1'000, 'x');
        said += message("a", payload);
        expected += "a=" + payload + " text;";
    }
    std::promise<void> go_on;
    d.shards[0].hold_up(go_on.get_future().share());
    d.bus.say_in_time(said);
    d.await([&] { return d.figures().holds > 0; });
    for (int i = 0; i < 100; ++i) {
        const auto figures = d.figures();
        ASSERT_GT(figures.input_bytes, how.input_bytes_max);
        ASSERT_LT(figures.input_bytes, how.input_bytes_max + 2 * 64 * 1024); // one read more
        ASSERT_LT(figures.counts.messages, count / 2u);
    }
    const auto past_any_reply = clock::now() + 2 * how.upstream.reply_timeout;
    d.await([&] { return clock::now() > past_any_reply; });
    // The other shard is served as before.
    ASSERT_FALSE(d.shards[1].publish("b", "x", 1).has_value());
    d.bus.heard.await("PUBLISH b");
    go_on.set_value();
    std::string heard;
    while (heard.size() < expected.size()) {
        const std::string line = d.shards[0].heard.await("message ");
        ASSERT_FALSE(line.empty());
        heard += line.substr(8);
    }
    EXPECT_EQ(heard, expected);
    d.await([&] { return d.figures().input_bytes == 0; });
    EXPECT_EQ(d.figures().counts.timeouts, 0u);
    EXPECT_EQ(d.figures().counts.disconnects, 0u);
}

TEST(redis_link, refuses_publications_beyond_the_bytes_that_may_be_on_their_way) {
    redis_options how;
    how.upstream.output_bytes_max = 1'000;
    deployment d{how};
    d.await_live();
    d.bus.ignore("PUBLISH");
    ASSERT_FALSE(d.shards[0].publish("a", std::string(900, 'x'), 1).has_value());
    const auto second = d.shards[0].publish("a", std::string(200, 'x'), 2);
    ASSERT_TRUE(second.has_value());
    EXPECT_EQ(second->error(), error::busy);
    d.bus.close();
    d.shards[0].heard.await("published 1");
    d.bus.open();
    d.await_live();
    EXPECT_FALSE(d.shards[0].publish("a", std::string(200, 'x'), 3).has_value());
}

TEST(redis_link, refuses_channels_while_the_link_does_not_hear_of_them) {
    redis_options how;
    how.upstream.in_flight_max = 3;
    deployment d{how};
    d.await_live();
    std::promise<void> go_on;
    asio::post(d.link.context(), [until = go_on.get_future().share()] { until.wait(); });
    for (const char* channel : {"a", "b", "c"}) ASSERT_EQ(d.shards[0].subscribe(channel), interest::pending);
    EXPECT_EQ(d.shards[0].subscribe("d"), interest::refused);
    EXPECT_EQ(d.shards[1].subscribe("d"), interest::pending) << "each shard has its own share";
    d.shards[0].unsubscribe("a"); // is never refused
    go_on.set_value();
    for (int i = 0; i < 3; ++i) d.shards[0].heard.await("subscribed 1");
    EXPECT_EQ(d.shards[0].subscribe("d"), interest::pending);
    d.shards[0].heard.await("subscribed 1");
    d.await([&] { return d.figures().channels >= 3; });
}

TEST(redis_link, drops_messages_that_are_no_text) {
    deployment d;
    d.shards[0].subscribe("a");
    d.shards[0].heard.await("subscribed 1");
    d.bus.publish("a", "\xff\xfe");
    d.bus.publish("a", std::string(501, '[') + std::string(501, ']'));
    d.bus.publish("a", "good");
    EXPECT_EQ(d.shards[0].heard.await("message "), "message a=good text;");
    EXPECT_EQ(d.figures().refused, 2u);
    EXPECT_EQ(d.figures().as_text, 1u);
}

// However large, they cost neither the connection nor those who wait for other messages.
TEST(redis_link, drops_messages_that_are_too_large) {
    redis_options how;
    how.upstream.payload_bytes_max = 1'000;
    deployment d{how};
    d.shards[0].subscribe("a");
    d.shards[0].heard.await("subscribed 1");
    for (const std::size_t bytes : {1'001u, 100'000u, 17u * 1024 * 1024}) d.bus.publish("a", std::string(bytes, 'x'));
    d.bus.publish("a", std::string(1'000, 'x'));
    EXPECT_EQ(d.shards[0].heard.await("message "), "message a=" + std::string(1'000, 'x') + " text;");
    EXPECT_EQ(d.figures().refused, 3u);
    EXPECT_EQ(d.figures().counts.disconnects, 0u);
    EXPECT_LT(d.figures().input_bytes, 10'000u);
    const std::vector<std::string> expected{"a 1001", "a 100000", "a 17825792"};
    EXPECT_EQ(d.oversized.take(), expected);
}

TEST(redis_link, says_why_it_is_away) {
    deployment d;
    d.bus.answer_with("HELLO", "-WRONGPASS invalid username-password pair\r\n");
    d.bus.close();
    d.bus.open();
    d.await([&] { return d.figures().last_error == "WRONGPASS invalid username-password pair"; });
    EXPECT_FALSE(d.link.live());
    d.bus.answer_with("HELLO", greeting);
    d.await_live();
}

// One direction is dead, and the other is not: messages keep coming, and nothing is answered.
TEST(redis_link, notices_a_server_that_talks_and_does_not_listen) {
    redis_options how;
    how.upstream.ping_interval = 10ms;
    how.upstream.reply_timeout = 200ms;
    deployment d{how};
    d.shards[0].subscribe("a");
    d.shards[0].heard.await("subscribed 1");
    d.await_live(); // which comes after the last confirmation
    d.bus.ignore("PUBLISH");
    d.bus.ignore("HELLO");
    d.shards[0].publish("other", "x", 5);
    // One at a time: where more comes than is read, nobody can tell what is behind it.
    while (d.figures().counts.timeouts == 0) {
        d.bus.publish("a", "tick");
        d.await([&] { return d.shards[0].heard.take_count("message ") > 0 || d.figures().counts.timeouts > 0; });
    }
    EXPECT_EQ(d.shards[0].heard.await("published 5"), "published 5 the bus cannot be reached");
    d.await([&] { return !d.link.live(); });
}

TEST(redis_link, leaves_a_master_that_becomes_a_replica_and_takes_none_for_a_bus) {
    redis_options how;
    how.upstream.ping_interval = 10ms;
    deployment d{how};
    d.await_live();
    const std::string why = "the server is a replica";
    d.bus.answer_with("HELLO", greeting_as("standalone", "replica"));
    d.await([&] { return !d.link.live() && d.figures().last_error.starts_with(why); });
    d.await([&] { return d.figures().counts.connect_failures > 2; });
    EXPECT_TRUE(d.figures().last_error.starts_with(why));
    EXPECT_FALSE(d.link.live());
    d.bus.answer_with("HELLO", greeting_as("standalone", "master"));
    d.await_live();
}

TEST(redis_link, notices_a_server_that_is_frozen) {
    redis_options how;
    how.upstream.ping_interval = 10ms;
    how.upstream.reply_timeout = 20ms;
    deployment d{how};
    d.await_live();
    d.bus.ignore("HELLO");
    d.await([&] { return d.figures().counts.timeouts > 0; });
    EXPECT_GE(d.figures().counts.disconnects, 1u);
}

// However much arrives, what the shards ask is done in between.
TEST(redis_link, hears_its_shards_under_a_flood) {
    deployment d;
    d.await_live();
    std::string burst;
    while (burst.size() < 1024 * 1024) burst += message("nobody", "x");
    d.bus.flood(burst);
    for (std::uint32_t i = 0; i < 20; ++i) {
        d.shards[0].publish("a", "x", i);
        d.await([&] { return d.figures().counts.publications == i + 1; });
    }
}

// Three servers that know nothing of each other, a link to all of them, a shard.
struct shared_out {
    shared_out() {
        end.connect(link, 0);
        link.listen_to_nodes(
            {"n.control"}, [](std::string_view channel) { return channel.starts_with("n."); },
            [this](std::string_view text) { said.add("heard " + std::string{text}); }, [](std::string_view) {});
        running = std::thread{[this] { link.run(); }};
    }
    ~shared_out() {
        link.stop();
        running.join();
        end.finish();
    }

    redis_options options() const {
        redis_options how;
        for (const server& each : servers) how.where.servers.push_back({"127.0.0.1", each.port()});
        how.upstream.backoff_max = 100ms;
        how.probes.patience = 1h; // they send nothing back
        return how;
    }
    // The `which`th channel of the server.
    std::string channel_of(std::size_t server, int which) const {
        for (int i = 0;; ++i) {
            std::string channel = "c" + std::to_string(i);
            if (home_of(channel) == server && which-- == 0) return channel;
        }
    }
    std::size_t home_of(const std::string& channel) const {
        std::vector<std::string> names;
        for (const server& each : servers) names.push_back("127.0.0.1:" + std::to_string(each.port()));
        return carillon::discovery::rendezvous{names}.home_of(channel);
    }
    std::size_t live() {
        std::packaged_task<std::size_t()> task{[this] { return link.snapshot().servers_live; }};
        auto outcome = task.get_future();
        asio::post(link.context(), [&task] { task(); });
        return outcome.get();
    }
    void await_live(std::size_t count) {
        const auto until = clock::now() + patience;
        while (live() != count) {
            ASSERT_LT(clock::now(), until);
            std::this_thread::yield();
        }
    }

    std::array<server, 3> servers;
    notes said;
    redis_link link{options(), 1};
    shard end;
    std::thread running;
};

TEST(redis_link, of_several_servers_each_has_its_channels_alone) {
    shared_out d;
    d.await_live(3);
    for (std::size_t i = 0; i < 3; ++i) {
        const std::string channel = d.channel_of(i, 0);
        d.end.subscribe(channel);
        d.end.heard.await("subscribed 1");
        d.servers[i].heard.await("SUBSCRIBE " + channel);
        d.servers[i].publish(channel, "1");
        EXPECT_EQ(d.end.heard.await("message "), "message " + channel + "=1 json;");
        d.end.publish(channel, "x", 5);
        d.end.heard.await("published 5 ");
        d.servers[i].heard.await("PUBLISH " + channel + " x");
        EXPECT_EQ(d.servers[(i + 1) % 3].heard.take_count("SUBSCRIBE " + channel), 0u);
    }
}

TEST(redis_link, one_of_several_servers_that_is_away_concerns_its_channels_alone) {
    shared_out d;
    d.await_live(3);
    EXPECT_TRUE(d.link.live());
    const std::string here = d.channel_of(0, 0), gone = d.channel_of(1, 0), later = d.channel_of(2, 0);
    for (const std::string& each : {here, gone}) {
        d.end.subscribe(each);
        d.end.heard.await("subscribed 1");
    }
    d.servers[1].heard.await("SUBSCRIBE " + gone);
    d.servers[1].close();
    d.await_live(2);
    EXPECT_FALSE(d.link.live());
    EXPECT_TRUE(d.link.reachable());
    d.end.publish(gone, "x", 6);
    EXPECT_EQ(d.end.heard.await("published 6 "), "published 6 " + make_error_code(error::away).message());
    d.end.publish(here, "x", 7);
    EXPECT_EQ(d.end.heard.await("published 7 "), "published 7 7");
    d.servers[0].publish(here, "1");
    EXPECT_EQ(d.end.heard.await("message "), "message " + here + "=1 json;");
    d.end.subscribe(later);
    d.end.heard.await("subscribed 1");
    d.servers[1].open();
    d.await_live(3);
    EXPECT_TRUE(d.link.live());
    d.servers[1].publish(gone, "2");
    EXPECT_EQ(d.end.heard.await("message "), "message " + gone + "=2 json;");
}

TEST(redis_link, a_server_whose_messages_do_not_come_is_given_up) {
    redis_options how;
    how.probes = {.interval = 20ms, .patience = 200ms};
    deployment d{how, true};
    d.await_live();
    // It answers, and sends nothing to subscribers.
    d.await([&] { return d.figures().probes_lost > 0; });
    d.await([&] { return d.figures().last_error == "what was published there has not come back within 200 ms"; });
    d.await([&] { // now it does
        const std::string said = d.bus.heard.await("PUBLISH n.me.probe ");
        d.bus.publish("n.me.probe", said.substr(19));
        return d.figures().probe > 0us;
    });
    EXPECT_TRUE(d.link.live());
}

TEST(redis_link, probes_are_nobodys_publications) {
    redis_options how;
    how.probes = {.interval = 5ms, .patience = 10s};
    deployment d{how, true};
    d.bus.answer_with("PUBLISH", "-ERR no\r\n");
    d.await_live();
    for (int i = 0; i < 3; ++i) d.bus.heard.await("PUBLISH n.me.probe ");
    EXPECT_EQ(d.figures().counts.publications, 0u);
    EXPECT_EQ(d.figures().counts.publications_failed, 0u);
    d.shards[0].publish("a", "x", 1);
    d.shards[0].heard.await("published");
    EXPECT_EQ(d.figures().counts.publications, 1u);
    EXPECT_EQ(d.figures().counts.publications_failed, 1u);
}

TEST(redis_link, gateways_hear_each_other_as_long_as_one_of_several_servers_is_there) {
    shared_out d;
    d.await_live(3);
    for (server& each : d.servers) each.heard.await("SUBSCRIBE n.control");
    std::size_t first = d.home_of("n.control");
    for (std::size_t left = 3; left > 0; --left) {
        d.link.say("n.control", "hello", {});
        d.servers[first].heard.await("PUBLISH n.control hello");
        d.servers[first].publish("n.control", "answer");
        EXPECT_EQ(d.said.await("heard "), "heard answer");
        d.servers[first].close();
        d.await_live(left - 1);
        first = (first + 1) % 3;
    }
    std::promise<std::uint32_t> nobody;
    d.link.say("n.control", "hello", [&nobody](std::uint32_t nodes) { nobody.set_value(nodes); });
    EXPECT_EQ(nobody.get_future().get(), 0u);
}

TEST(redis_link, stops_wherever_it_is) {
    {
        deployment d;
        d.stop();
    }
    {
        deployment d;
        d.await_live();
        d.stop();
    }
    {
        deployment d; // waiting for its next attempt
        d.bus.close();
        d.await([&] { return d.figures().counts.connect_failures > 0; });
        d.stop();
    }
    {
        deployment d; // with much to do
        for (int i = 0; i < 100; ++i) d.shards[0].subscribe(std::to_string(i));
        d.shards[0].publish("a", "x", 1);
        d.stop();
    }
}

} // namespace
} // namespace carillon::redis
