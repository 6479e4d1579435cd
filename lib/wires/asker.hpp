#pragma once

#include "wires/whereabouts.hpp"
#include "wires/wire.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace carillon::wires {

/// Asks those who know where the bus is, Sentinels or nodes of a cluster: one at a time, each over a connection of its
/// own.
class asker {
public:
    using clock = std::chrono::steady_clock;
    using outcome = carillon::discovery::sentinel_talk::outcome;

    asker(boost::asio::io_context& context, const whereabouts& how);

    /// Is given what has come; true: nothing more is awaited.
    using hearing = std::function<bool(std::string_view bytes)>;
    /// `deadline` ends it; a look-up that the system's resolver does not end by itself holds it up until it does. Why
    /// not all that was awaited has come, or empty.
    boost::asio::awaitable<std::string> ask(place which, std::string question, hearing heard,
                                            clock::time_point deadline);
    /// Asks a Sentinel where the master is.
    boost::asio::awaitable<outcome> ask_for_master(place which, clock::time_point deadline);
    /// The addresses that a name has now; none if it cannot be looked up.
    boost::asio::awaitable<std::vector<place>> look_up(place name);
    /// What Sentinels are told from the next question on.
    void use_login(const logins& now) { how_.use_login(now); }
    /// What is under way ends, and nothing is begun any more.
    void stop();
    bool looking_up() const noexcept { return looking_up_; }

private:
    boost::asio::awaitable<std::string> reach(place which);
    boost::asio::awaitable<std::string> converse(std::string question, hearing heard);
    void cut();

    whereabouts how_;
    boost::asio::ip::tcp::resolver resolver_;
    boost::asio::steady_timer limit_;
    boost::asio::steady_timer sleep_;
    wire wire_;
    std::uint64_t attempt_ = 0; // which one, so that the deadline of an older one is told apart
    bool over_ = false;         // its time is
    bool looking_up_ = false;
    bool stopping_ = false;
};

} // namespace carillon::wires
