#include "redis/wire.hpp"

#include <boost/asio/buffer.hpp>

#include <netinet/tcp.h>
#include <sys/socket.h>
#include <utility>

namespace carillon::redis {

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
    boost::system::error_code ignored;
    socket_.non_blocking(true, ignored);
    socket_.set_option(tcp::no_delay{true}, ignored);
    const auto unacknowledged = static_cast<unsigned>(unacknowledged_max.count());
    ::setsockopt(socket_.native_handle(), IPPROTO_TCP, TCP_USER_TIMEOUT, &unacknowledged, sizeof unacknowledged);
    await_readable();
}

void wire::close() {
    ++connection_;
    reading_ = writing_ = readable_ = false;
    boost::system::error_code ignored;
    socket_.close(ignored);
}

std::size_t wire::read(std::span<char> into, boost::system::error_code& failed) {
    const std::size_t count = socket_.read_some(asio::buffer(into.data(), into.size()), failed);
    if (must_wait(failed)) {
        readable_ = false;
        await_readable();
    }
    if (failed) readable_ = false;
    return count;
}

std::size_t wire::write(std::string_view bytes, boost::system::error_code& failed) {
    const std::size_t count = socket_.write_some(asio::buffer(bytes.data(), bytes.size()), failed);
    if (must_wait(failed)) await_writable();
    return count;
}

void wire::await_readable() {
    if (std::exchange(reading_, true)) return;
    socket_.async_wait(tcp::socket::wait_read, [this, of = connection_](boost::system::error_code) {
        if (of != connection_) return;
        reading_ = false;
        readable_ = true;
        wake_();
    });
}

void wire::await_writable() {
    if (std::exchange(writing_, true)) return;
    socket_.async_wait(tcp::socket::wait_write, [this, of = connection_](boost::system::error_code) {
        if (of != connection_) return;
        writing_ = false;
        wake_();
    });
}

} // namespace carillon::redis
