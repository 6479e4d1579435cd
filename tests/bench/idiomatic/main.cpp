// A notification server as a good C++ programmer would write it with Boost and without wondering what an idle
// connection costs: README.md.
#include "bus_door.hpp"
#include "hub.hpp"
#include "session.hpp"

#include <CLI/CLI.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>

#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <sys/resource.h>

namespace idiomatic {
namespace {

using net::ip::tcp;

struct options {
    std::string host = "127.0.0.1";
    std::uint16_t port = 8000;
    std::uint16_t bus_port = 6379;
    std::size_t threads = 1;
};

tcp::acceptor listen_at(worker& on, const std::string& host, std::uint16_t port) {
    tcp::acceptor acceptor{on.context, {net::ip::make_address(host), port}};
    acceptor.set_option(tcp::no_delay{true}); // inherited by what is accepted
    acceptor.listen(65535);
    return acceptor;
}

// The next connection, for the thread of `to`. Without descriptors it tries again later.
net::awaitable<tcp::socket> accept(tcp::acceptor& acceptor, worker& to) {
    net::steady_timer pause{acceptor.get_executor()};
    for (;;) {
        boost::system::error_code failed;
        tcp::socket socket{to.context};
        co_await acceptor.async_accept(socket, net::redirect_error(net::use_awaitable, failed));
        if (!failed) co_return socket;
        pause.expires_after(std::chrono::milliseconds{10});
        co_await pause.async_wait(net::redirect_error(net::use_awaitable, failed));
    }
}

net::awaitable<void> accept_clients(tcp::acceptor acceptor, hub& all) {
    for (;;) {
        worker& to = all.next();
        tcp::socket socket = co_await accept(acceptor, to);
        std::make_shared<session>(std::move(socket), all, to)->start();
    }
}

net::awaitable<void> accept_publishers(tcp::acceptor acceptor, hub& all) {
    for (;;) {
        worker& mine = all.first();
        tcp::socket socket = co_await accept(acceptor, mine);
        net::co_spawn(mine.context, serve_publisher(std::move(socket), all, mine), net::detached);
    }
}

void run(const options& given) {
    hub all{given.threads};
    worker& first = all.first();
    net::signal_set signals{first.context, SIGTERM, SIGINT};
    signals.async_wait([&](const boost::system::error_code&, int) { all.stop(); });
    net::co_spawn(first.context, accept_clients(listen_at(first, given.host, given.port), all), net::detached);
    net::co_spawn(first.context, accept_publishers(listen_at(first, given.host, given.bus_port), all), net::detached);
    all.run();
}

void allow_all_descriptors() {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

} // namespace
} // namespace idiomatic

int main(int argc, char** argv) {
    idiomatic::options given;
    CLI::App app{"WebSocket notifications with Boost.Beast, for comparison", "carillon-idiomatic"};
    app.add_option("--host", given.host, "address to listen at")->capture_default_str();
    app.add_option("--port", given.port, "port of the WebSockets")->capture_default_str();
    app.add_option("--bus-port", given.bus_port, "port where PUBLISH is understood")->capture_default_str();
    app.add_option("--threads", given.threads, "threads, each with its own io_context")
        ->check(CLI::Range(1, 1024))
        ->capture_default_str();
    try {
        app.parse(argc, argv);
    } catch (const CLI::Success& asked_for_help) {
        return app.exit(asked_for_help);
    } catch (const CLI::ParseError& wrong) {
        fmt::print(stderr, "carillon-idiomatic: {}\n", wrong.what());
        return 2;
    }
    try {
        idiomatic::allow_all_descriptors();
        idiomatic::run(given);
    } catch (const std::exception& failed) {
        fmt::print(stderr, "carillon-idiomatic: {}\n", failed.what());
        return 1;
    }
    return 0;
}
