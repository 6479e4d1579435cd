#include "program/health.hpp"

#include "gateway/encryption.hpp"
#include "tls/trust.hpp"

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>
#include <fmt/format.h>

#include <chrono>
#include <string_view>

namespace carillon::program {

namespace {

using boost::asio::ip::tcp;

// As much as a check of Docker's or Kubernetes' may take.
constexpr std::chrono::milliseconds patience{2'500};
constexpr std::size_t answer_bytes_max = 4'096;

// Who listens on every address is asked on loopback.
boost::asio::ip::address reachable(const std::string& host) {
    const auto where = boost::asio::ip::make_address(host);
    if (!where.is_unspecified()) return where;
    if (where.is_v6()) return boost::asio::ip::address_v6::loopback();
    return boost::asio::ip::address_v4::loopback();
}

// "HTTP/1.0 503 Service Unavailable\r\n...\r\n\r\nshutting down\n"
health told_by(std::string_view answer, const std::string& page) {
    const std::size_t space = answer.find(' '), body = answer.find("\r\n\r\n");
    if (!answer.starts_with("HTTP/1.") || space == answer.npos || body == answer.npos)
        return {false, fmt::format("/{}: the answer is no HTTP", page)};
    std::string_view words = answer.substr(body + 4);
    words = words.substr(0, words.find('\n'));
    const std::string_view status = answer.substr(space + 1, 3);
    return {status == "200", fmt::format("/{}: {} {}", page, status, words)};
}

// One request and its answer, over `stream`, whose socket is connected.
template <class Stream>
struct exchange {
    explicit exchange(Stream& over, const std::string& page)
        : stream{over}, request{fmt::format("GET /{} HTTP/1.0\r\n\r\n", page)} {}

    void start() {
        boost::asio::async_write(stream, boost::asio::buffer(request), [this](boost::system::error_code unsent, auto) {
            if (unsent) failed = unsent;
            if (!unsent) read();
        });
    }
    void read() {
        boost::asio::async_read(stream, boost::asio::dynamic_buffer(answer, answer_bytes_max),
                                [this](boost::system::error_code end, auto) {
                                    failed = end == boost::asio::error::eof ? boost::system::error_code{} : end;
                                });
    }

    Stream& stream;
    std::string request;
    std::string answer;
    boost::system::error_code failed = boost::asio::error::timed_out;
};

using error_code = boost::system::error_code;

error_code ask(const tcp::endpoint& whom, const std::string& page, std::string& answer) {
    boost::asio::io_context context;
    tcp::socket socket{context};
    exchange talk{socket, page};
    socket.async_connect(whom, [&](error_code why) {
        if (why) talk.failed = why;
        if (!why) talk.start();
    });
    context.run_for(patience);
    answer = std::move(talk.answer);
    return talk.failed;
}

error_code ask_encrypted(const tcp::endpoint& whom, const std::string& page, const tls::trust& with,
                         std::string& answer) {
    namespace ssl = boost::asio::ssl;
    SSL_CTX_up_ref(with.context());
    ssl::context how{with.context()}; // takes one reference
    boost::asio::io_context context;
    ssl::stream<tcp::socket> stream{context, how};
    exchange talk{stream, page};
    stream.lowest_layer().async_connect(whom, [&](error_code unconnected) {
        if (unconnected) talk.failed = unconnected;
        if (unconnected) return;
        stream.async_handshake(ssl::stream_base::client, [&](error_code why) {
            if (why) talk.failed = why;
            if (!why) talk.start();
        });
    });
    context.run_for(patience);
    answer = std::move(talk.answer);
    return talk.failed;
}

} // namespace

health ask_health(config::program which, const config::settings& how, const std::string& page) {
    const auto& where = how.control_listen;
    if (where.port == 0) return {false, "control-listen has port 0: nobody knows which port that became"};
    const tcp::endpoint whom{reachable(where.host), where.port};
    std::string answer;
    error_code failed;
    using gateway::encryption;
    if (encryption::is_spoken(which, how, encryption::port::control)) {
        std::shared_ptr<const tls::trust> with;
        if (auto why = tls::trust::read({.certificate_file = how.tls_certificate_files.front(),
                                         .key_file = how.tls_key_files.front(),
                                         .anybody = true},
                                        with))
            return {false, *why};
        failed = ask_encrypted(whom, page, *with, answer);
    } else {
        failed = ask(whom, page, answer);
    }
    if (failed) return {false, fmt::format("{} does not answer: {}", to_string(where), failed.message())};
    return told_by(answer, page);
}

} // namespace carillon::program
