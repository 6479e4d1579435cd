#include "net/netpoll.hpp"

#include <cerrno>
#include <sys/epoll.h>

namespace carillon::net {

namespace {

int create_epoll_set() {
    const int descriptor = ::epoll_create1(EPOLL_CLOEXEC);
    if (descriptor < 0) throw boost::system::system_error{errno, boost::system::system_category(), "epoll_create1"};
    return descriptor;
}

readiness readiness_of(std::uint32_t events) noexcept {
    return {.readable = (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0,
            .writable = (events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0,
            .hung_up = (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0};
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

netpoll::netpoll(boost::asio::io_context& context, slab& records)
    : records_{&records}, set_{context, create_epoll_set()} {}

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
        dispatch_ready();
    }
}

// A plain function, so that its array of events does not become part of a coroutine frame. One batch a turn: Asio finds
// the set still readable when there is more, and serves its timers, acceptors and posts in between.
void netpoll::dispatch_ready() {
    std::array<epoll_event, events_per_turn> events;
    const int count = ::epoll_wait(set_.native_handle(), events.data(), static_cast<int>(events.size()), 0);
    for (int i = 0; i < count; ++i) {
        const epoll_event& event = events[static_cast<std::size_t>(i)];
        // One that has gone since the kernel made this batch is not found.
        connection* c = records_->find(connection_key::unpacked(event.data.u64));
        if (c == nullptr) continue;
        ++counts_.events;
        sink_of(*c).on_ready(*c, readiness_of(event.events));
    }
}

result<void> netpoll::watch(connection& c) {
    epoll_event event{};
    event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
    event.data.u64 = records_->key_of(c).packed();
    if (::epoll_ctl(set_.native_handle(), EPOLL_CTL_ADD, c.descriptor, &event) != 0) {
        return error_code{errno, boost::system::system_category()};
    }
    return {};
}

void netpoll::forget(connection& c) { ::epoll_ctl(set_.native_handle(), EPOLL_CTL_DEL, c.descriptor, nullptr); }

} // namespace carillon::net
