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
// Requests that are answered together.
constexpr std::size_t together_max = 64;
constexpr std::string_view continue_line = "HTTP/1.1 100 Continue\r\n\r\n";

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

// Whoever has connected.
struct http_server::visitor {
    http_connection with;
    const route_table& routes;
    int descriptor;
    requests how_many;
    bool was_ended = false;        // in favour of a new connection
    bool handshake_counted = true; // or there is none
};

// A request, as far as it has been read.
struct http_server::question {
    request_parser parser{};
    request_facts head{};           // where it is for a route of its own
    post_route* route = nullptr;    // that route
    std::optional<response> made{}; // its answer
    bool last = false;              // what follows on the connection is not read
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

std::uint16_t http_server::listen_on(int descriptor, const std::string& host, const route_table& routes) {
    net::acceptor& taken = acceptors_.emplace_back(*context_, descriptor, host);
    asio::co_spawn(*context_, accept(taken, routes), asio::detached);
    return taken.port();
}

std::vector<std::pair<std::string, int>> http_server::sockets() {
    std::vector<std::pair<std::string, int>> all;
    for (net::acceptor& each : acceptors_) {
        if (each.get().is_open()) all.emplace_back(each.host(), each.descriptor());
    }
    return all;
}

void http_server::take_files() {
    for (net::acceptor& each : acceptors_) each.take_file();
}

void http_server::hand_over() {
    for (net::acceptor& each : acceptors_) {
        each.leave_file();
        each.close();
    }
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
        if (stopped_ || !from.get().is_open()) break;
        if (!failed) {
            if (options_.entrance != nullptr) {
                encrypt(std::move(accepted), routes);
            } else {
                start(std::move(accepted), nullptr, {}, routes, requests::many);
            }
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
        start(std::move(taken), nullptr, std::move(bytes), routes, requests::one);
    });
}

void http_server::encrypt(socket accepted, const route_table& routes) {
    auto made = tls::stream::accept(options_.entrance->now());
    if (made == nullptr) {
        ++handshakes_(metrics::tls_handshake::refused);
    } else {
        start(std::move(accepted), std::move(made), {}, routes, requests::many);
    }
}

void http_server::start(socket accepted, std::unique_ptr<tls::stream> encryption, std::string bytes,
                        const route_table& routes, requests how_many) {
    if (stopped_) return; // closing says it
    if (open_.size() - making_room_ >= options_.connections_max && !make_room()) {
        if (encryption != nullptr) ++handshakes_(metrics::tls_handshake::refused);
        return;
    }
    open_.insert(accepted.native_handle());
    asio::co_spawn(*context_, serve(std::move(accepted), std::move(encryption), std::move(bytes), routes, how_many),
                   asio::detached);
}

// False: all are in the middle of an answer.
bool http_server::make_room() {
    if (idle_.empty()) return false;
    ++making_room_;
    idle_.front()->end();
    return true;
}

asio::awaitable<void> http_server::serve(socket accepted, std::unique_ptr<tls::stream> encryption, std::string bytes,
                                         const route_table& routes, requests how_many) {
    const int descriptor = accepted.native_handle();
    visitor who{{std::move(accepted), std::move(encryption), bytes, 2 * options_.head_bytes_max, patience_},
                routes,
                descriptor,
                how_many};
    who.handshake_counted = who.with.encryption() == nullptr;
    std::string text;
    for (bool goes_on = true; goes_on;) {
        std::list<question> all;
        bool here = co_await read(who, all.emplace_back());
        count_handshake(who, false);
        while (here && joins(who, all)) {
            const bool next = co_await read(who, all.emplace_back());
            here = next;
        }
        if (!here) break;
        who.with.pace.pause();
        co_await answer_all(who, all);
        goes_on = !all.back().last && !stopped_;
        text.clear();
        for (const question& each : all) {
            const http_request& request = each.parser.get();
            writer_.append(text, *each.made,
                           {.version = request.version(),
                            .head_only = request.method() == http::verb::head,
                            .keep_alive = goes_on || &each != &all.back()},
                           std::time(nullptr));
        }
        who.with.pace.begin();
        const bool sent = co_await who.with.write(text);
        if (!sent) break;
        if (text.capacity() > text_bytes_kept) text = {};
        if (!goes_on) co_await say_goodbye(who);
    }
    count_handshake(who, true);
    if (who.with.handshake_failed() && !who.was_ended) co_await say_goodbye(who);
    open_.erase(descriptor);
    if (who.was_ended) --making_room_;
}

// Nothing follows, but the last that was said may not have arrived.
asio::awaitable<void> http_server::say_goodbye(visitor& who) {
    const idleness idle{*this, who.descriptor};
    who.with.pace.begin();
    co_await who.with.linger(lingering_bytes_max);
    who.was_ended = idle.ended();
}

