#pragma once

#include "control/patience.hpp"
#include "net/acceptor.hpp"
#include "tls/stream.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/beast/core/error.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include <cstddef>
#include <memory>
#include <optional>
#include <string_view>

namespace carillon::control {

using http_request = boost::beast::http::request<boost::beast::http::string_body>;
using request_parser = boost::beast::http::request_parser<boost::beast::http::string_body>;

/// A connection whose requests Beast's parser reads. Reads and writes are system calls made here and now; only who
/// must wait waits, and `pace` says for how long. With TLS, its handshake is a part of reading. Thread: the control
/// plane's.
class http_connection {
public:
    using socket = boost::asio::basic_stream_socket<net::acceptor::protocol>;

    /// `bytes` have been read already; never more than `bytes_max` are held that nobody has used yet. `encryption` is
    /// null where none is spoken.
    http_connection(socket accepted, std::unique_ptr<tls::stream> encryption, std::string_view bytes,
                    std::size_t bytes_max, patience& of);

    /// Reads up to the end of the head, or of the whole request; what follows stays. Error: of the parser, or of the
    /// connection (then there is nobody any more to be answered). `take_` does it with what is there already: need_more
    /// says that it goes on behind that, and `read_` goes on.
    boost::beast::error_code take_head(request_parser& into) { return take(into, false); }
    boost::beast::error_code take_rest(request_parser& into) { return take(into, true); }
    boost::asio::awaitable<boost::beast::error_code> read_head(request_parser& into) { return read(into, false); }
    boost::asio::awaitable<boost::beast::error_code> read_rest(request_parser& into) { return read(into, true); }

    /// The path of the request that comes next, if it is a POST that is here as a whole and asks for nothing before it
    /// is answered. Views the buffer.
    std::optional<std::string_view> next_post() const;

    /// False: the peer is gone, or too slow.
    boost::asio::awaitable<bool> write(std::string_view bytes);

    /// Ends its side, and reads and drops what still comes: to close with bytes unread, or yet to come, would reset the
    /// connection, and the answer might be lost (RFC 9112 §9.6). Who goes on for more than `bytes_max` is cut.
    boost::asio::awaitable<void> linger(std::size_t bytes_max);

    /// Null: no TLS is spoken.
    const tls::stream* encryption() const noexcept { return encryption_.get(); }
    /// The handshake has failed, by what the peer has said: nothing can be said any more, but it may be reading.
    bool handshake_failed() const noexcept { return handshake_failed_; }

    /// What the peer is waited for.
    patience::wait pace;

private:
    boost::beast::error_code take(request_parser& into, bool whole);
    boost::asio::awaitable<boost::beast::error_code> read(request_parser& into, bool whole);
    boost::asio::awaitable<boost::beast::error_code> read_encrypted(std::size_t bytes);
    boost::asio::awaitable<bool> write_encrypted(std::string_view bytes);
    tls::stream::received receive_encrypted(std::size_t bytes);
    bool begins(const request_parser& what);
    std::size_t room() const;
    std::string_view text() const;

    socket socket_;
    std::unique_ptr<tls::stream> encryption_;
    boost::beast::flat_buffer buffer_;
    bool handshake_failed_ = false;
    bool skipped_ = false; // an empty line before the request that has not begun yet
};

} // namespace carillon::control
