#pragma once

#include "base/result.hpp"
#include "http/url.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>

#include <chrono>
#include <cstddef>
#include <optional>

namespace carillon::outward {

struct response;

using http_message = boost::beast::http::request<boost::beast::http::string_body>;

/// One connection to a target, for one request after the other. Has no time-outs: whoever waits too long calls cut().
class connection {
public:
    /// `trust` is null for http.
    connection(boost::asio::io_context& context, const http::url& where, boost::asio::ssl::context* trust);
    connection(const connection&) = delete;
    connection& operator=(const connection&) = delete;

    /// Looks the name up, connects, and agrees on TLS.
    boost::asio::awaitable<error_code> open();
    /// One request and its answer, of at most `bytes_max` of body.
    boost::asio::awaitable<error_code> exchange(const http_message& what, std::size_t bytes_max, response& into);
    /// Ends what is under way. A look-up goes on: the system's resolver cannot be stopped.
    void cut();

    bool looks_up() const noexcept { return looks_up_; }
    /// Whether nothing has been read of an answer to the last request.
    bool silent() const noexcept { return silent_; }
    /// Whether another request may follow.
    bool lasts() const noexcept { return lasts_; }
    /// Whether the peer has ended it meanwhile, or has said what nobody has asked for.
    bool is_stale();

    std::chrono::steady_clock::time_point idle_since{};

private:
    template <class Stream>
    boost::asio::awaitable<error_code> talk(Stream& with, const http_message& what, std::size_t bytes_max,
                                            response& into);

    const http::url* where_;
    boost::asio::ssl::context* trust_;
    boost::asio::ip::tcp::resolver resolver_;
    boost::asio::ip::tcp::socket socket_;
    std::optional<boost::asio::ssl::stream<boost::asio::ip::tcp::socket&>> encrypted_; // over the socket
    boost::beast::flat_buffer unread_;
    bool cut_ = false;
    bool looks_up_ = false;
    bool silent_ = true;
    bool lasts_ = false;
};

} // namespace carillon::outward