void http_server::count_handshake(visitor& who, bool at_the_end) {
    if (who.handshake_counted) return;
    using metrics::tls_handshake;
    const tls::stream& of = *who.with.encryption();
    if (!of.established() && !at_the_end) return;
    who.handshake_counted = true;
    ++handshakes_(of.established()              ? of.resumed() ? tls_handshake::resumed : tls_handshake::full
                  : who.with.handshake_failed() ? tls_handshake::failed
                  : who.was_ended || who.with.pace.is_over() || stopped_ ? tls_handshake::cut
                                                                         : tls_handshake::abandoned);
}

// Whether the next one may be answered together with these.
bool http_server::joins(const visitor& who, const std::list<question>& all) const {
    const question& first = all.front();
    if (all.back().last || all.size() == together_max || first.route == nullptr) return false;
    if (!first.route->joins(first.head.path)) return false;
    const auto path = who.with.next_post();
    return path && who.routes.find_post(*path) == first.route && first.route->joins(*path);
}

// False: there is nobody any more to be answered.
asio::awaitable<bool> http_server::read(visitor& who, question& into) {
    request_parser& parser = into.parser;
    parser.header_limit(static_cast<std::uint32_t>(options_.head_bytes_max));
    parser.body_limit(boost::none);
    who.with.pace.begin();
    beast::error_code failed = who.with.take_head(parser);
    if (failed == http::error::need_more) {
        const idleness idle{*this, who.descriptor};
        const beast::error_code unread = co_await who.with.read_head(parser);
        failed = unread;
        who.was_ended = idle.ended();
    }
    if (who.was_ended || who.with.pace.is_over() || failed == http::error::end_of_stream) co_return false;
    if (failed && failed.category() != make_error_code(http::error::bad_method).category()) co_return false;
    if (failed) {
        into.made = plain(status_for(failed), "The request cannot be read.\n");
        into.last = true;
        co_return true;
    }
    into.route = route_of(who.routes, parser.get());
    if (into.route != nullptr) {
        const bool here = co_await read_body(who, into);
        if (!here) co_return false;
    }
    into.last = !parser.is_done() || !parser.get().keep_alive() || who.how_many == requests::one;
    co_return true;
}

// The same for what follows the head, if it is wanted.
asio::awaitable<bool> http_server::read_body(visitor& who, question& into) {
    request_parser& parser = into.parser;
    into.head = facts_of(parser);
    into.head.encrypted = who.with.encryption() != nullptr;
    into.made = into.route->refuse(into.head);
    if (into.made) co_return true;
    if (!parser.is_done() && beast::iequals(parser.get()[http::field::expect], "100-continue")) {
        const bool sent = co_await who.with.write(continue_line);
        if (!sent) co_return false;
    }
    parser.body_limit(into.route->body_bytes_max());
    beast::error_code failed = who.with.take_rest(parser);
    if (failed == http::error::need_more) {
        const idleness idle{*this, who.descriptor};
        const beast::error_code unread = co_await who.with.read_rest(parser);
        failed = unread;
        who.was_ended = idle.ended();
    }
    if (who.was_ended || who.with.pace.is_over()) co_return false;
    if (!failed) co_return true;
    const bool unreadable = failed.category() == make_error_code(http::error::bad_chunk).category() &&
                            failed != http::error::partial_message && failed != http::error::end_of_stream;
    if (!unreadable) co_return false;
    into.made =
        failed == http::error::body_limit ? into.route->too_large(into.head) : plain(400, "The body cannot be read.\n");
    co_return true;
}

asio::awaitable<void> http_server::answer_all(const visitor& who, std::list<question>& all) {
    question& first = all.front();
    if (all.size() > 1) {
        std::vector<asked> together;
        for (question& each : all) {
            if (!each.made) together.push_back({&each.head, std::move(each.parser.get().body())});
        }
        std::vector<response> made = co_await first.route->answer_all(std::move(together));
        auto next = made.begin();
        for (question& each : all) {
            if (!each.made) each.made = std::move(*next++);
        }
    } else if (!first.made && first.route != nullptr) {
        response made = co_await first.route->answer(first.head, std::move(first.parser.get().body()));
        first.made = std::move(made);
    } else if (!first.made) {
        response made = co_await answer(who.routes, first.parser.get());
        first.made = std::move(made);
    }
}

void http_server::stop() {
    stopped_ = true;
    for (net::acceptor& each : acceptors_) each.close();
    for (const int descriptor : open_) ::shutdown(descriptor, SHUT_RDWR);
}

} // namespace carillon::control
