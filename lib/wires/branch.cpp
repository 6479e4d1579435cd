#include "wires/branch.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <array>
#include <exception>
#include <random>
#include <utility>

namespace carillon::wires {

namespace asio = boost::asio;
using clock = upstream::clock;

namespace {

constexpr std::array both{upstream::line::first, upstream::line::second};
constexpr auto no_throw = asio::as_tuple(asio::use_awaitable);
// Reads of one turn, before what the shards want is looked at again.
constexpr int reads_per_turn = 16;

double random_part() {
    thread_local std::minstd_rand generator{std::random_device{}()};
    return std::uniform_real_distribution<double>{0.0, 1.0}(generator);
}

} // namespace

branch::branch(branch_owner& whose, std::uint32_t number, const surroundings& among, const whereabouts& where)
    : owner_{whose}, among_{among}, number_{number}, upstream_{among.how, *this, random_part, clock::now()},
      dialer_{among.context, where}, wire_{among.context, [this] { wake(); }},
      second_{among.context, [this] { wake(); }}, sleep_{among.context} {}

void branch::start() {
    asio::co_spawn(among_.context, keep_connected(), [](const std::exception_ptr& failed) {
        if (failed) std::rethrow_exception(failed);
    });
}

void branch::stop() {
    stopping_ = true;
    dialer_.stop();
    close_wires(); // which ends an attempt to connect
    wake();
}

void branch::close() {
    if (!opening_) upstream_.on_disconnected("it has nothing any more", clock::now());
    stop();
}

void branch::use_login(const logins& now) {
    dialer_.use_login(now);
    upstream_.use_login(now.user, now.password, clock::now());
    wake();
}

void branch::lead_to(const place& where) {
    dialer_.lead_to(where);
    give_up("what it had is at " + to_string(where));
    upstream_.hurry(clock::now());
}

void branch::give_up(const std::string& why) {
    elsewhere_ = opening_;
    if (opening_) close_wires(); // the attempt ends, and is followed by the next one
    if (!opening_) upstream_.on_disconnected(why, clock::now());
    wake();
}

// --- the spine: everything that happens to the connection happens here, one thing after the other

asio::awaitable<void> branch::keep_connected() {
    while (!stopping_) {
        // Before the time is looked at: what has come while we were held up is no silence.
        for (const auto each : both) read_available(each);
        upstream_.on_time(clock::now());
        owner_.on_turn(clock::now());
        for (const auto each : both) write_pending(each);
        const upstream::action due = upstream_.next_action();
        if (due == upstream::action::close) {
            tell_failure();
            close_wires();
        }
        if (due == upstream::action::connect) co_await open(upstream::line::first);
        if (due == upstream::action::connect_second) co_await open(upstream::line::second);
        if (due != upstream::action::nothing) continue;
        if (woken_ || (wire_.readable() && !holding_) || second_.readable()) {
            co_await asio::post(among_.context, asio::use_awaitable); // what the shards want comes in turn with it
        } else {
            co_await pause();
        }
        woken_ = false;
    }
    close_wires();
    co_await asio::post(among_.context, asio::use_awaitable); // behind what waited for the wires
    ended_ = true;
}

asio::awaitable<void> branch::open(upstream::line which) {
    wire& opened = wire_of(which);
    std::string why;
    opening_ = true;
    if (which == upstream::line::first) {
        std::string unopened = co_await dialer_.open(&opened, upstream_.wake_at());
        why = std::move(unopened);
        upstream_.on_more_addresses(dialer_.has_more());
    } else {
        std::string unopened = co_await dialer_.open_beside(&opened, upstream_.wake_at());
        why = std::move(unopened);
    }
    opening_ = false;
    const bool led_astray = std::exchange(elsewhere_, false);
    if (led_astray && why.empty()) why = "it has been given up meanwhile";
    if (!why.empty()) {
        upstream_.on_time(clock::now()); // which knows whether it was for want of time
        upstream_.on_disconnected(why, clock::now());
        if (led_astray) upstream_.hurry(clock::now());
        co_return;
    }
    opened.opened(2 * among_.how.reply_timeout);
    upstream_.on_connected(clock::now(), which);
}

// Until something happens: bytes, room to write, wishes of a shard, or the time that the upstream waits for.
asio::awaitable<void> branch::pause() {
    sleep_.expires_at(std::min(upstream_.wake_at(), owner_.wake_at()));
    auto [interrupted] = co_await sleep_.async_wait(no_throw);
    (void)interrupted;
}

void branch::wake() {
    woken_ = true;
    sleep_.cancel();
}

void branch::read_available(upstream::line which) {
    if (upstream_.where() == upstream::state::waiting) return;
    wire& from = wire_of(which);
    bool holding = false;
    for (int i = 0; i < reads_per_turn; ++i) {
        // Neither a greeting nor what comes on the second connection is a message.
        holding = upstream_.connected() && which == upstream::line::first && owner_.must_hold();
        if (!from.readable() || holding) break;
        boost::system::error_code failed;
        std::string& into = among_.received;
        const std::size_t count = from.read(into, failed);
        if (failed) return upstream_.on_disconnected(from.why(failed), clock::now());
        if (count == 0) break;
        upstream_.on_received({into.data(), count}, clock::now(), which);
        if (upstream_.where() == upstream::state::waiting) return;
    }
    if (which == upstream::line::first) holding_ = holding;
    // What is awaited may be among what is not read yet.
    upstream_.on_hold(holding || from.readable(), clock::now(), which);
}

void branch::write_pending(upstream::line which) {
    wire& to = wire_of(which);
    while (to.writable() && !upstream_.output(which).empty()) {
        boost::system::error_code failed;
        const std::size_t count = to.write(upstream_.output(which), failed);
        if (failed) return upstream_.on_disconnected(to.why(failed), clock::now());
        upstream_.on_written(count, which);
    }
}

void branch::close_wires() {
    wire_.close();
    second_.close();
}

// --- what is told of it

// Once for each reason, not for each attempt; nor for one address, where there are more to be tried.
void branch::tell_failure() {
    if (upstream_.more_addresses()) return;
    const bool news = upstream_.last_failure() != told_failure_;
    told_failure_ = upstream_.last_failure();
    owner_.on_failed(*this, news);
}

// It is live.
void branch::note_place() {
    const place& now = dialer_.where();
    if (last_place_ == now) return;
    if (!last_place_.host.empty()) ++failovers_;
    moved_from_ = std::exchange(last_place_, now);
}

void branch::on_subscribed(std::string_view channel) { owner_.on_subscribed(*this, channel); }
void branch::on_refused(std::string_view channel, error why) { owner_.on_refused(channel, why); }
void branch::on_message(std::string_view channel, std::string_view payload) {
    owner_.on_message(*this, channel, payload);
}
void branch::on_matched(std::string_view pattern, std::string_view channel, std::string_view payload) {
    owner_.on_matched(*this, pattern, channel, payload);
}
void branch::on_oversized(std::string_view channel, std::uint64_t payload_bytes) {
    owner_.on_oversized(channel, payload_bytes);
}
void branch::on_published(std::uint64_t publication, publish_result receivers) {
    owner_.on_published(publication, receivers);
}
void branch::on_called(std::uint64_t number, std::span<const resp::node> said) {
    owner_.on_called(*this, number, said);
}
void branch::on_call_failed(std::uint64_t number, error why) { owner_.on_call_failed(*this, number, why); }
void branch::on_login_refused(const std::string& why) { owner_.on_login_refused(*this, why); }
void branch::on_away(std::string_view) { owner_.on_away(*this); }
void branch::on_back() {
    dialer_.worked();
    note_place();
    told_failure_.clear();
    owner_.on_back();
}

} // namespace carillon::wires
