#include "wires/wire.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <netinet/tcp.h>
#include <sys/socket.h>
#include <utility>

// What is the same with TLS and without; wire_encrypted.cpp has the rest.
namespace carillon::wires {

namespace asio = boost::asio;

namespace {

// Not now; anything else that went wrong is the end.
bool must_wait(boost::system::error_code& failed) {
    if (failed != asio::error::would_block && failed != asio::error::try_again) return false;
    failed.clear();
    return true;
}

} // namespace

void wire::opened(std::chrono::milliseconds unacknowledged_max) {
    boost::system::error_code ignored; // a unix socket has neither of the two
    socket_.non_blocking(true, ignored);
    socket_.set_option(asio::ip::tcp::no_delay{true}, ignored);
    const auto unacknowledged = static_cast<unsigned>(unacknowledged_max.count());
    ::setsockopt(socket_.native_handle(), IPPROTO_TCP, TCP_USER_TIMEOUT, &unacknowledged, sizeof unacknowledged);
    if (encrypted_) {
        readable_ = true; // the handshake begins with reading
    } else {
        await_readable();
    }
}

std::size_t wire::read(std::span<char> into, boost::system::error_code& failed) {
    if (encrypted_) return read_encrypted(into, failed);
    const std::size_t count = socket_.read_some(asio::buffer(into.data(), into.size()), failed);
    if (must_wait(failed)) {
        readable_ = false;
        await_readable();
    }
    if (failed) readable_ = false;
    return count;
}

std::size_t wire::write(std::string_view bytes, boost::system::error_code& failed) {
    if (encrypted_) return write_encrypted(bytes, failed);
    const std::size_t count = socket_.write_some(asio::buffer(bytes.data(), bytes.size()), failed);
    if (must_wait(failed)) await_writable();
    return count;
}

void wire::await_readable() {
    if (std::exchange(reading_, true)) return;
    socket_.async_wait(protocol::socket::wait_read, [this, of = connection_](boost::system::error_code) {
        if (of != connection_) return;
        reading_ = false;
        readable_ = true;
        wake_();
    });
}

void wire::await_writable() {
    if (std::exchange(writing_, true)) return;
    socket_.async_wait(protocol::socket::wait_write, [this, of = connection_](boost::system::error_code) {
        if (of != connection_) return;
        writing_ = false;
        on_writable();
    });
}

} // namespace carillon::wires
