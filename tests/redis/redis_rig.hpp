#pragma once

#include "redis/redis_link.hpp"
#include "upstream/upstream_rig.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <gtest/gtest.h>

#include <array>
#include <condition_variable>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <thread>

namespace carillon::redis::test {

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

} // namespace carillon::redis::test
