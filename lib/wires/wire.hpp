#pragma once

#include "tls/trust_terms.hpp"

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace carillon::tls {
class stream;
}

namespace carillon::wires {

/// One connection of a link, over TCP or a unix socket, with TLS or without: bytes in and out without waiting. What
/// comes of waits is that `wake` is called. The handshake of TLS is a part of read(); until it is over there is nothing
/// to read and no room to write.
class wire {
public:
    using protocol = boost::asio::generic::stream_protocol;

    wire(boost::asio::io_context& context, std::function<void()> wake);
    ~wire();

    /// To be connected by others; then opened().
    protocol::socket& socket() noexcept { return socket_; }
    /// Once connected, before opened(): TLS is spoken, with a server whose certificate must be for `host`. Reads the
    /// files. What is wrong with them, or empty.
    std::string encrypt(const tls::trust_terms& how, const std::string& host);
    /// It is connected. What was sent and is not acknowledged for that long ends it, so that it does not stay in the
    /// kernel after the connection to a machine that is gone has been given up.
    void opened(std::chrono::milliseconds unacknowledged_max);
    void close();

    /// Whether read() may find something.
    bool readable() const noexcept { return readable_; }
    /// 0 without an error: there is nothing now, and `wake` says when there is, unless readable() says that there may
    /// be.
    std::size_t read(std::span<char> into, boost::system::error_code& failed);
    /// Whether write() may find room.
    bool writable() const noexcept;
    /// 0 without an error: there is no room now, and `wake` says when there is.
    std::size_t write(std::string_view bytes, boost::system::error_code& failed);
    /// What a failure of the two means, in words. Before close().
    std::string why(const boost::system::error_code& failed) const;

private:
    std::size_t read_encrypted(std::span<char> into, boost::system::error_code& failed);
    std::size_t write_encrypted(std::string_view bytes, boost::system::error_code& failed);
    void await_readable();
    void await_writable();
    void on_writable();

    protocol::socket socket_;
    std::function<void()> wake_;
    std::unique_ptr<tls::stream> encrypted_; // none: no TLS
    std::string host_;                       // whose certificate it must be
    std::uint64_t connection_ = 0;           // which one, so that a wait of an older one is told apart
    bool reading_ = false;
    bool writing_ = false;
    bool readable_ = false;
};

} // namespace carillon::wires
