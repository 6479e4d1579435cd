#include "lifecycle/departures.hpp"

#include "shards/survey.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <functional>
#include <string_view>
#include <utility>

namespace carillon::lifecycle {

namespace asio = boost::asio;
using namespace std::chrono_literals;

namespace {

constexpr std::chrono::milliseconds answer_timeout = 1s;
constexpr std::chrono::milliseconds report_interval = 1s;

double in_seconds(departures::clock::duration length) {
    return std::max(0.0, std::chrono::duration<double>(length).count());
}

std::string_view name_of(departures::state which) {
    using state = departures::state;
    switch (which) {
    case state::serving: return "serving";
    case state::rebalancing: return "rebalancing";
    case state::waiting: return "waiting";
    case state::closing: return "closing";
    case state::ending: return "ending";
    }
    CHECK(false);
}

} // namespace

void departures::begin(const times& how) {
    if (state_ != state::serving && state_ != state::rebalancing) return;
    times_ = how;
    state_ = state::waiting;
    until_ = clock::now() + how.delay;
    asio::co_spawn(*control_, report(), asio::detached);
    if (how.delay == 0ms) return close_all();
    spdlog::info("shutting down: not ready, and still accepting for {} ms", how.delay.count());
    timer_.expires_at(until_);
    timer_.async_wait([this](boost::system::error_code stopped) {
        if (!stopped) close_all();
    });
}

void departures::close_all() {
    if (state_ != state::waiting) return;
    spdlog::info("shutting down: closing every connection with 3001, within {} ms", times_.window.count());
    state_ = state::closing;
    window_ = times_.window;
    total_ = 0;
    until_ = clock::now() + window_;
    for (const auto& each : *shards_) {
        asio::post(each->context(), [each = each.get(), how = times_] { each->drain(how.window, how.patience); });
    }
}

void departures::hurry() {
    if (state_ == state::serving || state_ == state::rebalancing) return;
    times_ = {};
    timer_.cancel();
    close_all();
    until_ = clock::now();
    for (const auto& each : *shards_) {
        asio::post(each->context(), [each = each.get()] { each->hurry(); });
    }
}

void departures::stop() {
    stopped_ = true;
    timer_.cancel();
    reporting_.cancel();
}

asio::awaitable<std::vector<std::optional<std::uint32_t>>> departures::ask() {
    std::function<std::uint32_t(shards::shard&)> question = [](shards::shard& of) { return of.clients(); };
    auto answers = co_await ask_shards<std::uint32_t>(*control_, *shards_, answer_timeout, std::move(question));
    co_return answers;
}

asio::awaitable<departures::progress> departures::look() {
    const auto answers = co_await ask();
    std::uint64_t clients = 0;
    for (const auto& each : answers) clients += each ? *each : 0;
    co_return at(clients);
}

departures::progress departures::at(std::uint64_t clients) {
    progress made{.clients = clients};
    std::uint64_t leaving = 0;
    for (const auto& each : *shards_) leaving += each->leaving();
    const auto now = clock::now();
    if (leaving == 0 && now >= until_) {
        if (state_ == state::rebalancing) state_ = state::serving;
        if (state_ == state::closing) state_ = state::ending;
    }
    made.now = state_;
    switch (state_) {
    case state::serving:
    case state::ending: break;
    case state::waiting:
        made.left = made.clients;
        made.seconds = in_seconds(until_ - now + times_.window);
        break;
    case state::rebalancing:
    case state::closing:
        made.left = leaving;
        made.seconds = in_seconds(until_ - now);
        if (made.seconds > 0) made.rate = static_cast<double>(leaving) / made.seconds;
        break;
    }
    return made;
}

// A line a second, as long as there is somebody.
asio::awaitable<void> departures::report() {
    while (!stopped_) {
        reporting_.expires_after(report_interval);
        auto [interrupted] = co_await reporting_.async_wait(asio::as_tuple(asio::use_awaitable));
        if (interrupted || stopped_) break;
        const progress at = co_await look();
        if (stopped_) break;
        spdlog::info("{}: {} clients are here, {} still to be told, {:.0f} a second, {:.1f} s to go", name_of(at.now),
                     at.clients, at.left, at.rate, at.seconds);
    }
}

asio::awaitable<std::string> departures::rebalance(api::rebalance_request asked) {
    const auto answers = co_await ask();
    std::uint64_t clients = 0;
    for (const auto& each : answers) clients += each ? *each : 0;
    const std::uint64_t excess = clients > asked.above ? clients - asked.above : 0;
    const bool serves = state_ == state::serving || state_ == state::rebalancing;
    std::uint64_t closing = 0;
    if (serves) {
        // Each shard sheds its part, and the rounding is made up for by the last ones.
        std::uint64_t seen = 0;
        for (std::size_t i = 0; i < answers.size(); ++i) {
            if (!answers[i]) continue;
            seen += *answers[i];
            const std::uint64_t until_here = clients == 0 ? 0 : excess * seen / clients;
            const auto mine = static_cast<std::uint32_t>(until_here - closing);
            closing = until_here;
            asio::post((*shards_)[i]->context(),
                       [each = (*shards_)[i].get(), mine, window = asked.window] { each->shed(mine, window); });
        }
        state_ = closing > 0 ? state::rebalancing : state::serving;
        until_ = clock::now() + asked.window;
        spdlog::info("rebalance: {} of {} clients are sent elsewhere with 3011, within {} ms", closing, clients,
                     asked.window.count());
    }
    co_return fmt::format(R"({{"result":{{"clients":{},"closing":{}}}}})", clients, closing);
}

std::string text_of(const departures::progress& of) {
    return fmt::format(R"({{"result":{{"state":"{}","clients":{},"left":{},"rate":{:.1f},"seconds_left":{:.1f}}}}})",
                       name_of(of.now), of.clients, of.left, of.rate, of.seconds);
}

} // namespace carillon::lifecycle
