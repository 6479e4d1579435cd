#pragma once

#include "api/rebalance.hpp"
#include "shards/shard.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace carillon::lifecycle {

/// How the gateway's clients leave: all of them at the shutdown, and some when another gateway has room. Tells how far
/// that has come. Thread: the control plane's.
class departures {
public:
    using clock = std::chrono::steady_clock;

    enum class state : std::uint8_t {
        serving,
        rebalancing, ///< some clients are being sent elsewhere
        waiting,     ///< not ready, but still accepting
        closing,     ///< accepting nobody, and saying goodbye
        ending,      ///< everybody has been told
    };

    struct progress {
        state now = state::serving;
        std::uint64_t clients = 0; ///< that are connected
        std::uint64_t left = 0;    ///< of those, how many are still to be told to go
        double rate = 0;           ///< of those, in a second
        double seconds = 0;        ///< until the last of them is
    };

    struct times {
        std::chrono::milliseconds delay{0};    ///< until nobody is accepted any more
        std::chrono::milliseconds window{0};   ///< then, for the goodbyes
        std::chrono::milliseconds patience{0}; ///< then, for the peers to end
    };

    /// `all` may be filled later, before the first call.
    departures(boost::asio::io_context& control, const std::vector<std::unique_ptr<shards::shard>>& all)
        : control_{&control}, shards_{&all}, timer_{control}, reporting_{control} {}

    void begin(const times& how);
    /// Ends the delay, the window and the patience.
    void hurry();
    /// The shards have ended.
    void stop();

    /// Where it has come to, with so many clients connected.
    progress at(std::uint64_t clients);
    /// The same; the shards are asked for their clients.
    boost::asio::awaitable<progress> look();
    /// Sends as many clients elsewhere as there are above the number that is asked for. The answer of the API.
    boost::asio::awaitable<std::string> rebalance(api::rebalance_request asked);

private:
    void close_all();
    boost::asio::awaitable<std::vector<std::optional<std::uint32_t>>> ask();
    boost::asio::awaitable<void> report();

    boost::asio::io_context* control_;
    const std::vector<std::unique_ptr<shards::shard>>* shards_;
    boost::asio::steady_timer timer_;
    boost::asio::steady_timer reporting_;
    times times_;
    state state_ = state::serving;
    clock::time_point until_{}; // of the delay, or of the window
    std::uint64_t total_ = 0;   // that were to go when the window began
    std::chrono::milliseconds window_{0};
    bool stopped_ = false;
};

/// As GET /api/drain tells it.
std::string text_of(const departures::progress& of);

} // namespace carillon::lifecycle
