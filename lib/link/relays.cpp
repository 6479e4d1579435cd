#include "link/relays.hpp"

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <array>
#include <cerrno>
#include <chrono>
#include <span>
#include <string>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

namespace carillon::link {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

constexpr std::size_t buffer_bytes = 16 * 1024; // in each direction
constexpr int steps_max = 16;                   // before other events get their turn
constexpr std::chrono::seconds patience{5};     // with a peer that has had its answer

long outcome(ssize_t value) noexcept { return value < 0 ? -long{errno} : long{value}; }

class socket_wire final : public tls::wire {
public:
    explicit socket_wire(int descriptor) noexcept : descriptor_{descriptor} {}
    long read(std::span<std::byte> into) override {
        return outcome(::recv(descriptor_, into.data(), into.size(), MSG_DONTWAIT));
    }
    long write(std::span<const std::byte> bytes) override {
        return outcome(::send(descriptor_, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL));
    }

private:
    int descriptor_;
};

} // namespace

// Both directions are looked at whenever anything has happened; what can happen next is waited for.
class relays::relay : public std::enable_shared_from_this<relay> {
public:
    relay(relays& whose, int client, int page, std::unique_ptr<tls::stream> with)
        : whose_{&whose}, client_{whose.context_, client}, page_{whose.context_, page}, late_{whose.context_},
          with_{std::move(with)} {}

    void go_on() {
        for (int step = 0; step < steps_max && !ended_; ++step) {
            const bool up = towards_page();
            const bool down = !ended_ && towards_client();
            if (!up && !down) return ended_ ? void() : await();
        }
        if (!ended_) asio::post(whose_->context_, [self = shared_from_this()] { self->go_on(); });
    }

    void end() {
        if (std::exchange(ended_, true)) return;
        error_code ignored;
        client_.close(ignored);
        page_.close(ignored);
        late_.cancel();
        --whose_->counters_.tls_relays;
        whose_->open_.erase(shared_from_this());
    }

private:
    struct waiting {
        asio::posix::stream_descriptor& on;
        asio::posix::stream_descriptor::wait_type what;
        bool& is;
    };

    // Both: true if something has been done.
    bool towards_page() {
        if (!up_.empty()) return pass_up();
        if (client_ended_) return false;
        socket_wire wire{client_.native_handle()};
        std::array<std::byte, buffer_bytes> buffer;
        const tls::stream::received got = with_->receive(wire, buffer);
        if (got.bytes > 0) {
            up_.assign(reinterpret_cast<const char*>(buffer.data()), got.bytes);
            return true;
        }
        if (got.error == EAGAIN) return got.more;
        client_ended_ = true;
        if (got.error != 0 || page_ended_) {
            end();
        } else {
            ::shutdown(page_.native_handle(), SHUT_WR);
        }
        return true;
    }

    bool pass_up() {
        const long count = outcome(::send(page_.native_handle(), up_.data(), up_.size(), MSG_DONTWAIT | MSG_NOSIGNAL));
        if (count == -EAGAIN) return false;
        if (count < 0) {
            // Nobody reads it any more, but the answer may be on its way.
            up_.clear();
            return page_ended_ ? (end(), true) : false;
        }
        up_.erase(0, static_cast<std::size_t>(count));
        return true;
    }

    bool towards_client() {
        socket_wire wire{client_.native_handle()};
        if (with_->has_unsent() || !down_.empty()) return pass_down(wire);
        if (page_ended_) return false;
        std::array<char, buffer_bytes> buffer;
        const long count = outcome(::recv(page_.native_handle(), buffer.data(), buffer.size(), MSG_DONTWAIT));
        if (count == -EAGAIN || count == -EINTR) return count == -EINTR;
        if (count > 0) {
            down_.assign(buffer.data(), static_cast<std::size_t>(count));
            return true;
        }
        page_ended_ = true;
        with_->finish(wire);
        if (!with_->has_unsent()) end_of_answer();
        return true;
    }

    bool pass_down(tls::wire& wire) {
        const tls::stream::sent done = down_.empty()
                                           ? tls::stream::sent{0, with_->flush(wire)}
                                           : with_->send(wire, std::as_bytes(std::span{std::as_const(down_)}));
        if (done.error != 0 && done.error != EAGAIN) {
            end();
            return true;
        }
        down_.erase(0, done.bytes);
        if (page_ended_ && !with_->has_unsent()) end_of_answer();
        return done.error == 0;
    }

    // A peer that goes on for too long is cut.
    void end_of_answer() {
        if (client_ended_) return end();
        ::shutdown(client_.native_handle(), SHUT_WR);
        late_.expires_after(patience);
        late_.async_wait([self = shared_from_this()](error_code stopped) {
            if (!stopped) self->end();
        });
    }

    void await() {
        using descriptor = asio::posix::stream_descriptor;
        if (!up_.empty()) {
            await({page_, descriptor::wait_write, awaits_[0]});
        } else if (!client_ended_) {
            await({client_, descriptor::wait_read, awaits_[1]});
        }
        if (with_->has_unsent() || !down_.empty()) {
            await({client_, descriptor::wait_write, awaits_[2]});
        } else if (!page_ended_) {
            await({page_, descriptor::wait_read, awaits_[3]});
        }
    }

    void await(waiting event) {
        if (std::exchange(event.is, true)) return;
        event.on.async_wait(event.what, [self = shared_from_this(), is = &event.is](error_code stopped) {
            *is = false;
            if (!stopped) self->go_on();
        });
    }

    relays* whose_;
    asio::posix::stream_descriptor client_;
    asio::posix::stream_descriptor page_;
    asio::steady_timer late_;
    std::unique_ptr<tls::stream> with_;
    std::string up_;   // for the page
    std::string down_; // for the client, not encrypted yet
    std::array<bool, 4> awaits_{};
    bool client_ended_ = false;
    bool page_ended_ = false;
    bool ended_ = false;
};

relays::relays(asio::io_context& context, metrics::shard_counters& counters, std::size_t relays_max)
    : context_{context}, counters_{counters}, relays_max_{relays_max} {}

relays::~relays() { end_all(); }

int relays::take(int descriptor, std::unique_ptr<tls::stream> with) {
    std::array<int, 2> ends{};
    if (open_.size() >= relays_max_ ||
        ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()) != 0) {
        ::close(descriptor);
        return -1;
    }
    const auto made = std::make_shared<relay>(*this, descriptor, ends[0], std::move(with));
    open_.insert(made);
    ++counters_.tls_relays;
    // Later: whoever gives it away is in the middle of something.
    asio::post(context_, [made] { made->go_on(); });
    return ends[1];
}

void relays::end_all() {
    while (!open_.empty()) {
        const std::shared_ptr<relay> any = *open_.begin();
        any->end();
    }
}

} // namespace carillon::link
