#include "control/http_connection.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <utility>

namespace carillon::control {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;

namespace {

constexpr auto no_throw = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t read_bytes = 4096;

std::string_view text_of(const beast::flat_buffer& buffer) {
    return {static_cast<const char*>(buffer.data().data()), buffer.size()};
}

// What the bytes that are there make of the request; need_more: it goes on behind them.
beast::error_code parse(beast::flat_buffer& from, request_parser& into, bool whole) {
    while (whole ? !into.is_done() : !into.is_header_done()) {
        if (from.size() == 0) return http::error::need_more;
        beast::error_code failed;
        const std::size_t used = into.put(from.data(), failed);
        from.consume(used);
        if (failed) return failed;
    }
    return {};
}

// The end of the connection ends a request whose length nobody knows, and breaks any other one off.
beast::error_code at_the_end(request_parser& of) {
    if (!of.got_some()) return http::error::end_of_stream;
    beast::error_code failed;
    of.put_eof(failed);
    return failed || of.is_done() ? failed : http::error::end_of_stream;
}

} // namespace

http_connection::http_connection(socket accepted, std::string_view bytes, std::size_t bytes_max, patience& of)
    : pace{of, accepted.native_handle()}, socket_{std::move(accepted)}, buffer_{std::max(bytes_max,
                                                                                         bytes.size() + read_bytes)} {
    buffer_.commit(asio::buffer_copy(buffer_.prepare(bytes.size()), asio::buffer(bytes)));
    beast::error_code ignored; // then it waits in the calls themselves, which is no mistake
    socket_.non_blocking(true, ignored);
}

asio::awaitable<beast::error_code> http_connection::receive() {
    const std::size_t room =
        std::min(buffer_.max_size() - buffer_.size(), std::max(read_bytes, buffer_.capacity() - buffer_.size()));
    if (room == 0) co_return http::error::buffer_overflow;
    auto [failed, count] = co_await socket_.async_read_some(buffer_.prepare(room), no_throw);
    if (!failed) buffer_.commit(count);
    co_return failed;
}

asio::awaitable<beast::error_code> http_connection::read(request_parser& into, bool whole) {
    for (;;) {
        const beast::error_code parsed = parse(buffer_, into, whole);
        if (parsed != http::error::need_more) co_return parsed;
        const beast::error_code failed = co_await receive();
        if (failed == asio::error::eof) co_return at_the_end(into);
        if (failed) co_return failed;
    }
}

// Beast takes no empty line before a request line; one is allowed (RFC 9112 §2.2).
asio::awaitable<beast::error_code> http_connection::read_head(request_parser& into) {
    for (bool skipped = false;;) {
        if (!skipped && text_of(buffer_).starts_with("\r\n")) {
            buffer_.consume(2);
            skipped = true;
        }
        if (buffer_.size() > 0 && (skipped || text_of(buffer_) != "\r")) break;
        const beast::error_code failed = co_await receive();
        if (failed) co_return failed;
    }
    into.eager(false);
    const beast::error_code failed = co_await read(into, false);
    co_return failed;
}

asio::awaitable<beast::error_code> http_connection::read_rest(request_parser& into) {
    into.eager(true);
    const beast::error_code failed = co_await read(into, true);
    co_return failed;
}

asio::awaitable<bool> http_connection::write(std::string_view bytes) {
    for (;;) {
        beast::error_code failed;
        bytes.remove_prefix(socket_.send(asio::buffer(bytes), 0, failed));
        if (bytes.empty()) co_return true;
        if (failed && failed != asio::error::would_block && failed != asio::error::try_again) co_return false;
        if (!failed) continue;
        auto [interrupted] = co_await socket_.async_wait(socket::wait_write, no_throw);
        if (interrupted) co_return false;
    }
}

asio::awaitable<void> http_connection::linger(std::size_t bytes_max) {
    beast::error_code ignored;
    socket_.shutdown(asio::socket_base::shutdown_send, ignored);
    buffer_.clear();
    for (std::size_t dropped = 0; dropped < bytes_max;) {
        const beast::error_code ended = co_await receive();
        if (ended) break;
        dropped += buffer_.size();
        buffer_.clear();
    }
}

} // namespace carillon::control
