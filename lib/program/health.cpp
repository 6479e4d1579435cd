#include "program/health.hpp"

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
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

} // namespace

health ask_health(const config::settings& how, const std::string& page) {
    const auto& where = how.control_listen;
    if (where.port == 0) return {false, "control-listen has port 0: nobody knows which port that became"};
    boost::asio::io_context context;
    tcp::socket socket{context};
    std::string answer;
    boost::system::error_code failed = boost::asio::error::timed_out;
    const std::string request = fmt::format("GET /{} HTTP/1.0\r\n\r\n", page);
    socket.async_connect({reachable(where.host), where.port}, [&](boost::system::error_code why) {
        if (failed = why; why) return;
        failed = boost::asio::error::timed_out;
        boost::asio::async_write(socket, boost::asio::buffer(request), [&](boost::system::error_code unsent, auto) {
            if (unsent) failed = unsent;
            if (unsent) return;
            boost::asio::async_read(socket, boost::asio::dynamic_buffer(answer, answer_bytes_max),
                                    [&](boost::system::error_code end, auto) {
                                        failed = end == boost::asio::error::eof ? boost::system::error_code{} : end;
                                    });
        });
    });
    context.run_for(patience);
    if (failed) return {false, fmt::format("{} does not answer: {}", to_string(where), failed.message())};
    return told_by(answer, page);
}

} // namespace carillon::program
