#include "load/dialect.hpp"
#include "load/publisher.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <deque>
#include <optional>
#include <poll.h>
#include <sys/socket.h>
#include <utility>
#include <vector>

namespace carillon::load {
namespace {

namespace http = boost::beast::http;

constexpr std::size_t read_bytes = 16 * 1024;
constexpr std::size_t answer_bytes_max = 1024 * 1024;

struct publication {
    std::string request;
    clock::time_point due;
};

// One keep-alive connection: one request at a time, the others wait in their order.
struct lane {
    descriptor socket;
    std::deque<publication> waiting; // the front one is on its way if `busy`
    std::string unsent;
    std::string in;
    std::optional<http::response_parser<http::string_body>> parser;
    bool busy = false;
};

class http_publisher final : public publisher {
public:
    explicit http_publisher(const options& what) : publisher{what.in_flight}, what_{what}, lanes_(what.publishers) {
        for (lane& each : lanes_)
            if (!reopen(each)) return;
    }

    void publish(std::uint32_t channel, std::string_view payload, clock::time_point due) override {
        lanes_[channel % lanes_.size()].waiting.push_back({request(what_.channel_of(channel), payload), due});
        count_started(due);
    }

    void wait(clock::time_point until) override {
        for (lane& each : lanes_) start_next(each);
        waits_.clear();
        for (const lane& each : lanes_)
            waits_.push_back(
                {each.socket.number(), static_cast<short>(each.unsent.empty() ? POLLIN : POLLIN | POLLOUT), 0});
        if (!trouble().empty()) return;
        const timespec sleep = time_until(until);
        if (::ppoll(waits_.data(), waits_.size(), &sleep, nullptr) <= 0) return;
        for (std::size_t i = 0; i < lanes_.size(); ++i) {
            if ((waits_[i].revents & POLLOUT) != 0) send_some(lanes_[i]);
            if ((waits_[i].revents & ~POLLOUT) != 0) read(lanes_[i]);
        }
    }

private:
    std::string request(const std::string& channel, std::string_view payload) const {
        std::string body = with_channel(what_.publish_body, channel);
        constexpr std::string_view place = "{payload}";
        for (std::size_t at = body.find(place); at != body.npos; at = body.find(place, at + payload.size()))
            body.replace(at, place.size(), payload);
        std::string lines;
        for (const std::string& line : what_.publish_headers) lines += line + "\r\n";
        return fmt::format(
            "POST {} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n{}\r\n{}",
            with_channel(what_.publish->target, channel), what_.publish->authority(), body.size(), lines, body);
    }

    bool reopen(lane& which) {
        auto [socket, failed] = connect_publisher(what_);
        if (!failed.empty()) break_with(std::move(failed));
        which.socket = std::move(socket);
        which.in.clear();
        return trouble().empty();
    }

    void start_next(lane& which) {
        if (which.busy || which.waiting.empty()) return;
        which.busy = true;
        which.parser.emplace();
        which.parser->eager(true);
        which.parser->body_limit(answer_bytes_max);
        which.unsent = which.waiting.front().request;
        send_some(which);
    }

    void send_some(lane& which) {
        if (which.unsent.empty()) return;
        const ssize_t sent = ::send(which.socket.number(), which.unsent.data(), which.unsent.size(), MSG_NOSIGNAL);
        if (sent > 0) which.unsent.erase(0, static_cast<std::size_t>(sent));
        if (sent < 0 && errno != EAGAIN && errno != EINTR) break_with("publishing: " + last_error().message());
    }

    void read(lane& which) {
        std::array<char, read_bytes> buffer;
        const ssize_t count = ::recv(which.socket.number(), buffer.data(), buffer.size(), 0);
        if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
        if (count < 0) return break_with("publishing: " + last_error().message());
        if (!which.busy) { // it ends a connection that nobody uses, or says what nobody asked for
            reopen(which);
            return;
        }
        if (count == 0) return break_with("publishing: the server closed the connection");
        which.in.append(buffer.data(), static_cast<std::size_t>(count));
        boost::beast::error_code failed;
        const std::size_t used = which.parser->put(boost::asio::const_buffer{which.in.data(), which.in.size()}, failed);
        which.in.erase(0, used);
        if (failed && failed != http::error::need_more) return break_with("publishing: " + failed.message());
        if (which.parser->is_done()) take(which);
    }

    void take(lane& which) {
        const auto& answer = which.parser->get();
        const bool good = answer.result_int() >= 200 && answer.result_int() < 300;
        const std::string refusal =
            good ? "" : fmt::format("{} {}", answer.result_int(), std::string_view{answer.reason()});
        const bool lasts = which.parser->keep_alive();
        count_answer(which.waiting.front().due, refusal);
        which.waiting.pop_front();
        which.busy = false;
        if (lasts || reopen(which)) start_next(which);
    }

    const options& what_;
    std::vector<lane> lanes_;
    std::vector<pollfd> waits_;
};

} // namespace

std::unique_ptr<publisher> make_http_publisher(const options& what) { return std::make_unique<http_publisher>(what); }

} // namespace carillon::load
