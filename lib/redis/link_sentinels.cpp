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
    carillon::discovery::sentinel_votes votes{options_.where.sentinels.size()};
    branch& its = *branches_.front();
    while (!stopping_) {
        watch_.expires_after(about(options_.where.sentinel_interval));
        auto [interrupted] = co_await watch_.async_wait(no_throw);
        (void)interrupted;
        if (stopping_ || !its.up().live()) continue;
        const place now = its.leads().named();
        co_await ask_sentinels(&votes, now);
        const auto master = votes.majority();
        if (!master || *master == now || !its.up().live() || its.leads().named() != now) continue;
        const bool moved = co_await is_elsewhere(*master);
        if (!moved || !its.up().live() || its.leads().named() != now) continue;
        votes.forget();
        its.give_up("the Sentinels say that the master is at " + to_string(*master));
    }
}

asio::awaitable<void> redis_link::ask_sentinels(carillon::discovery::sentinel_votes* votes, place now) {
    for (std::size_t asked = 0; asked < votes->size() && !stopping_; ++asked) {
        const std::size_t who = votes->next();
        const auto until = upstream::clock::now() + options_.upstream.reply_timeout;
        const auto said = co_await watcher_.ask_for_master(options_.where.sentinels[who], until);
        votes->said(who, said.why.empty() ? std::optional{said.master} : std::nullopt);
        if (!votes->disputed(now)) break;
    }
}

// The same server may go by another name; one whose name nobody knows is no better.
asio::awaitable<bool> redis_link::is_elsewhere(place master) {
    const auto found = co_await watcher_.look_up(master);
    co_return !found.empty() && std::ranges::find(found, branches_.front()->leads().where()) == found.end();
}

// What is worth to be said when it is live.
std::string redis_link::remark() {
    std::string said;
    const auto add = [&](const std::string& what) {
        if (!said.empty()) said += "; ";
        said += what;
    };
    const bool are_several = cluster_ || servers_;
    if (are_several) add("there are " + std::to_string(branches_.size()) + (cluster_ ? " primaries" : " servers"));
    for (const auto& each : branches_) {
        const place now = each->leads().where();
        const place before = each->take_moved_from();
        if (!options_.where.sentinels.empty()) add("the master is " + to_string(now));
        if (are_several && !before.host.empty()) add("what was at " + to_string(before) + " is at " + to_string(now));
        if (!are_several && !before.host.empty()) add("it was at " + to_string(before) + " before");
    }
    if (std::ranges::any_of(branches_, [](const auto& each) { return !each->up().resp3(); }))
        add("it has no RESP3, so there is a second connection to publish on");
    return said;
}

} // namespace carillon::redis
