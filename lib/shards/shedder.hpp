#pragma once

#include "protocol/codes.hpp"
#include "session/server.hpp"
#include "shards/pace.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <random>

namespace carillon::shards {

/// Says goodbye to a shard's clients at an even pace, so that those who come back do not all come at once. Thread: the
/// shard's, but for `left`.
class shedder {
public:
    /// `sessions` may be null: there are no clients then.
    shedder(boost::asio::io_context& context, session::server* sessions) : timer_{context}, sessions_{sessions} {}

    /// All of them with 3001, then `done` is called; what was under way is forgotten.
    void close_all(std::chrono::milliseconds window, std::function<void()> done);
    /// So many with 3011, from a place by chance on. Does nothing while all are closed.
    void close_some(std::uint32_t how_many, std::chrono::milliseconds window);
    /// Those that are left of it, at once.
    void hurry();

    bool idle() const noexcept { return left_ == 0 && !all_; }
    /// Clients that are still to be closed. Any thread.
    std::uint32_t left() const noexcept { return left_.load(std::memory_order_relaxed); }

private:
    void begin(std::uint32_t how_many, std::chrono::milliseconds window, protocol::disconnect code);
    void step();
    void end();

    boost::asio::steady_timer timer_;
    session::server* sessions_;
    protocol::disconnect code_ = protocol::disconnect::shutdown;
    pace pace_;
    std::uint32_t closed_ = 0;
    std::uint32_t next_ = 0;      // place of the slab
    std::uint32_t looked_at_ = 0; // places since the last that was closed
    bool all_ = false;
    std::function<void()> done_;
    std::atomic<std::uint32_t> left_ = 0;
    std::minstd_rand chance_{std::random_device{}()};
};

} // namespace carillon::shards
