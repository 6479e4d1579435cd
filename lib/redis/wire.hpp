#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string_view>

namespace carillon::redis {

/// One TCP connection of a link: bytes in and out without waiting. What comes of waits is that `wake` is called.
class wire {
public:
    using tcp = boost::asio::ip::tcp;

    wire(boost::asio::io_context& context, std::function<void()> wake) : socket_{context}, wake_{std::move(wake)} {}

    /// To be connected by others; then opened().
    tcp::socket& socket() noexcept { return socket_; }
    /// It is connected. What was sent and is not acknowledged for that long ends it, so that it does not stay in the
    /// kernel after the connection to a machine that is gone has been given up.
    void opened(std::chrono::milliseconds unacknowledged_max);
    void close();

    /// Whether read() may find something.
    bool readable() const noexcept { return readable_; }
    /// 0 without an error: there is nothing now, and `wake` says when there is.
    std::size_t read(std::span<char> into, boost::system::error_code& failed);
    /// Whether write() may find room.
    bool writable() const noexcept { return !writing_; }
    /// 0 without an error: there is no room now, and `wake` says when there is.
    std::size_t write(std::string_view bytes, boost::system::error_code& failed);

private:
    void await_readable();
    void await_writable();

    tcp::socket socket_;
    std::function<void()> wake_;
    std::uint64_t connection_ = 0; // which one, so that a wait of an older one is told apart
    bool reading_ = false;
    bool writing_ = false;
    bool readable_ = false;
};

} // namespace carillon::redis
