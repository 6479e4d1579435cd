#pragma once

#include "control/routes.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <set>
#include <string>

namespace carillon::control {

struct http_options {
    std::size_t connections_max = 256; ///< more are closed at once
    std::chrono::milliseconds request_timeout{
        5'000}; ///< for a request to arrive, or its answer to leave; idle connections too
};

/// The HTTP of the control plane and the pages: Boost.Beast, a coroutine for each connection, on a thread of its own
/// and never on the hot path. Heads up to 8 KiB, no bodies. Thread: that of its io_context, except `adopt`.
class http_server {
public:
    http_server(boost::asio::io_context& context, const http_options& options);
    http_server(const http_server&) = delete;
    http_server& operator=(const http_server&) = delete;

    /// Serves `routes` on an address of its own; returns the port. The table outlives the server. Throws
    /// boost::system::system_error.
    std::uint16_t listen(const std::string& host, std::uint16_t port, const route_table& routes);

    /// Serves `routes` on a connection that somebody else accepted and of which `bytes` have been read. Any thread.
    void adopt(int descriptor, std::string bytes, const route_table& routes);

    /// No more connections; open ones are closed.
    void stop();

    std::size_t connections() const noexcept { return open_.size(); }

private:
    boost::asio::awaitable<void> accept(boost::asio::ip::tcp::acceptor& from, const route_table& routes);
    void start(boost::asio::ip::tcp::socket socket, std::string bytes, const route_table& routes);
    boost::asio::awaitable<void> serve(boost::asio::ip::tcp::socket socket, std::string bytes,
                                       const route_table& routes);

    boost::asio::io_context* context_;
    http_options options_;
    boost::asio::ip::tcp::acceptor acceptor_;
    std::set<int> open_; // descriptors, to shut them down at the end
    bool stopped_ = false;
};

} // namespace carillon::control
