#include "outward/connection.hpp"

#include "outward/error.hpp"
#include "outward/request.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/write.hpp>
#include <openssl/ssl.h>

#include <cerrno>
#include <string>
#include <sys/socket.h>
#include <utility>

namespace carillon::outward {

namespace asio = boost::asio;
namespace bhttp = boost::beast::http;
using tcp = asio::ip::tcp;

namespace {

constexpr auto no_throw = asio::as_tuple(asio::use_awaitable);
constexpr std::uint32_t head_bytes_max = 8192;
constexpr std::size_t read_bytes = 64 * 1024;

error_code meaning_of(const boost::system::error_code& failed) {
    if (failed == bhttp::error::body_limit || failed == bhttp::error::header_limit ||
        failed == bhttp::error::buffer_overflow)
        return error::too_big;
    if (failed == bhttp::error::end_of_stream || failed == bhttp::error::partial_message) return error::lost;
    if (failed.category() == bhttp::make_error_code(bhttp::error::bad_version).category()) return error::malformed;
    return error::lost;
}

bool is_address(const std::string& host) {
    boost::system::error_code no;
    (void)asio::ip::make_address(host, no);
    return !no;
}

// The macro of OpenSSL for it casts as C does.
void say_name(SSL* to, const std::string& host) {
    std::string copy = host;
    SSL_ctrl(to, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, copy.data());
}

} // namespace

connection::connection(asio::io_context& context, const http::url& where, asio::ssl::context* trust)
    : where_{&where}, trust_{trust}, resolver_{context}, socket_{context}, unread_{head_bytes_max + read_bytes} {}

asio::awaitable<error_code> connection::open() {
    looks_up_ = true;
    auto [unknown, endpoints] = co_await resolver_.async_resolve(where_->host, std::to_string(where_->port), no_throw);
    looks_up_ = false;
    if (unknown || cut_) co_return error::unreachable;
    auto [refused, endpoint] = co_await asio::async_connect(socket_, endpoints, no_throw);
    (void)endpoint;
    if (refused || cut_) co_return error::unreachable;
    boost::system::error_code ignored;
    socket_.set_option(tcp::no_delay{true}, ignored);
    if (trust_ == nullptr) co_return error_code{};
    encrypted_.emplace(socket_, *trust_);
    // The name that the certificate must be for; an address has no place in the greeting (RFC 6066 §3).
    encrypted_->set_verify_callback(asio::ssl::host_name_verification{where_->host}, ignored);
    if (!is_address(where_->host)) say_name(encrypted_->native_handle(), where_->host);
    auto [doubted] = co_await encrypted_->async_handshake(asio::ssl::stream_base::client, no_throw);
    if (doubted) co_return error::untrusted;
    co_return error_code{};
}

asio::awaitable<error_code> connection::exchange(const http_message& what, std::size_t bytes_max, response& into) {
    silent_ = true;
    lasts_ = false;
    error_code failed;
    if (encrypted_) {
        const error_code said = co_await talk(*encrypted_, what, bytes_max, into);
        failed = said;
    } else {
        const error_code said = co_await talk(socket_, what, bytes_max, into);
        failed = said;
    }
    co_return failed;
}

template <class Stream>
asio::awaitable<error_code> connection::talk(Stream& with, const http_message& what, std::size_t bytes_max,
                                             response& into) {
    auto [unsent, written] = co_await bhttp::async_write(with, what, no_throw);
    (void)written;
    // Who answers before it has read everything and then ends (as with 413) has its answer read all the same.
    bhttp::response_parser<bhttp::string_body> parser;
    parser.header_limit(head_bytes_max);
    parser.body_limit(bytes_max);
    auto [failed, count] = co_await bhttp::async_read(with, unread_, parser, no_throw);
    (void)count;
    silent_ = !parser.got_some() && unread_.size() == 0;
    if (failed) co_return meaning_of(failed);
    const bool keeps = parser.keep_alive();
    const auto answered = parser.release();
    into.status = answered.result_int();
    into.cache_control = std::string{answered[bhttp::field::cache_control]};
    into.body = answered.body();
    // An interim answer has no body and another one behind it; nothing here asks for one.
    if (into.status < 200) co_return error::malformed;
    lasts_ = !unsent && keeps && unread_.size() == 0;
    co_return error_code{};
}

void connection::cut() {
    cut_ = true;
    lasts_ = false;
    resolver_.cancel();
    boost::system::error_code ignored;
    socket_.close(ignored);
}

// Behind an encrypted answer there may be records that are no answer (RFC 8446 §4.6); only its end counts there.
bool connection::is_stale() {
    char byte = 0;
    const auto count = ::recv(socket_.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    if (count > 0) return !encrypted_;
    return count == 0 || (errno != EAGAIN && errno != EWOULDBLOCK);
}

} // namespace carillon::outward
