#include "load/worker.hpp"

#include "base/check.hpp"
#include "http/accept_key.hpp"
#include "load/dialect.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <sys/epoll.h>
#include <system_error>
#include <unistd.h>

namespace carillon::load {
namespace {

constexpr std::size_t buffer_bytes = 256 * 1024;
constexpr std::size_t events_at_once = 512;
constexpr std::uint64_t orders_tag = ~std::uint64_t{0};
constexpr auto look_interval = std::chrono::milliseconds{20};
constexpr auto longest_sleep = std::chrono::milliseconds{500};

std::string accept_of(std::string_view key) {
    std::string text(http::websocket_accept_bytes, '\0');
    http::write_accept(std::span<char, http::websocket_accept_bytes>{text.data(), text.size()}, key);
    return text;
}

descriptor make_poll(int orders) {
    descriptor made{::epoll_create1(EPOLL_CLOEXEC)};
    epoll_event wanted{EPOLLIN, {.u64 = orders_tag}};
    if (!made || ::epoll_ctl(made.number(), EPOLL_CTL_ADD, orders, &wanted) != 0)
        throw std::system_error{errno, std::generic_category(), "epoll"};
    return made;
}

} // namespace

worker::worker(const worker_task& task)
    : task_{task}, key_{"dGhlIHNhbXBsZSBub25jZQ=="}, accept_{accept_of(key_)},
      pong_{client_frame(ws::opcode::text, "{}")}, poll_{make_poll(task.orders)}, clients_(task.count),
      buffer_(buffer_bytes), payload_{task.what.payload_bytes} {}

worker::~worker() {
    for (const client& each : clients_)
        if (each.socket >= 0) ::close(each.socket);
}

void worker::run() {
    std::array<epoll_event, events_at_once> events;
    while (!quit_) {
        const timespec sleep = time_until(next_wake(clock::now()));
        const int count =
            ::epoll_pwait2(poll_.number(), events.data(), static_cast<int>(events.size()), &sleep, nullptr);
        if (count < 0 && errno != EINTR) throw std::system_error{errno, std::generic_category(), "epoll_pwait2"};
        for (int i = 0; i < count; ++i) {
            const epoll_event& heard = events[static_cast<std::size_t>(i)];
            handle(heard.data.u64, heard.events);
        }
        do_what_is_due(clock::now());
        task_.figures.write(task_.number, counts_);
        if (busy_ && is_done(clock::now())) finish_order();
    }
}

void worker::handle(std::uint64_t tag, std::uint32_t events) {
    if (tag == orders_tag) return handle_orders();
    const auto which = static_cast<slot>(tag);
    client& whose = clients_[which];
    if (whose.socket < 0 || whose.generation != static_cast<std::uint16_t>(tag >> 32)) return; // of an earlier socket
    if (whose.state == client_state::connecting) {
        connected(which);
    } else if ((events & EPOLLOUT) != 0 && !unsent_.empty()) {
        if (!transmit_rest(which)) return;
    }
    const bool ending = (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
    if (whose.socket >= 0 && (ending || (events & EPOLLIN) != 0)) read(which, ending);
}

void worker::handle_orders() {
    order what;
    const ssize_t count = ::recv(task_.orders, &what, sizeof what, MSG_DONTWAIT);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (count != sizeof what) {
        quit_ = true; // the parent is gone
        return;
    }
    begin(what);
}

void worker::begin(const order& what) {
    CHECK(!busy_ || what.what == order::kind::report || what.what == order::kind::quit);
    order_ = what;
    busy_ = true;
    begun_ = false;
    next_event_ = 0;
    if (what.rate > 0) pace_ = schedule{what.start, what.rate};
    switch (what.what) {
    case order::kind::connect:
    case order::kind::storm:
    case order::kind::churn:
        handshakes_ = {};
        counts_.handshakes = counts_.failed = 0;
        if (what.what != order::kind::connect) return;
        for (slot i = 0; i < std::min(what.count, task_.count); ++i)
            if (clients_[i].state == client_state::absent) want(i, {});
        return;
    case order::kind::echo: return;
    case order::kind::report: return report();
    case order::kind::quit: quit_ = true; return;
    }
    CHECK(false);
}

void worker::do_what_is_due(clock::time_point now) {
    if (busy_ && now >= order_.start) {
        if (order_.what == order::kind::storm && !begun_) storm(now);
        if (order_.what == order::kind::churn) churn(now);
        if (order_.what == order::kind::echo && order_.rate > 0) echo_paced(now);
        if (order_.what == order::kind::echo && order_.rate == 0 && !begun_) echo_start(now);
    }
    if (unsettled_ > 0) {
        open_some(now);
        if (now >= next_look_) {
            look_at_limits(now);
            next_look_ = now + look_interval;
        }
    }
}

clock::time_point worker::next_wake(clock::time_point now) const {
    clock::time_point wake = now + longest_sleep;
    if (unsettled_ > 0) wake = std::min(wake, next_look_);
    if (!busy_) return wake;
    if (now < order_.start) return std::min(wake, order_.start);
    const bool paced = order_.rate > 0;
    switch (order_.what) {
    case order::kind::connect:
        if (!queue_.empty() && under_way_ < task_.what.window)
            wake = paced ? std::min(wake, pace_.due(next_event_)) : now;
        return wake;
    case order::kind::storm: return !queue_.empty() && under_way_ < task_.what.window ? now : wake;
    case order::kind::churn:
        if (!queue_.empty() && under_way_ < task_.what.window) return now;
        if (at_rest() == 0 || now >= order_.end) return wake; // nobody to send away, or done once they are back
        return std::min({wake, pace_.due(next_event_), order_.end});
    case order::kind::echo:
        if (now >= order_.end) return wake;
        return std::min({wake, order_.end, paced ? pace_.due(next_event_) : order_.end});
    case order::kind::report:
    case order::kind::quit: return now;
    }
    return wake;
}

bool worker::is_done(clock::time_point now) const {
    switch (order_.what) {
    case order::kind::connect: return unsettled_ == 0;
    case order::kind::storm: return begun_ && unsettled_ == 0;
    case order::kind::churn:
        if (now < order_.end || unsettled_ > 0) return false;
        return pace_.due(next_event_) >= order_.end || at_rest() == 0 || now >= order_.end + task_.what.timeout;
    case order::kind::echo:
        if (now < order_.end) return false;
        return (awaited_ == 0 && owed_ == 0) || now >= order_.end + task_.what.timeout;
    case order::kind::report:
    case order::kind::quit: return true;
    }
    return true;
}

void worker::finish_order() {
    busy_ = false;
    if (order_.what == order::kind::echo) counts_.lost += awaited_ + owed_; // waited for, in vain
    const order_done answer{order_.what};
    // It fits: the parent has one answer of each worker to read at most.
    if (::send(task_.orders, &answer, sizeof answer, MSG_NOSIGNAL) != sizeof answer) quit_ = true;
}

void worker::report() {
    if (task_.what.has_publications()) {
        counts_.lost = 0;
        for (slot i = 0; i < task_.count; ++i) {
            const std::uint32_t channel = task_.what.channel_number(task_.first + i);
            counts_.lost += clients_[i].received.lost(task_.figures.published(channel));
        }
    }
    task_.figures.write(task_.number, counts_);
    task_.figures.write(task_.number, event::handshake, handshakes_);
    task_.figures.write(task_.number, event::delivery, deliveries_);
    task_.figures.write(task_.number, event::round_trip, round_trips_);
}

} // namespace carillon::load
