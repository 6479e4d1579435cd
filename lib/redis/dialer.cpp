#include "redis/dialer.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <vector>

namespace carillon::redis {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

constexpr auto no_throw = asio::as_tuple(asio::use_awaitable);

} // namespace

asio::awaitable<error_code> dialer::open(wire* into, clock::time_point deadline) {
    return connect(into, deadline, true);
}

asio::awaitable<error_code> dialer::open_beside(wire* into, clock::time_point deadline) {
    return connect(into, deadline, false);
}

asio::awaitable<error_code> dialer::connect(wire* into, clock::time_point deadline, bool next) {
    asio::steady_timer timer{into->socket().get_executor(), deadline};
    timer.async_wait([this, into, of = ++attempt_](error_code stopped) {
        if (stopped || of != attempt_) return; // the attempt has ended
        resolver_.cancel();
        into->close();
    });
    error_code failed;
    if (next && addresses_.left() == 0) failed = co_await look_up();
    if (!failed && next) {
        const auto address = addresses_.take();
        if (address) where_ = *address;
        if (!address) failed = asio::error::host_not_found;
    }
    if (!failed && (stopping_ || deadline <= clock::now())) failed = asio::error::operation_aborted;
    if (!failed) {
        auto [refused] = co_await into->socket().async_connect(where_, no_throw);
        failed = refused;
    }
    timer.cancel();
    ++attempt_;
    if (!failed && !into->socket().is_open()) failed = asio::error::operation_aborted;
    co_return failed;
}

asio::awaitable<error_code> dialer::look_up() {
    looking_up_ = true;
    auto [failed, found] = co_await resolver_.async_resolve(host_, std::to_string(port_), no_throw);
    looking_up_ = false;
    std::vector<upstream_addresses::address> list;
    if (!failed) list.assign(found.begin(), found.end());
    addresses_.looked_up(list);
    co_return failed;
}

} // namespace carillon::redis
