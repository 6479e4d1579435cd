#include "net/listener.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace carillon::net {

namespace asio = boost::asio;

namespace {

void set(int descriptor, int level, int name, int value, const char* what) {
    if (::setsockopt(descriptor, level, name, &value, sizeof value) == 0) return;
    throw boost::system::system_error{errno, boost::system::system_category(), what};
}

// As Redis does: a third of the time between further questions, three of them. On Linux accepted sockets inherit it,
// which saves four calls each.
void keep_alive(int descriptor, std::chrono::seconds after) {
    const int seconds = static_cast<int>(after.count());
    set(descriptor, SOL_SOCKET, SO_KEEPALIVE, 1, "SO_KEEPALIVE");
    set(descriptor, IPPROTO_TCP, TCP_KEEPIDLE, seconds, "TCP_KEEPIDLE");
    set(descriptor, IPPROTO_TCP, TCP_KEEPINTVL, std::max(seconds / 3, 1), "TCP_KEEPINTVL");
    set(descriptor, IPPROTO_TCP, TCP_KEEPCNT, 3, "TCP_KEEPCNT");
}

} // namespace

listener::listener(asio::io_context& context, const listen_options& options, const system_calls& calls)
    : acceptor_{context}, timer_{context}, calls_{&calls} {
    try {
        const asio::ip::tcp::endpoint endpoint{asio::ip::make_address(options.host), options.port};
        acceptor_.open(endpoint.protocol());
        acceptor_.set_option(asio::socket_base::reuse_address{true});
        acceptor_.set_option(asio::ip::tcp::no_delay{true}); // accepted sockets inherit it, which saves a call each
        if (options.share_port) set(acceptor_.native_handle(), SOL_SOCKET, SO_REUSEPORT, 1, "SO_REUSEPORT");
        if (options.keepalive.count() > 0) keep_alive(acceptor_.native_handle(), options.keepalive);
        if (options.unacknowledged.count() > 0) { // inherited, too
            const int milliseconds = static_cast<int>(options.unacknowledged.count());
            set(acceptor_.native_handle(), IPPROTO_TCP, TCP_USER_TIMEOUT, milliseconds, "TCP_USER_TIMEOUT");
        }
        if (options.bytes_first.count() > 0) {
            const int seconds = static_cast<int>(options.bytes_first.count());
            set(acceptor_.native_handle(), IPPROTO_TCP, TCP_DEFER_ACCEPT, seconds, "TCP_DEFER_ACCEPT");
        }
        acceptor_.bind(endpoint);
        acceptor_.listen(options.backlog);
        acceptor_.native_non_blocking(true);
    } catch (const boost::system::system_error& failure) {
        throw boost::system::system_error{failure.code(),
                                          fmt::format("cannot listen on {}:{}", options.host, options.port)};
    }
}

void listener::stop() {
    stopped_ = true;
    boost::system::error_code ignored;
    acceptor_.close(ignored);
    timer_.cancel();
}

listener::wait_awaiter listener::acceptable() noexcept { return {*this, std::chrono::milliseconds::zero()}; }

listener::wait_awaiter listener::pause(std::chrono::milliseconds length) noexcept { return {*this, length}; }

void listener::wait_awaiter::await_suspend(std::coroutine_handle<> waiting) {
    const auto resume = [waiting](boost::system::error_code) { waiting.resume(); };
    if (pause_ == std::chrono::milliseconds::zero()) {
        owner_.acceptor_.async_wait(asio::socket_base::wait_read, resume);
    } else {
        owner_.timer_.expires_after(pause_);
        owner_.timer_.async_wait(resume);
    }
}

} // namespace carillon::net
