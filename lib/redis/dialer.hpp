#pragma once

#include "redis/upstream_addresses.hpp"
#include "redis/wire.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <chrono>
#include <cstdint>
#include <string>

namespace carillon::redis {

/// Opens connections to a server whose name may have several addresses, one attempt for each.
class dialer {
public:
    using clock = std::chrono::steady_clock;

    dialer(boost::asio::io_context& context, std::string host, std::uint16_t port)
        : resolver_{context}, host_{std::move(host)}, port_{port} {}

    /// Connects to the next address. The name is looked up when all that it had have been tried, or one has worked: the
    /// server may have moved. `deadline` ends the attempt; a look-up that the system's resolver does not end by itself
    /// holds it up until it does.
    boost::asio::awaitable<boost::system::error_code> open(wire* into, clock::time_point deadline);
    /// Connects to where the last attempt led.
    boost::asio::awaitable<boost::system::error_code> open_beside(wire* into, clock::time_point deadline);
    /// No attempt is begun any more. One that is under way ends when its wire is closed, or the look-up is over.
    void stop() noexcept { stopping_ = true; }
    bool looking_up() const noexcept { return looking_up_; }
    upstream_addresses& addresses() noexcept { return addresses_; }

private:
    boost::asio::awaitable<boost::system::error_code> look_up();
    boost::asio::awaitable<boost::system::error_code> connect(wire* into, clock::time_point deadline, bool next);

    boost::asio::ip::tcp::resolver resolver_;
    std::string host_;
    std::uint16_t port_;
    upstream_addresses addresses_;
    upstream_addresses::address where_;
    std::uint64_t attempt_ = 0; // which one, so that the deadline of an older one is told apart
    bool looking_up_ = false;
    bool stopping_ = false;
};

} // namespace carillon::redis
