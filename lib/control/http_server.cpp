#include "control/http_server.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <fmt/format.h>

#include <optional>
#include <sys/socket.h>
#include <unistd.h>

namespace carillon::control {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using tcp = asio::ip::tcp;

namespace {

constexpr auto no_throw = asio::as_tuple(asio::use_awaitable);
constexpr std::uint32_t head_bytes_max = 8192;
constexpr std::chrono::milliseconds accept_pause{100};

using http_request = http::request<http::empty_body>;
using http_response = http::response<http::string_body>;

response plain(unsigned status, std::string text) { return {.status = status, .body = std::move(text), .fields = {}}; }

asio::awaitable<response> answer(const route_table& routes, const http_request& request) {
    const bool readable = request.method() == http::verb::get || request.method() == http::verb::head;
    const std::string_view target{request.target().data(), request.target().size()};
    const handler* found = routes.find(target);
    if (found == nullptr) co_return plain(404, "Not found.\n");
    if (!readable) {
        response refused = plain(405, "Only GET and HEAD are allowed here.\n");
        refused.fields.emplace_back("Allow", "GET, HEAD");
        co_return refused;
    }
    response made = co_await (*found)();
    co_return made;
}

http_response to_http(response from, const http_request& request, bool keep_alive) {
    http_response to{static_cast<http::status>(from.status), request.version()};
    to.set(http::field::content_type, from.content_type);
    for (const auto& [name, value] : from.fields) to.set(name, value);
    to.keep_alive(keep_alive);
    const std::size_t size = from.body.size();
    if (request.method() != http::verb::head) to.body() = std::move(from.body);
    to.content_length(size);
    return to;
}

// A request that Beast could not read.
unsigned status_for(beast::error_code why) {
    if (why == http::error::header_limit || why == http::error::buffer_overflow) return 431;
    if (why == http::error::body_limit) return 413;
    return 400;
}

} // namespace

http_server::http_server(asio::io_context& context, const http_options& options)
    : context_{&context}, options_{options}, acceptor_{context} {}

std::uint16_t http_server::listen(const std::string& host, std::uint16_t port, const route_table& routes) {
    try {
        const tcp::endpoint endpoint{asio::ip::make_address(host), port};
        acceptor_.open(endpoint.protocol());
        acceptor_.set_option(asio::socket_base::reuse_address{true});
        acceptor_.bind(endpoint);
        acceptor_.listen();
    } catch (const boost::system::system_error& failure) {
        throw boost::system::system_error{failure.code(), fmt::format("cannot listen on {}:{}", host, port)};
    }
    asio::co_spawn(*context_, accept(acceptor_, routes), asio::detached);
    return acceptor_.local_endpoint().port();
}

asio::awaitable<void> http_server::accept(tcp::acceptor& from, const route_table& routes) {
    asio::steady_timer pause{*context_};
    while (!stopped_) {
        auto [failed, socket] = co_await from.async_accept(no_throw);
        if (stopped_) break;
        if (!failed) {
            start(std::move(socket), {}, routes);
            continue;
        }
        // Out of descriptors, most likely: wait instead of spinning.
        pause.expires_after(accept_pause);
        auto [interrupted] = co_await pause.async_wait(no_throw);
        (void)interrupted;
    }
}

void http_server::adopt(int descriptor, std::string bytes, const route_table& routes) {
    asio::post(*context_, [this, descriptor, bytes = std::move(bytes), &routes]() mutable {
        tcp::socket socket{*context_};
        beast::error_code why;
        sockaddr_storage address{};
        socklen_t size = sizeof address;
        const bool known = ::getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size) == 0;
        socket.assign(known && address.ss_family == AF_INET6 ? tcp::v6() : tcp::v4(), descriptor, why);
        if (why) {
            ::close(descriptor);
            return;
        }
        start(std::move(socket), std::move(bytes), routes);
    });
}

void http_server::start(tcp::socket socket, std::string bytes, const route_table& routes) {
    if (stopped_ || open_.size() >= options_.connections_max) return; // closing says it
    asio::co_spawn(*context_, serve(std::move(socket), std::move(bytes), routes), asio::detached);
}

asio::awaitable<void> http_server::serve(tcp::socket socket, std::string bytes, const route_table& routes) {
    const int descriptor = socket.native_handle();
    open_.insert(descriptor);
    beast::tcp_stream stream{std::move(socket)};
    beast::flat_buffer buffer{2 * head_bytes_max};
    const std::size_t given = std::min<std::size_t>(bytes.size(), buffer.max_size());
    buffer.commit(asio::buffer_copy(buffer.prepare(given), asio::buffer(bytes.data(), given)));
    bool keep_alive = true;
    while (keep_alive) {
        http::request_parser<http::empty_body> parser;
        parser.header_limit(head_bytes_max);
        parser.body_limit(0);
        stream.expires_after(options_.request_timeout);
        auto [failed, read] = co_await http::async_read(stream, buffer, parser, no_throw);
        (void)read;
        if (failed && failed.category() != make_error_code(http::error::bad_method).category())
            break; // gone, or too slow
        if (failed == http::error::end_of_stream) break;
        const http_request request = parser.release();
        response made = plain(status_for(failed), "The request cannot be read.\n");
        if (!failed) made = co_await answer(routes, request);
        keep_alive = !failed && request.keep_alive() && !stopped_;
        http_response reply = to_http(std::move(made), request, keep_alive);
        stream.expires_after(options_.request_timeout);
        auto [unsent, written] = co_await http::async_write(stream, reply, no_throw);
        (void)written;
        if (unsent) break;
    }
    beast::error_code ignored;
    stream.socket().shutdown(tcp::socket::shutdown_send, ignored);
    open_.erase(descriptor);
}

void http_server::stop() {
    stopped_ = true;
    beast::error_code ignored;
    acceptor_.close(ignored);
    for (const int descriptor : open_) ::shutdown(descriptor, SHUT_RDWR);
}

} // namespace carillon::control
