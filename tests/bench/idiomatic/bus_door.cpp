#include "bus_door.hpp"

#include "resp/command.hpp"
#include "resp/writer.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>

#include <cctype>
#include <utility>

namespace idiomatic {
namespace {

namespace resp = carillon::resp;

constexpr std::size_t read_bytes = 64 * 1024;
constexpr std::size_t unread_bytes_max = 1024 * 1024;

bool is_command(std::string_view given, std::string_view upper) {
    return std::equal(given.begin(), given.end(), upper.begin(), upper.end(),
                      [](unsigned char a, unsigned char b) { return std::toupper(a) == b; });
}

} // namespace

net::awaitable<void> serve_publisher(net::ip::tcp::socket socket, hub& all, worker& mine) {
    boost::beast::flat_buffer input{unread_bytes_max};
    resp::command_parser parser;
    std::string replies;
    for (;;) {
        boost::system::error_code failed;
        const auto room = input.prepare(std::min(read_bytes, input.max_size() - input.size()));
        const std::size_t count =
            co_await socket.async_read_some(room, net::redirect_error(net::use_awaitable, failed));
        if (failed) co_return;
        input.commit(count);

        replies.clear();
        bool broken = false;
        while (!broken && input.size() != 0) {
            const auto bytes = input.cdata();
            const resp::command_parser::step step = parser.next({static_cast<const char*>(bytes.data()), bytes.size()});
            if (step.what == resp::outcome::need_more) break;
            if (step.what == resp::outcome::failed) {
                broken = true;
                resp::append_error(replies, "ERR " + std::string{step.error});
            } else if (step.args.size() == 3 && is_command(step.args[0], "PUBLISH")) {
                auto message = encode(step.args[1], step.args[2]);
                if (message == nullptr) {
                    resp::append_error(replies, "ERR the payload is neither JSON nor UTF-8");
                } else {
                    std::string channel{step.args[1]};
                    const std::size_t receivers = co_await all.publish(mine, std::move(channel), std::move(message));
                    resp::append_integer(replies, static_cast<std::int64_t>(receivers));
                }
            } else if (step.args.size() == 1 && is_command(step.args[0], "PING")) {
                resp::append_simple(replies, "PONG");
            } else if (!step.args.empty()) {
                resp::append_error(replies, "ERR unknown command");
            }
            input.consume(step.consumed);
        }
        co_await net::async_write(socket, net::buffer(replies), net::redirect_error(net::use_awaitable, failed));
        if (failed || broken) co_return;
    }
}

} // namespace idiomatic
