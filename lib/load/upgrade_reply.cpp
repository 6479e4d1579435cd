#include "load/upgrade_reply.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/rfc7230.hpp>
#include <fmt/format.h>

namespace carillon::load {
namespace {

namespace beast = boost::beast;
namespace http = boost::beast::http;

upgrade_reply refused(int status, std::string why) {
    return {upgrade_reply::outcome::refused, 0, status, std::move(why)};
}

std::string_view what_is_wrong(const http::response_header<>& head, std::string_view accept) {
    if (!beast::iequals(head[http::field::upgrade], "websocket")) return "the 101 does not upgrade to websocket";
    if (!http::token_list{head[http::field::connection]}.exists("upgrade")) return "the 101 has no Connection: Upgrade";
    if (head[http::field::sec_websocket_accept] != accept) return "Sec-WebSocket-Accept is not the answer to the key";
    if (head.find(http::field::sec_websocket_extensions) != head.end())
        return "the server chose an extension that was not offered";
    return {};
}

} // namespace

upgrade_reply read_upgrade_reply(std::string_view bytes, std::string_view accept) {
    const std::size_t end = bytes.substr(0, reply_head_bytes_max).find("\r\n\r\n");
    if (end == bytes.npos) {
        if (bytes.size() >= reply_head_bytes_max) return refused(0, "the answer has no end");
        return {};
    }
    http::response_parser<http::empty_body> parser;
    parser.header_limit(static_cast<std::uint32_t>(reply_head_bytes_max));
    parser.skip(true);
    beast::error_code failed;
    const std::size_t head_bytes = end + 4;
    parser.put(boost::asio::const_buffer{bytes.data(), head_bytes}, failed);
    if (failed || !parser.is_header_done()) return refused(0, "the answer is not HTTP: " + failed.message());
    const auto& head = parser.get().base();
    const int status = static_cast<int>(head.result_int());
    if (status != 101) {
        const std::string_view reason{head.reason().data(), head.reason().size()};
        return refused(status, fmt::format("the answer is {} {}", status, reason));
    }
    if (const auto wrong = what_is_wrong(head, accept); !wrong.empty()) return refused(status, std::string{wrong});
    return {upgrade_reply::outcome::upgraded, head_bytes, status, {}};
}

} // namespace carillon::load
