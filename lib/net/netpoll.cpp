#include "net/netpoll.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <cerrno>
#include <span>
#include <sys/epoll.h>
#include <utility>

namespace carillon::net {

namespace {

int create_epoll_set() {
    const int descriptor = ::epoll_create1(EPOLL_CLOEXEC);
    if (descriptor < 0) throw boost::system::system_error{errno, boost::system::system_category(), "epoll_create1"};
    return descriptor;
}

constexpr std::uint32_t reading = EPOLLIN | EPOLLPRI | EPOLLRDHUP | EPOLLET;

readiness readiness_of(std::uint32_t events) noexcept {
    return {.readable = (events & (EPOLLIN | EPOLLPRI | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0,
            .writable = (events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0,
            .hung_up = (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0,
            .urgent = (events & EPOLLPRI) != 0};
}

} // namespace

// Holds a reference and a result only: g++ 12 frees awaiters with members of their own twice (docs/decisions/0002).
struct netpoll::readable_awaiter {
    explicit readable_awaiter(netpoll& poll) noexcept : owner{poll} {}

    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> waiting) {
        owner.set_.async_wait(boost::asio::posix::stream_descriptor::wait_read, [this, waiting](error_code why) {
            failed = static_cast<bool>(why);
            waiting.resume();
        });
    }
    bool await_resume() const noexcept { return !failed; }

    netpoll& owner;
    bool failed = false;
};

// Goes on in a post, behind what else is ready.
struct netpoll::later_awaiter {
    explicit later_awaiter(boost::asio::io_context& context) noexcept : runs_on{context} {}

    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> waiting) {
        boost::asio::post(runs_on, [waiting] { waiting.resume(); });
    }
    void await_resume() const noexcept {}

    boost::asio::io_context& runs_on;
};

netpoll::netpoll(boost::asio::io_context& context, slab& records)
    : context_{&context}, records_{&records}, set_{context, create_epoll_set()} {
    found_.reserve(events_per_turn);
}

void netpoll::start() { run(); }

void netpoll::stop() {
    stopping_ = true;
    set_.cancel();
}

detached netpoll::run() {
    const auto pass = coroutines_.enter();
    while (!stopping_) {
        const bool readable = co_await readable_awaiter{*this};
        if (!readable || stopping_) break;
        ++counts_.wakeups;
        serve();
        // An edge is told once, so what the turn had no time for is kept.
        while (next_ < found_.size() && !stopping_) {
            co_await later_awaiter{*context_};
            if (!stopping_) tell_found();
        }
    }
}

// Waiting by way of Asio takes three system calls, and to wake a thread that sleeps costs its peer more than that. So
// under load the set is looked at again first; how often is learned from whether that found something. It is bounded in
// events and in looks, so that Asio's timers, acceptors and posts are served in between.
void netpoll::serve() {
    std::size_t events = 0;
    int found = 0;
    for (int empty = 0; events < events_per_turn && empty < looks_;) {
        const std::size_t count = dispatch_ready();
        events += count;
        if (next_ < found_.size()) return;
        ++(count > 0 ? found : empty);
    }
    looks_ = found > 1 ? std::min(looks_ * 2, looks_max) : std::max(looks_ / 2, 1);
}

// A plain function, so that its array of events does not become part of a coroutine frame.
std::size_t netpoll::dispatch_ready() {
    std::array<epoll_event, events_per_turn> events;
    const int count = ::epoll_wait(set_.native_handle(), events.data(), static_cast<int>(events.size()), 0);
    if (count <= 0) return 0;
    found_.clear();
    next_ = 0;
    for (const epoll_event& each : std::span{events}.first(static_cast<std::size_t>(count))) {
        found_.push_back({connection_key::unpacked(each.data.u64), each.events});
    }
    tell_found();
    return static_cast<std::size_t>(count);
}

// One turn, or as much of it as there is time for; one event at least.
void netpoll::tell_found() {
    if (turns_ != nullptr) turns_->begin();
    while (next_ < found_.size()) {
        const found_event event = found_[next_++];
        // One that has gone since the kernel told of it is not found.
        connection* c = records_->find(event.whose);
        if (c != nullptr) {
            ++counts_.events;
            sink_of(*c).on_ready(*c, readiness_of(event.events));
        }
        if (turns_ != nullptr && turns_->over()) break;
    }
    if (turns_ != nullptr) turns_->end();
    making_.step();
}

result<void> netpoll::watch(connection& c) {
    epoll_event event{};
    event.events = reading;
    event.data.u64 = records_->key_of(c).packed();
    if (::epoll_ctl(set_.native_handle(), EPOLL_CTL_ADD, c.descriptor, &event) != 0) {
        return error_code{errno, boost::system::system_category()};
    }
    return {};
}

void netpoll::watch_writing(connection& c) noexcept {
    epoll_event event{};
    event.events = reading | EPOLLOUT;
    event.data.u64 = records_->key_of(c).packed();
    ::epoll_ctl(set_.native_handle(), EPOLL_CTL_MOD, c.descriptor, &event); // fails only if it is not in the set
}

void netpoll::forget(connection& c) { ::epoll_ctl(set_.native_handle(), EPOLL_CTL_DEL, c.descriptor, nullptr); }

} // namespace carillon::net
