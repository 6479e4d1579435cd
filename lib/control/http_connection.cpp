#include "control/http_connection.hpp"

#include "http/ascii.hpp"
#include "http/request_head.hpp"
#include "tls/socket_wire.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <charconv>
#include <span>
#include <system_error>
#include <utility>

namespace carillon::control {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;

namespace {

constexpr auto no_throw = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t read_bytes = 4096;

// The end of the connection ends a request whose length nobody knows, and breaks any other one off.
beast::error_code at_the_end(request_parser& of) {
    if (!of.got_some()) return http::error::end_of_stream;
    beast::error_code failed;
    of.put_eof(failed);
    return failed || of.is_done() ? failed : http::error::end_of_stream;
}

} // namespace

http_connection::http_connection(socket accepted, std::unique_ptr<tls::stream> encryption, std::string_view bytes,
                                 std::size_t bytes_max, patience& of)
    : pace{of, accepted.native_handle()}, socket_{std::move(accepted)},
      encryption_{std::move(encryption)}, buffer_{std::max(bytes_max, bytes.size() + read_bytes)} {
    buffer_.commit(asio::buffer_copy(buffer_.prepare(bytes.size()), asio::buffer(bytes)));
    beast::error_code ignored; // then it waits in the calls themselves, which is no mistake
    socket_.non_blocking(true, ignored);
}

std::string_view http_connection::text() const {
    return {static_cast<const char*>(buffer_.data().data()), buffer_.size()};
}

std::size_t http_connection::room() const {
    return std::min(buffer_.max_size() - buffer_.size(), std::max(read_bytes, buffer_.capacity() - buffer_.size()));
}

// Beast takes no empty line before a request line; one is allowed (RFC 9112 §2.2).
bool http_connection::begins(const request_parser& what) {
    if (what.got_some()) return true;
    if (!skipped_ && text().starts_with("\r\n")) {
        buffer_.consume(2);
        skipped_ = true;
    }
    return buffer_.size() > 0 && (skipped_ || text() != "\r");
}

beast::error_code http_connection::take(request_parser& into, bool whole) {
    if (!begins(into)) return http::error::need_more;
    skipped_ = false;
    into.eager(whole);
    while (whole ? !into.is_done() : !into.is_header_done()) {
        if (buffer_.size() == 0) return http::error::need_more;
        beast::error_code failed;
        const std::size_t used = into.put(buffer_.data(), failed);
        buffer_.consume(used);
        if (failed) return failed;
    }
    return {};
}

asio::awaitable<beast::error_code> http_connection::read(request_parser& into, bool whole) {
    for (;;) {
        const beast::error_code taken = take(into, whole);
        if (taken != http::error::need_more) co_return taken;
        if (room() == 0) co_return http::error::buffer_overflow;
        beast::error_code failed;
        if (encryption_) {
            const beast::error_code why = co_await read_encrypted(room());
            failed = why;
        } else {
            auto [why, count] = co_await socket_.async_read_some(buffer_.prepare(room()), no_throw);
            failed = why;
            if (!failed) buffer_.commit(count);
        }
        if (failed == asio::error::eof) co_return at_the_end(into);
        if (failed) co_return failed;
    }
}

tls::stream::received http_connection::receive_encrypted(std::size_t bytes) {
    const asio::mutable_buffer into = buffer_.prepare(bytes);
    tls::socket_wire below{socket_.native_handle()};
    const auto got = encryption_->receive(below, {static_cast<std::byte*>(into.data()), into.size()});
    buffer_.commit(got.bytes);
    return got;
}

asio::awaitable<beast::error_code> http_connection::read_encrypted(std::size_t bytes) {
    for (;;) {
        const tls::stream::received got = receive_encrypted(bytes);
        if (got.bytes > 0) co_return beast::error_code{};
        handshake_failed_ = got.error == EPROTO && !encryption_->established();
        if (got.error == 0) co_return asio::error::eof;
        if (got.error != EAGAIN) co_return beast::error_code{got.error, boost::system::system_category()};
        // Who does not take what the protocol itself says is not read either.
        tls::socket_wire below{socket_.native_handle()};
        const bool unsent = encryption_->has_unsent() && encryption_->flush(below) != 0;
        if (got.more && !unsent) {
            co_await asio::post(socket_.get_executor(), asio::use_awaitable); // others have their turn
            continue;
        }
        const auto what = unsent ? socket::wait_write : socket::wait_read;
        auto [interrupted] = co_await socket_.async_wait(what, no_throw);
        if (interrupted) co_return interrupted;
    }
}

std::optional<std::string_view> http_connection::next_post() const {
    if (buffer_.size() == 0 || text().front() == '\r') return std::nullopt; // an empty line is for begins()
    carillon::http::request_head head;
    std::size_t scanned = 0;
    if (parse_head(text(), scanned, head).outcome != carillon::http::parse_outcome::complete) return std::nullopt;
    using carillon::http::known_header;
    const bool waits = std::ranges::any_of(head.headers(), [](const carillon::http::header_field& each) {
        return carillon::http::same_ignoring_case(each.name, "expect");
    });
    if (head.method() != "POST" || waits || head.has(known_header::transfer_encoding)) return std::nullopt;
    const std::string_view length = head.first(known_header::content_length);
    std::size_t bytes = 0;
    const auto [end, failed] = std::from_chars(length.data(), length.data() + length.size(), bytes);
    const bool is_number = failed == std::errc{} && end == length.data() + length.size();
    if (!is_number || bytes > buffer_.size() - head.size()) return std::nullopt;
    return head.path();
}

asio::awaitable<bool> http_connection::write_encrypted(std::string_view bytes) {
    for (;;) {
        tls::socket_wire below{socket_.native_handle()};
        const auto sent = encryption_->send(below, std::as_bytes(std::span{bytes}));
        if (sent.error != 0 && sent.error != EAGAIN) co_return false;
        bytes.remove_prefix(sent.bytes);
        if (bytes.empty() && !encryption_->has_unsent()) co_return true;
        auto [interrupted] = co_await socket_.async_wait(socket::wait_write, no_throw);
        if (interrupted) co_return false;
    }
}

asio::awaitable<bool> http_connection::write(std::string_view bytes) {
    if (encryption_) {
        const bool sent = co_await write_encrypted(bytes);
        co_return sent;
    }
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
    if (encryption_) {
        tls::socket_wire below{socket_.native_handle()};
        encryption_->finish(below);
    }
    beast::error_code ignored;
    socket_.shutdown(asio::socket_base::shutdown_send, ignored);
    buffer_.clear();
    for (std::size_t dropped = 0; dropped < bytes_max;) {
        auto [ended, count] = co_await socket_.async_read_some(buffer_.prepare(read_bytes), no_throw);
        if (ended) break;
        dropped += count;
    }
}

} // namespace carillon::control
