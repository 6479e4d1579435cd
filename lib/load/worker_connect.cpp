#include "load/dialect.hpp"
#include "load/upgrade_reply.hpp"
#include "load/worker.hpp"

#include <boost/system/errc.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace carillon::load {
namespace {

constexpr std::uint32_t opened_at_once = 128; // between two looks at the sockets
constexpr std::uint8_t attempts_max = 10;
constexpr auto pause_min = std::chrono::milliseconds{50};
constexpr auto pause_max = std::chrono::milliseconds{2000};

// A port of a closed connection stays taken for a minute; the addresses take turns so that there are always some free.
constexpr std::uint32_t sources_per_worker = 250;
constexpr std::uint64_t sockets_per_source = 10'000;

std::uint32_t source_of(std::uint32_t worker, std::uint64_t opened) {
    return 1 + worker * sources_per_worker +
           static_cast<std::uint32_t>(opened / sockets_per_source % sources_per_worker);
}

} // namespace

bool worker::is_under_way(const client& whose) const noexcept {
    return whose.state == client_state::connecting || whose.state == client_state::upgrading ||
           whose.state == client_state::greeting;
}

void worker::want(slot which, clock::time_point due) {
    client& whose = clients_[which];
    whose.state = client_state::queued;
    whose.due = due;
    whose.attempts = 0;
    queue_.push_back(which);
    ++unsettled_;
}

void worker::open_some(clock::time_point now) {
    for (std::uint32_t i = 0; i < opened_at_once && !queue_.empty() && under_way_ < task_.what.window; ++i) {
        client& whose = clients_[queue_.front()];
        if (whose.due == clock::time_point{}) { // nobody has said when; a handshake that is repeated stays due
            const bool paced = order_.what == order::kind::connect && order_.rate > 0;
            whose.due = paced ? pace_.due(next_event_) : clock::now();
            if (paced && whose.due > now) {
                whose.due = {};
                return;
            }
            ++next_event_;
        }
        const slot which = queue_.front();
        queue_.pop_front();
        attempt(which, clock::now());
    }
}

void worker::attempt(slot which, clock::time_point now) {
    client& whose = clients_[which];
    ++under_way_;
    whose.state = client_state::connecting;
    whose.limit = now + task_.what.timeout;
    auto made = begin_connect(task_.where, task_.where.is_loopback_v4() ? source_of(task_.number, opened_) : 0);
    ++opened_;
    if (!made) return fail_connect(which, made.error());
    whose.socket = made->release();
    ++whose.generation;
    epoll_event wanted{EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
                       {.u64 = std::uint64_t{whose.generation} << 32 | which}};
    if (::epoll_ctl(poll_.number(), EPOLL_CTL_ADD, whose.socket, &wanted) != 0)
        fail_attempt(which, "epoll: " + last_error().message(), verdict::another_try);
}

void worker::fail_connect(slot which, const error_code& why) {
    // Before the first success it means that nobody listens there, and later that somebody is busy.
    const bool nobody = why == boost::system::errc::connection_refused && !succeeded_;
    fail_attempt(which, "connect: " + why.message(), nobody ? verdict::final : verdict::another_try);
}

void worker::connected(slot which) {
    client& whose = clients_[which];
    int failed = 0;
    socklen_t bytes = sizeof failed;
    ::getsockopt(whose.socket, SOL_SOCKET, SO_ERROR, &failed, &bytes);
    if (failed != 0) return fail_connect(which, {failed, boost::system::system_category()});
    whose.state = client_state::upgrading;
    url to = task_.what.target;
    to.target = with_channel(to.target, task_.what.channel_of(task_.first + which));
    transmit(which, upgrade_request(to, task_.what.headers, key_));
}

void worker::upgraded(slot which, clock::time_point now) {
    client& whose = clients_[which];
    const options& what = task_.what;
    const std::string channel = what.channel_of(task_.first + which);
    whose.state = client_state::greeting;
    if (what.protocol == protocol::centrifuge) {
        // In the echo scene nobody listens: a publication would come back beside the reply.
        const std::string hello = centrifuge_hello(what.scene == scene::echo ? "" : channel);
        transmit(which, client_frame(ws::opcode::text, hello));
        return;
    }
    if (!what.hello.empty() && !transmit(which, client_frame(ws::opcode::text, with_channel(what.hello, channel))))
        return;
    if (what.hello_reply.empty()) become_live(which, now);
}

void worker::become_live(slot which, clock::time_point now) {
    client& whose = clients_[which];
    succeeded_ = true;
    whose.state = client_state::live;
    whose.attempts = 0;
    --under_way_;
    --unsettled_;
    ++counts_.live;
    ++counts_.handshakes;
    counts_.handshakes_end = now.time_since_epoch().count();
    handshakes_.record(now - whose.due);
}

void worker::close_socket(client& whose) {
    const auto which = static_cast<slot>(&whose - clients_.data());
    if (whose.socket >= 0) ::close(whose.socket);
    whose.socket = -1;
    whose.input.reset();
    whose.answers_pings = false;
    forget_command(whose);
    heads_.erase(which);
    unsent_.erase(which);
}

void worker::fail_attempt(slot which, std::string_view why, verdict hope) {
    client& whose = clients_[which];
    close_socket(whose);
    --under_way_;
    ++counts_.failed;
    task_.figures.write_trouble(task_.number, why);
    if (hope == verdict::final || ++whose.attempts >= attempts_max) {
        whose.state = client_state::given_up;
        --unsettled_;
        ++counts_.given_up;
        return;
    }
    // Spread by their numbers, so that those that failed together do not come back together.
    const auto pause = std::min<std::chrono::nanoseconds>(pause_min * (1 << whose.attempts), pause_max);
    whose.state = client_state::pausing;
    whose.limit = clock::now() + pause / 2 + pause / 2 * (which % 64) / 64;
}

void worker::ended(slot which, std::string_view why) {
    client& whose = clients_[which];
    if (is_under_way(whose)) return fail_attempt(which, why, verdict::another_try);
    close_socket(whose);
    whose.state = client_state::absent;
    --counts_.live;
    ++counts_.dropped;
    task_.figures.write_trouble(task_.number, why);
}

void worker::leave(slot which) {
    client& whose = clients_[which];
    // 1000; the answer is not waited for.
    transmit(which, client_frame(ws::opcode::close, std::string_view{"\x03\xe8", 2}));
    if (whose.state != client_state::live) return; // that has ended it
    close_socket(whose);
    whose.state = client_state::absent;
    --counts_.live;
}

void worker::look_at_limits(clock::time_point now) {
    for (slot i = 0; i < task_.count; ++i) {
        client& whose = clients_[i];
        if (now < whose.limit) continue;
        if (whose.state == client_state::pausing) {
            whose.state = client_state::queued;
            queue_.push_back(i);
        } else if (is_under_way(whose)) {
            constexpr std::array steps{"connect", "upgrade", "subscribe"};
            const auto step =
                static_cast<std::size_t>(whose.state) - static_cast<std::size_t>(client_state::connecting);
            fail_attempt(i, fmt::format("{}: no answer in time", steps[step]), verdict::another_try);
        }
    }
}

} // namespace carillon::load
