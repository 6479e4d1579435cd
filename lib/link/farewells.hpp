#pragma once

#include "metrics/shard_counters.hpp"
#include "net/system_calls.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <cstddef>
#include <deque>

namespace carillon::link {

/// Descriptors of connections that were refused: they have had their last word, and are closed a while later. Closing
/// with bytes unread, or yet to come, would reset the connection, and the peer might lose the word (RFC 9112 §9.6).
/// They hold no record, and there is a bound on them: when one more comes, the oldest goes. Thread: the shard's.
class farewells {
public:
    static constexpr std::chrono::milliseconds patience{1'000};

    farewells(boost::asio::io_context& context, const net::system_calls& calls, metrics::shard_counters& counters,
              std::size_t descriptors_max)
        : timer_{context}, calls_{calls}, counters_{counters}, descriptors_max_{descriptors_max} {}
    farewells(const farewells&) = delete;
    farewells& operator=(const farewells&) = delete;
    ~farewells() { close_all(); }

    /// Ends our direction; the descriptor is this object's from now on.
    void take(int descriptor);
    void close_all();

private:
    struct parting {
        int descriptor;
        std::chrono::steady_clock::time_point until;
    };
    bool drop_what_came(int descriptor);
    void close_oldest();
    void await_next();

    boost::asio::steady_timer timer_;
    const net::system_calls& calls_;
    metrics::shard_counters& counters_;
    std::size_t descriptors_max_;
    std::deque<parting> parting_; // the oldest first
};

} // namespace carillon::link
