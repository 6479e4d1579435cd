#pragma once

#include "control/answer_text.hpp"
#include "control/patience.hpp"
#include "control/routes.hpp"
#include "metrics/labelled.hpp"
#include "metrics/labels.hpp"
#include "net/acceptor.hpp"
#include "tls/stream.hpp"

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace carillon::control {

struct http_options {
    std::size_t connections_max = 256; ///< for one more, the one that has been silent longest is closed
    std::chrono::milliseconds request_timeout{
        5'000};                        ///< for a request to arrive, or its answer to leave; idle connections too
    std::size_t head_bytes_max = 8192; ///< of a request
    /// Where TLS is spoken with those who come to an address of its own; outlives the server. Its handshake has the
    /// time of the request that follows it. Null: no TLS.
    tls::entrance* entrance = nullptr;
};

/// The HTTP of the control plane and the pages: Boost.Beast, a coroutine for each connection, on a thread of its own
/// and never on the hot path. Bodies are read for those routes that want one; any other request that has one is
/// answered by its path and method, and then its connection ends. Thread: that of its io_context, except `adopt`.
class http_server {
public:
    http_server(boost::asio::io_context& context, const http_options& options);
    http_server(const http_server&) = delete;
    http_server& operator=(const http_server&) = delete;

    /// Serves `routes` on an address of its own: a numeric host, "localhost" or the path of a unix socket. Returns the
    /// port. The table outlives the server. Throws boost::system::system_error.
    std::uint16_t listen(const std::string& host, std::uint16_t port, const route_table& routes);

    /// Serves `routes` on a socket that another process has had, and that is ours from now on. Throws as above.
    std::uint16_t listen_on(int descriptor, const std::string& host, const route_table& routes);
    /// Nobody else has those sockets any more.
    void take_files();
    /// The sockets it listens on, by their hosts.
    std::vector<std::pair<std::string, int>> sockets();
    /// Another process goes on with them; who is connected is still answered.
    void hand_over();

    /// Serves one request on a connection that somebody else accepted and of which `bytes` have been read, and ends it:
    /// what is asked for next may be for whoever accepted it (docs/decisions/0020). Any thread.
    void adopt(int descriptor, std::string bytes, const route_table& routes);

    /// No more connections; open ones are closed.
    void stop();

    std::size_t connections() const noexcept { return open_.size(); }
    /// What has become of TLS handshakes.
    const metrics::by<metrics::tls_handshake>& handshakes() const noexcept { return handshakes_; }
    /// Where it listens, as the options take it.
    std::vector<std::string> where() const;

private:
    using socket = boost::asio::basic_stream_socket<net::acceptor::protocol>;
    enum class requests : std::uint8_t { one, many };
    class idleness;
    struct visitor;
    struct question;

    boost::asio::awaitable<void> accept(net::acceptor& from, const route_table& routes);
    void start(socket accepted, std::unique_ptr<tls::stream> encryption, std::string bytes, const route_table& routes,
               requests how_many);
    void encrypt(socket accepted, const route_table& routes);
    boost::asio::awaitable<void> serve(socket accepted, std::unique_ptr<tls::stream> encryption, std::string bytes,
                                       const route_table& routes, requests how_many);
    boost::asio::awaitable<void> say_goodbye(visitor& who);
    void count_handshake(visitor& who, bool at_the_end);
    boost::asio::awaitable<bool> read(visitor& who, question& into);
    boost::asio::awaitable<bool> read_body(visitor& who, question& into);
    bool joins(const visitor& who, const std::list<question>& all) const;
    boost::asio::awaitable<void> answer_all(const visitor& who, std::list<question>& all);
    bool make_room();

    boost::asio::io_context* context_;
    http_options options_;
    patience patience_;
    answer_writer writer_;
    std::list<net::acceptor> acceptors_;
    std::set<int> open_;        // descriptors, to shut them down at the end
    std::list<idleness*> idle_; // connections that owe a request, or have had their answer; the longest first
    metrics::by<metrics::tls_handshake> handshakes_;
    std::size_t making_room_ = 0; // of open_, those that have been told to end
    bool stopped_ = false;
};

} // namespace carillon::control
