#include "net/listener.hpp"

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

void set_tcp_options(int descriptor, const listen_options& options) {
    if (options.keepalive.count() > 0) keep_alive(descriptor, options.keepalive);
    if (options.unacknowledged.count() > 0) { // inherited by accepted sockets, as the others
        const int milliseconds = static_cast<int>(options.unacknowledged.count());
        set(descriptor, IPPROTO_TCP, TCP_USER_TIMEOUT, milliseconds, "TCP_USER_TIMEOUT");
    }
    if (options.bytes_first.count() == 0) return;
    const int seconds = static_cast<int>(options.bytes_first.count());
    set(descriptor, IPPROTO_TCP, TCP_DEFER_ACCEPT, seconds, "TCP_DEFER_ACCEPT");
}

} // namespace

listener::listener(asio::io_context& context, const listen_options& options, const system_calls& calls)
    : acceptor_{context, options.host, options.port, options.share_port}, timer_{context}, calls_{&calls} {
    try {
        if (acceptor_.is_tcp()) set_tcp_options(acceptor_.descriptor(), options);
    } catch (const boost::system::system_error& failure) {
        throw boost::system::system_error{failure.code(), "cannot listen on " + acceptor_.where()};
    }
    acceptor_.listen(options.backlog);
}

listener::listener(asio::io_context& context, const listener& other)
    : acceptor_{context, other.acceptor_}, timer_{context}, calls_{other.calls_} {}

listener::listener(asio::io_context& context, int descriptor, const std::string& host)
    : acceptor_{context, descriptor, host}, timer_{context}, calls_{&kernel()} {}

void listener::stop() {
    stopped_ = true;
    acceptor_.close();
    timer_.cancel();
}

listener::wait_awaiter listener::acceptable() noexcept { return {*this, std::chrono::milliseconds::zero()}; }

listener::wait_awaiter listener::pause(std::chrono::milliseconds length) noexcept { return {*this, length}; }

void listener::wait_awaiter::await_suspend(std::coroutine_handle<> waiting) {
    const auto resume = [waiting](boost::system::error_code) { waiting.resume(); };
    if (pause_ == std::chrono::milliseconds::zero()) {
        owner_.acceptor_.get().async_wait(asio::socket_base::wait_read, resume);
    } else {
        owner_.timer_.expires_after(pause_);
        owner_.timer_.async_wait(resume);
    }
}

} // namespace carillon::net
