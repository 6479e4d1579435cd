#include "load/publisher.hpp"
#include "resp/reply.hpp"
#include "resp/writer.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <deque>
#include <poll.h>
#include <sys/socket.h>

namespace carillon::load {
namespace {

constexpr std::size_t read_bytes = 64 * 1024;

// One connection with as many PUBLISH commands on their way as allowed.
class resp_publisher final : public publisher {
public:
    explicit resp_publisher(const options& what) : publisher{what.in_flight}, what_{what}, buffer_(read_bytes) {
        auto [socket, failed] = connect_publisher(what);
        if (!failed.empty()) break_with(std::move(failed));
        socket_ = std::move(socket);
        const url& to = *what.publish;
        if (to.password.empty()) return;
        if (to.user.empty()) {
            resp::append_command(out_, {"AUTH", to.password});
        } else {
            resp::append_command(out_, {"AUTH", to.user, to.password});
        }
        awaits_greeting_ = true;
    }

    void publish(std::uint32_t channel, std::string_view payload, clock::time_point due) override {
        const std::string name = what_.channel_of(channel);
        resp::append_command(out_, {"PUBLISH", name, payload});
        dues_.push_back(due);
        count_started(due);
    }

    void wait(clock::time_point until) override {
        send_some();
        pollfd waits{socket_.number(), static_cast<short>(out_.empty() ? POLLIN : POLLIN | POLLOUT), 0};
        const timespec sleep = time_until(until);
        if (!trouble().empty()) return;
        if (::ppoll(&waits, 1, &sleep, nullptr) <= 0) return;
        if ((waits.revents & POLLOUT) != 0) send_some();
        if ((waits.revents & ~POLLOUT) != 0) read_answers();
    }

private:
    void send_some() {
        if (out_.empty() || !trouble().empty()) return;
        const ssize_t sent = ::send(socket_.number(), out_.data(), out_.size(), MSG_NOSIGNAL);
        if (sent > 0) out_.erase(0, static_cast<std::size_t>(sent));
        if (sent < 0 && errno != EAGAIN && errno != EINTR) break_with("publishing: " + last_error().message());
    }

    void read_answers() {
        const ssize_t count = ::recv(socket_.number(), buffer_.data(), buffer_.size(), 0);
        if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
        if (count < 0) return break_with("publishing: " + last_error().message());
        if (count == 0) return break_with("publishing: the server closed the connection");
        in_.append(buffer_.data(), static_cast<std::size_t>(count));
        std::size_t read = 0;
        for (;;) {
            const auto step = parser_.next(std::string_view{in_}.substr(read));
            if (step.what == resp::outcome::failed) return break_with("publishing: " + std::string{step.error});
            if (step.what == resp::outcome::need_more) break;
            take(step.nodes.front());
            read += step.consumed;
        }
        in_.erase(0, read);
    }

    void take(const resp::node& answer) {
        const bool refused = answer.kind == resp::type::error || answer.kind == resp::type::blob_error;
        if (awaits_greeting_) {
            awaits_greeting_ = false;
            if (refused) break_with("publishing: " + std::string{answer.text});
            return;
        }
        if (dues_.empty()) return break_with("publishing: an answer to nothing");
        const clock::time_point due = dues_.front();
        dues_.pop_front();
        count_answer(due, refused ? answer.text : std::string_view{});
    }

    const options& what_;
    descriptor socket_;
    std::vector<char> buffer_;
    std::string out_, in_;
    resp::reply_parser parser_;
    std::deque<clock::time_point> dues_; // of what is on its way
    bool awaits_greeting_ = false;
};

} // namespace

std::unique_ptr<publisher> make_resp_publisher(const options& what) { return std::make_unique<resp_publisher>(what); }

} // namespace carillon::load
