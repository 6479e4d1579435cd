#include "control/http_server.hpp"

#include "control/http_connection.hpp"
#include "http/request_head.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/string.hpp>

#include <ctime>
#include <optional>
#include <sys/socket.h>
#include <unistd.h>

namespace carillon::control {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;

namespace {

constexpr auto no_throw = asio::as_tuple(asio::use_awaitable);
constexpr std::chrono::milliseconds accept_pause{100};
constexpr int backlog = 4096;
// Of what is sent behind a last request; who goes on is cut.
constexpr std::size_t lingering_bytes_max = 1024 * 1024;

// Of the text of an answer, for the next one.
constexpr std::size_t text_bytes_kept = 16 * 1024;
constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";

response plain(unsigned status, std::string text) { return {.status = status, .body = std::move(text), .fields = {}}; }

asio::awaitable<response> answer(const route_table& routes, const http_request& request) {
    const bool readable = request.method() == http::verb::get || request.method() == http::verb::head;
    const auto target = carillon::http::split_target({request.target().data(), request.target().size()});
    if (!target) co_return plain(400, "The request target is neither a path nor an http URI with a host.\n");
    const handler* found = routes.find(target->path);
    if (found == nullptr) co_return plain(404, "Not found.\n");
    if (!readable) {
        response refused = plain(405, "Only GET and HEAD are allowed here.\n");
        refused.fields.emplace_back("Allow", "GET, HEAD");
        co_return refused;
    }
    response made = co_await (*found)();
    co_return made;
}

std::string_view view_of(beast::string_view text) { return {text.data(), text.size()}; }

post_route* route_of(const route_table& routes, const http_request& request) {
    const auto target = carillon::http::split_target(view_of(request.target()));
    const bool reads = request.method() == http::verb::get || request.method() == http::verb::head;
    if (!target || (reads && routes.find(target->path) != nullptr)) return nullptr;
    return routes.find_post(target->path);
}

request_facts facts_of(const request_parser& parser) {
    const http_request& request = parser.get();
    request_facts facts{.method = view_of(request.method_string()),
                        .path = carillon::http::split_target(view_of(request.target()))->path,
                        .body_bytes = {},
                        .field = [&request](std::string_view name) { return view_of(request[name]); }};
    if (const auto length = parser.content_length()) facts.body_bytes = *length;
    return facts;
}

// A request that Beast could not read.
unsigned status_for(beast::error_code why) {
    return why == http::error::header_limit || why == http::error::buffer_overflow ? 431 : 400;
}

} // namespace

// A connection from which a whole request is awaited, or nothing any more: it may be ended in favour of a new one.
class http_server::idleness {
public:
    idleness(http_server& server, int descriptor)
        : server_{server}, descriptor_{descriptor}, place_{server.idle_.insert(server.idle_.end(), this)} {}
    idleness(const idleness&) = delete;
    idleness& operator=(const idleness&) = delete;
    ~idleness() {
        if (!ended_) server_.idle_.erase(place_);
    }

    void end() {
        server_.idle_.erase(place_);
        ended_ = true;
        ::shutdown(descriptor_, SHUT_RDWR);
    }
    bool ended() const noexcept { return ended_; }

private:
    http_server& server_;
    int descriptor_;
    std::list<idleness*>::iterator place_;
    bool ended_ = false;
};

// A request whose body has not been read yet.
struct http_server::exchange {
    http_connection& with;
    request_parser& parser;
    int descriptor;
    bool was_ended; // in favour of a new connection
};

http_server::http_server(asio::io_context& context, const http_options& options)
    : context_{&context}, options_{options}, patience_{context, options.request_timeout} {}

std::uint16_t http_server::listen(const std::string& host, std::uint16_t port, const route_table& routes) {
    for (const std::string& each : net::hosts_of(host)) {
        net::acceptor& bound = acceptors_.emplace_back(*context_, each, port);
        bound.listen(backlog);
        port = bound.port(); // when any free one was asked for, the others share it
        asio::co_spawn(*context_, accept(bound, routes), asio::detached);
    }
    return port;
}

std::vector<std::string> http_server::where() const {
    std::vector<std::string> all;
    for (const net::acceptor& each : acceptors_) all.push_back(each.where());
    return all;
}

asio::awaitable<void> http_server::accept(net::acceptor& from, const route_table& routes) {
    asio::steady_timer pause{*context_};
    while (!stopped_) {
        auto [failed, accepted] = co_await from.get().async_accept(no_throw);
        if (stopped_) break;
        if (!failed) {
            start(std::move(accepted), {}, routes, requests::many);
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
        socket taken{*context_};
        beast::error_code why;
        sockaddr_storage address{};
        socklen_t size = sizeof address;
        const bool known = ::getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size) == 0;
        taken.assign({known ? address.ss_family : AF_INET, 0}, descriptor, why);
        if (why) {
            ::close(descriptor);
            return;
        }
        start(std::move(taken), std::move(bytes), routes, requests::one);
    });
}

