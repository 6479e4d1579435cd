#include "wires/dialer.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <utility>
#include <vector>

namespace carillon::wires {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

constexpr auto no_throw = asio::as_tuple(asio::use_awaitable);

const std::string aborted = error_code{asio::error::operation_aborted}.message();

// Of an address of numbers, or a path.
wire::protocol::endpoint endpoint_of(const place& where, error_code& failed) {
    if (where.is_path()) return asio::local::stream_protocol::endpoint{where.host};
    return asio::ip::tcp::endpoint{asio::ip::make_address(where.host, failed), where.port};
}

} // namespace

void dialer::stop() {
    stopping_ = true;
    asker_.stop();
}

void dialer::worked() {
    addresses_.worked();
    sentinels_.worked();
}

asio::awaitable<std::string> dialer::open(wire* into, clock::time_point deadline) {
    return connect(into, deadline, true);
}

asio::awaitable<std::string> dialer::open_beside(wire* into, clock::time_point deadline) {
    return connect(into, deadline, false);
}

asio::awaitable<std::string> dialer::connect(wire* into, clock::time_point deadline, bool next) {
    asio::steady_timer timer{into->socket().get_executor(), deadline};
    timer.async_wait([this, into, of = ++attempt_](error_code stopped) {
        if (stopped || of != attempt_) return; // the attempt has ended
        resolver_.cancel();
        into->close();
    });
    std::string why;
    if (next && addresses_.left() == 0) {
        std::string unfound = co_await find(deadline);
        why = std::move(unfound);
    }
    if (why.empty() && next) {
        const auto address = addresses_.take();
        if (address) where_ = *address;
        if (!address) why = error_code{asio::error::host_not_found}.message();
    }
    if (why.empty() && (stopping_ || deadline <= clock::now())) why = aborted;
    error_code failed;
    const auto where = why.empty() ? endpoint_of(where_, failed) : wire::protocol::endpoint{};
    if (why.empty() && !failed) {
        auto [refused] = co_await into->socket().async_connect(where, no_throw);
        failed = refused;
    }
    timer.cancel();
    ++attempt_;
    if (failed) why = failed.message();
    if (why.empty() && !into->socket().is_open()) why = aborted;
    if (why.empty() && how_.encryption) why = into->encrypt(*how_.encryption, name_at(how_, named_));
    co_return why;
}

asio::awaitable<std::string> dialer::find(clock::time_point deadline) {
    named_ = how_.server;
    if (!how_.sentinels.empty()) {
        if (sentinels_.left() == 0) sentinels_.looked_up(how_.sentinels);
        const auto now = clock::now();
        const place sentinel = sentinels_.take().value_or(place{});
        const auto said = co_await asker_.ask_for_master(sentinel, now + (deadline - now) / 2);
        if (!said.why.empty()) co_return said.why;
        named_ = said.master;
    }
    if (named_.is_path()) {
        addresses_.looked_up({named_});
        co_return std::string{};
    }
    std::string unknown = co_await look_up();
    co_return unknown;
}

asio::awaitable<std::string> dialer::look_up() {
    looking_up_ = true;
    auto [failed, found] = co_await resolver_.async_resolve(named_.host, std::to_string(named_.port), no_throw);
    looking_up_ = false;
    std::vector<place> list;
    for (const auto& each : found) list.push_back({each.endpoint().address().to_string(), each.endpoint().port()});
    addresses_.looked_up(list);
    co_return failed ? failed.message() : std::string{};
}

} // namespace carillon::wires
