#pragma once

#include "discovery/addresses.hpp"
#include "wires/asker.hpp"
#include "wires/whereabouts.hpp"
#include "wires/wire.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <chrono>
#include <cstdint>
#include <string>

namespace carillon::wires {

using carillon::discovery::server_addresses;

/// Opens connections to a server whose name may have several addresses, one attempt for each. With Sentinels each
/// attempt asks one of them first, as long as no address is left of what one has said.
class dialer {
public:
    using clock = std::chrono::steady_clock;

    dialer(boost::asio::io_context& context, const whereabouts& how)
        : how_{how}, resolver_{context}, asker_{context, how} {}

    /// Connects to the next address; then the wire is to be opened. The name is looked up, or a Sentinel asked, when
    /// all addresses that there were have been tried, or one has worked: the server may have moved. `deadline` ends the
    /// attempt, half of the time until then the question to a Sentinel; a look-up that the system's resolver does not
    /// end by itself holds it up until it does. Why it could not be, or empty.
    boost::asio::awaitable<std::string> open(wire* into, clock::time_point deadline);
    /// Connects to where the last attempt led.
    boost::asio::awaitable<std::string> open_beside(wire* into, clock::time_point deadline);
    /// The server is elsewhere: the next attempt leads there.
    void lead_to(const place& server) {
        how_.server = server;
        addresses_.looked_up({});
    }
    /// What Sentinels are told from the next question on.
    void use_login(const logins& now) { asker_.use_login(now); }
    /// No attempt is begun any more. One that is under way ends when its wire is closed, or the look-up is over.
    void stop();
    bool looking_up() const noexcept { return looking_up_ || asker_.looking_up(); }

    server_addresses& addresses() noexcept { return addresses_; }
    /// Whether there is another to be tried, or a Sentinel to be asked, before it is worth a pause.
    bool has_more() const noexcept { return addresses_.left() + sentinels_.left() > 0; }
    /// The server is there: what led to it comes first the next time.
    void worked();
    const place& server() const noexcept { return how_.server; }
    /// The address of the last attempt, and what it was looked up from.
    const place& where() const noexcept { return where_; }
    const place& named() const noexcept { return named_; }

private:
    boost::asio::awaitable<std::string> find(clock::time_point deadline);
    boost::asio::awaitable<std::string> look_up();
    boost::asio::awaitable<std::string> connect(wire* into, clock::time_point deadline, bool next);

    whereabouts how_;
    boost::asio::ip::tcp::resolver resolver_;
    asker asker_;
    server_addresses sentinels_;
    server_addresses addresses_;
    place named_;
    place where_;
    std::uint64_t attempt_ = 0; // which one, so that the deadline of an older one is told apart
    bool looking_up_ = false;
    bool stopping_ = false;
};

} // namespace carillon::wires