void http_server::start(socket accepted, std::string bytes, const route_table& routes, requests how_many) {
    if (stopped_) return; // closing says it
    if (open_.size() - making_room_ >= options_.connections_max && !make_room()) return;
    open_.insert(accepted.native_handle());
    asio::co_spawn(*context_, serve(std::move(accepted), std::move(bytes), routes, how_many), asio::detached);
}

// False: all are in the middle of an answer.
bool http_server::make_room() {
    if (idle_.empty()) return false;
    ++making_room_;
    idle_.front()->end();
    return true;
}

asio::awaitable<void> http_server::serve(socket accepted, std::string bytes, const route_table& routes,
                                         requests how_many) {
    const int descriptor = accepted.native_handle();
    http_connection with{std::move(accepted), bytes, 2 * options_.head_bytes_max, patience_};
    std::string text;
    bool keep_alive = true;
    bool was_ended = false;
    while (keep_alive) {
        request_parser parser;
        parser.header_limit(static_cast<std::uint32_t>(options_.head_bytes_max));
        parser.body_limit(boost::none);
        beast::error_code failed;
        with.pace.begin();
        {
            const idleness idle{*this, descriptor};
            const beast::error_code unread = co_await with.read_head(parser);
            failed = unread;
            was_ended = idle.ended();
        }
        if (was_ended || with.pace.is_over()) break;
        if (failed && failed.category() != make_error_code(http::error::bad_method).category()) break; // gone
        if (failed == http::error::end_of_stream) break;
        response made = plain(status_for(failed), "The request cannot be read.\n");
        if (post_route* const route = failed ? nullptr : route_of(routes, parser.get())) {
            exchange body{with, parser, descriptor, false};
            auto answered = co_await answer_post(body, *route);
            was_ended = body.was_ended;
            if (!answered) break;
            made = std::move(*answered);
        } else if (!failed) {
            with.pace.pause();
            made = co_await answer(routes, parser.get());
        }
        const bool has_body = !failed && !parser.is_done();
        const http_request& request = parser.get();
        keep_alive = !failed && !has_body && request.keep_alive() && how_many == requests::many && !stopped_;
        text.clear();
        writer_.append(
            text, made,
            {.version = request.version(), .head_only = request.method() == http::verb::head, .keep_alive = keep_alive},
            std::time(nullptr));
        with.pace.begin();
        const bool sent = co_await with.write(text);
        if (!sent) break;
        if (text.capacity() > text_bytes_kept) text = {};
        if (!keep_alive) {
            const idleness idle{*this, descriptor};
            with.pace.begin();
            co_await with.linger(lingering_bytes_max);
            was_ended = idle.ended();
        }
    }
    open_.erase(descriptor);
    if (was_ended) --making_room_;
}

// Nothing: there is nobody any more to be answered.
asio::awaitable<std::optional<response>> http_server::answer_post(exchange& with, post_route& route) {
    const request_facts head = facts_of(with.parser);
    if (auto refused = route.refuse(head)) co_return refused;
    if (beast::iequals(with.parser.get()[http::field::expect], "100-continue") && !with.parser.is_done()) {
        const bool sent = co_await with.with.write(go_on);
        if (!sent) co_return std::nullopt;
    }
    with.parser.body_limit(route.body_bytes_max());
    if (!with.parser.is_done()) {
        const idleness idle{*this, with.descriptor};
        const beast::error_code failed = co_await with.with.read_rest(with.parser);
        with.was_ended = idle.ended();
        if (with.was_ended || with.with.pace.is_over()) co_return std::nullopt;
        if (failed == http::error::body_limit) co_return route.too_large(head);
        const bool unreadable = failed && failed.category() == make_error_code(http::error::bad_chunk).category();
        if (unreadable && failed != http::error::partial_message && failed != http::error::end_of_stream)
            co_return plain(400, "The body cannot be read.\n");
        if (failed) co_return std::nullopt;
    }
    with.with.pace.pause();
    response made = co_await route.answer(head, std::move(with.parser.get().body()));
    co_return made;
}

void http_server::stop() {
    stopped_ = true;
    for (net::acceptor& each : acceptors_) each.close();
    for (const int descriptor : open_) ::shutdown(descriptor, SHUT_RDWR);
}

} // namespace carillon::control
