#include "net/listener.hpp"

#include <fmt/format.h>

#include <netinet/tcp.h>
#include <sys/socket.h>

namespace carillon::net {

namespace asio = boost::asio;

listener::listener(asio::io_context& context, const listen_options& options, const system_calls& calls)
    : acceptor_{context}, timer_{context}, calls_{&calls} {
    try {
        const asio::ip::tcp::endpoint endpoint{asio::ip::make_address(options.host), options.port};
        acceptor_.open(endpoint.protocol());
        acceptor_.set_option(asio::socket_base::reuse_address{true});
        acceptor_.set_option(asio::ip::tcp::no_delay{true}); // accepted sockets inherit it, which saves a call each
        if (options.share_port) {
            const int yes = 1;
            if (::setsockopt(acceptor_.native_handle(), SOL_SOCKET, SO_REUSEPORT, &yes, sizeof yes) != 0) {
                throw boost::system::system_error{errno, boost::system::system_category(), "SO_REUSEPORT"};
            }
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
