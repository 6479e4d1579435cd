#include "redis/redis_link.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <random>
#include <utility>

// Where the bus is, and whether Sentinels say that it is elsewhere now.
namespace carillon::redis {

namespace asio = boost::asio;

namespace {

constexpr auto no_throw = asio::as_tuple(asio::use_awaitable);

// From three quarters of it to five, so that a fleet does not ask in step.
std::chrono::milliseconds about(std::chrono::milliseconds interval) {
    thread_local std::minstd_rand generator{std::random_device{}()};
    const auto quarter = interval.count() / 4;
    return interval + std::chrono::milliseconds{std::uniform_int_distribution<long>{-quarter, quarter}(generator)};
}

} // namespace

// A master that is cut off from its Sentinels, and not from us, goes on saying that it is the master while they have
// made another one. So they are asked by turns; where more than half of them say that it is another, the connection is
// given up, and is made anew by asking as at the start.
asio::awaitable<void> redis_link::watch_sentinels() {
    carillon::upstream::sentinel_votes votes{options_.where.sentinels.size()};
    while (!stopping_) {
        watch_.expires_after(about(options_.where.sentinel_interval));
        auto [interrupted] = co_await watch_.async_wait(no_throw);
        (void)interrupted;
        if (stopping_ || !upstream_.live()) continue;
        const place now = dialer_.named();
        co_await ask_sentinels(&votes, now);
        const auto master = votes.majority();
        if (!master || *master == now || !upstream_.live() || dialer_.named() != now) continue;
        const bool moved = co_await is_elsewhere(*master);
        if (!moved || !upstream_.live() || dialer_.named() != now) continue;
        votes.forget();
        upstream_.on_disconnected("the Sentinels say that the master is at " + to_string(*master),
                                  upstream::clock::now());
        wake();
    }
}

asio::awaitable<void> redis_link::ask_sentinels(carillon::upstream::sentinel_votes* votes, place now) {
    for (std::size_t asked = 0; asked < votes->size() && !stopping_; ++asked) {
        const std::size_t who = votes->next();
        const auto until = upstream::clock::now() + options_.upstream.reply_timeout;
        const auto said = co_await watcher_.ask(options_.where.sentinels[who], until);
        votes->said(who, said.why.empty() ? std::optional{said.master} : std::nullopt);
        if (!votes->disputed(now)) break;
    }
}

// The same server may go by another name; one whose name nobody knows is no better.
asio::awaitable<bool> redis_link::is_elsewhere(place master) {
    const auto found = co_await watcher_.look_up(master);
    co_return !found.empty() && std::ranges::find(found, dialer_.where()) == found.end();
}

// It is live.
void redis_link::note_place() {
    const place& now = dialer_.where();
    moved_from_ = {};
    if (last_place_ == now) return;
    if (!last_place_.host.empty()) ++failovers_;
    moved_from_ = std::exchange(last_place_, now);
}

// What is worth to be said when it is live.
std::string redis_link::remark() const {
    std::string said;
    const auto add = [&](const std::string& what) {
        if (!said.empty()) said += "; ";
        said += what;
    };
    if (!options_.where.sentinels.empty()) add("the master is " + to_string(last_place_));
    if (!moved_from_.host.empty()) add("it was at " + to_string(moved_from_) + " before");
    if (!upstream_.resp3()) add("it has no RESP3, so there is a second connection to publish on");
    return said;
}

} // namespace carillon::redis
