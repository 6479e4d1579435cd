#pragma once

#include "base/bytes.hpp"
#include "link/server.hpp"
#include "support/io_script.hpp"
#include "support/peer.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace carillon::test {

/// What time it is for the ground of this thread.
inline thread_local net::timer_wheel::clock::time_point now_here{std::chrono::hours{1}};
inline net::timer_wheel::clock::time_point told_time() { return now_here; }

/// The smallest owner: says back what it hears. A few words make it do what an owner may do.
class echo_server final : public link::server {
public:
    using link::server::close;
    using link::server::drop;
    using link::server::for_some;
    using link::server::pause;
    using link::server::resume;
    using link::server::send;
    using link::server::send_later;
    using link::server::wait_for_turn;

    echo_server(const link::floor& shard, const options& how) : link::server{shard, how} {}

    void on_deadline(net::connection& c) override {
        ++deadlines;
        drop(static_cast<link::record&>(c), link::ending::by_us);
    }

    std::string heard;
    std::vector<link::ending> endings;
    int deadlines = 0;
    int slow = 0;
    int refused = 0;
    bool pause_on_bytes = false;
    std::function<void(link::record&, std::string_view)> instead; ///< of all that on_bytes does
    std::function<void(link::record&)> on_next_turn;
    link::record* last = nullptr;

private:
    link::record* make_record() override { return last = records().emplace<link::record>(net::owner::websocket); }
    void refuse(int) override { ++refused; }
    void on_open(link::record& r) override { schedule(r, std::chrono::seconds{1}); }
    void on_bytes(link::record& r, std::span<std::byte> bytes) override {
        last = &r;
        heard += as_text(bytes);
        if (instead) return instead(r, as_text(bytes));
        if (pause_on_bytes) {
            pause(r);
            return;
        }
        if (as_text(bytes) == "drop me") return drop(r, link::ending::by_us);
        if (as_text(bytes) == "close me") return close(r, "bye", false);
        if (as_text(bytes) == "release me") {
            released = release_descriptor(r);
            return;
        }
        send(r, as_text(bytes));
    }
    void on_turn(link::record& r) override {
        if (on_next_turn) return on_next_turn(r);
        resume(r);
    }
    void on_slow(link::record& r) override {
        ++slow;
        close(r, "too slow", true);
    }
    void on_gone(link::record&, link::ending why) override { endings.push_back(why); }

public:
    int released = -1;
};

/// A shard without a hub, with one server of the smallest kind, driven by the test.
struct ground {
    explicit ground(link::server::options how = {}, std::uint32_t leases = 2, std::size_t buffer_bytes = 4096)
        : pool{context, leases, buffer_bytes}, server{{.context = context,
                                                       .records = records,
                                                       .poll = poll,
                                                       .wheel = wheel,
                                                       .pool = pool,
                                                       .turns = turns,
                                                       .counters = counters,
                                                       .calls = scripted_calls(),
                                                       .now = told_time},
                                                      how} {
        poll.tell_turns(turns);
        turns.deliver(deliveries);
        poll.start();
    }
    ~ground() {
        server.drop_all();
        pool.close();
        poll.stop();
        busy.reset();
        settle();
        EXPECT_EQ(records.size(), 0u);
    }
    void settle() {
        for (int handlers = 0; handlers < 100'000; ++handlers) {
            context.restart();
            if (context.poll_one() == 0) return;
        }
        ADD_FAILURE() << "does not come to rest";
    }
    void advance(std::chrono::milliseconds by) {
        now_here += by;
        wheel.advance(now_here, [this](net::connection& c) { poll.sink_of(c).on_deadline(c); });
        settle();
    }
    peer open(std::string_view sent_before = {}) {
        peer near = accept(sent_before);
        settle();
        return near;
    }
    /// The same without letting anything happen.
    peer accept(std::string_view sent_before = {}) {
        std::array<int, 2> ends{};
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()), 0);
        peer near{ends[1]};
        near.set_far(ends[0]);
        near.write(sent_before);
        {
            work::lease held = pool.try_acquire();
            EXPECT_TRUE(held);
            server(ends[0], held);
        }
        return near;
    }

    boost::asio::io_context context{1};
    std::optional<boost::asio::executor_work_guard<boost::asio::io_context::executor_type>> busy{
        context.get_executor()};
    metrics::shard_counters counters;
    net::slab records{64};
    net::netpoll poll{context, records};
    net::timer_wheel wheel{records, now_here};
    work::work_pool pool;
    link::turn turns{context, records, {}, told_time};
    struct : paced_work {
        void renew() noexcept override {}
        bool go_on() override {
            ++portions;
            return !portion || portion();
        }
        bool congested() const noexcept override { return full; }
        std::function<bool()> portion; ///< what is done of it in a turn; true: nothing is left
        int portions = 0;
        bool full = false;
    } deliveries;
    echo_server server;
};

} // namespace carillon::test
