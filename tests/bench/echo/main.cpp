// websocket_echo PORT: a WebSocket server on loopback that sends back what it is sent, out of lib/http and lib/ws. For
// suites that test WebSocket servers, which want an echo (docs/conformance.md).

#include "base/bytes.hpp"
#include "base/check.hpp"
#include "http/upgrade.hpp"
#include "ws/assembler.hpp"
#include "ws/close.hpp"
#include "ws/deflater.hpp"

#include <arpa/inet.h>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <list>
#include <netinet/in.h>
#include <optional>
#include <poll.h>
#include <string>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

namespace {

using namespace carillon;

constexpr std::size_t message_bytes_max = 17 * 1024 * 1024; // suites go to 16 MiB
const std::string every_origin = "*";

struct compression {
    ws::inflater inflater;
    ws::deflater deflater{1};
};

class connection {
public:
    connection(int descriptor, compression& by) : descriptor_{descriptor}, by_{by} {}
    connection(const connection&) = delete;
    connection& operator=(const connection&) = delete;
    ~connection() { ::close(descriptor_); }

    int descriptor() const noexcept { return descriptor_; }
    short waits_for() const noexcept { return static_cast<short>((ends_ ? 0 : POLLIN) | (out_.empty() ? 0 : POLLOUT)); }
    bool is_done() const noexcept { return gone_ || (ends_ && out_.empty()); }

    void read() {
        std::array<std::byte, 64 * 1024> buffer;
        const ssize_t got = ::recv(descriptor_, buffer.data(), buffer.size(), MSG_DONTWAIT);
        if (got <= 0) {
            gone_ = true;
        } else {
            take(std::span{buffer}.first(static_cast<std::size_t>(got)));
        }
    }
    void write() {
        const ssize_t sent = ::send(descriptor_, out_.data(), out_.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent < 0) {
            gone_ = true;
        } else {
            out_.erase(0, static_cast<std::size_t>(sent));
        }
    }

private:
    void take(std::span<std::byte> bytes) {
        if (frames_) return hear(bytes);
        head_ += as_text(bytes);
        http::request_head head;
        const http::parse_result parsed = http::parse_head(head_, scanned_, head);
        if (parsed.outcome == http::parse_outcome::need_more) return;
        std::array<char, http::reply_bytes_max> reply;
        ends_ = true;
        if (parsed.outcome == http::parse_outcome::refused) {
            out_.append(reply.data(), http::write_refusal(reply, parsed.refusal, parsed.reason));
            return;
        }
        const auto verdict = http::decide_upgrade(
            head, {.path = head.path(), .subprotocols = {}, .allowed_origins = {&every_origin, 1}, .deflate = true});
        if (verdict.code != http::status::switching_protocols) {
            out_.append(reply.data(), http::write_refusal(reply, verdict.code, verdict.reason));
            return;
        }
        ends_ = false;
        out_.append(reply.data(), http::write_switching_protocols(reply, verdict));
        agreed_ = verdict.deflate;
        const bool compressed = agreed_ != http::deflate_agreement::none;
        frames_.emplace(ws::role::server, ws::message_limits{.message_bytes_max = message_bytes_max,
                                                             .inflating = compressed ? &by_.inflater : nullptr});
        std::string behind = head_.substr(head.size());
        hear(std::as_writable_bytes(std::span{behind}));
    }

    void hear(std::span<std::byte> bytes) {
        for (;;) {
            const ws::event said = frames_->next(bytes);
            switch (said.what) {
            case ws::event::kind::none: return;
            case ws::event::kind::message: echo(said); break;
            case ws::event::kind::ping: ws::append_frame(out_, ws::opcode::pong, as_text(said.payload)); break;
            case ws::event::kind::pong: break;
            case ws::event::kind::close:
            case ws::event::kind::failed: {
                std::array<std::byte, ws::close_frame_bytes_max> frame;
                const std::size_t size = ws::encode_close(frame, said.close_code, {});
                out_ += as_text(std::span{frame}.first(size));
                ends_ = true;
                return;
            }
            }
        }
    }

    void echo(const ws::event& said) {
        const std::string_view message = as_text(said.payload);
        std::string deflated;
        const auto window =
            agreed_ == http::deflate_agreement::narrow ? ws::deflate_window::narrow : ws::deflate_window::wide;
        const bool shorter =
            agreed_ != http::deflate_agreement::none && by_.deflater.deflate(message, window, deflated);
        const std::size_t begin = out_.size();
        ws::append_frame(out_, said.op, shorter ? std::string_view{deflated} : message);
        if (shorter) out_[begin] = static_cast<char>(out_[begin] | ws::deflated_bit);
    }

    int descriptor_;
    compression& by_;
    std::string head_;
    std::size_t scanned_ = 0;
    http::deflate_agreement agreed_ = http::deflate_agreement::none;
    std::optional<ws::assembler> frames_;
    std::string out_;
    bool ends_ = false;
    bool gone_ = false;
};

int listen_on(std::uint16_t port) {
    const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
    const int yes = 1;
    ::setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_port = htons(port);
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(::bind(listener, reinterpret_cast<sockaddr*>(&where), sizeof where) == 0);
    CHECK(::listen(listener, 128) == 0);
    return listener;
}

} // namespace

int main(int count, char** arguments) {
    if (count != 2) {
        std::fputs("usage: websocket_echo PORT\n", stderr);
        return 2;
    }
    const int listener = listen_on(static_cast<std::uint16_t>(std::atoi(arguments[1])));
    compression shared;
    std::list<connection> all;
    for (;;) {
        std::vector<pollfd> looked_at{{listener, POLLIN, 0}};
        for (const connection& each : all) looked_at.push_back({each.descriptor(), each.waits_for(), 0});
        if (::poll(looked_at.data(), looked_at.size(), -1) < 0) return 1;
        auto found = looked_at.begin() + 1;
        for (connection& each : all) {
            const short ready = (found++)->revents;
            if ((ready & (POLLIN | POLLHUP | POLLERR)) != 0) each.read();
            if ((ready & POLLOUT) != 0) each.write();
        }
        all.remove_if([](const connection& each) { return each.is_done(); });
        if ((looked_at.front().revents & POLLIN) != 0) {
            const int accepted = ::accept(listener, nullptr, nullptr);
            if (accepted >= 0) all.emplace_back(accepted, shared);
        }
    }
}
