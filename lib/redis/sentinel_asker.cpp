#include "redis/sentinel_asker.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <array>
#include <utility>

namespace carillon::redis {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

constexpr auto no_throw = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t read_bytes = 1024;
constexpr const char* too_late = "it does not answer in time";

} // namespace

sentinel_asker::sentinel_asker(asio::io_context& context, const whereabouts& how)
    : how_{how}, resolver_{context}, limit_{context}, sleep_{context}, wire_{context, [this] { sleep_.cancel(); }} {}

void sentinel_asker::stop() {
    stopping_ = true;
    cut();
}

void sentinel_asker::cut() {
    over_ = true;
    resolver_.cancel();
    wire_.close();
    sleep_.cancel();
}

asio::awaitable<sentinel_asker::outcome> sentinel_asker::ask(place which, clock::time_point deadline) {
    over_ = stopping_;
    limit_.expires_at(deadline);
    limit_.async_wait([this, of = ++attempt_](error_code stopped) {
        if (!stopped && of == attempt_) cut();
    });
    const std::string unreached = co_await reach(which);
    outcome said;
    said.why = unreached;
    if (said.why.empty()) {
        outcome answer = co_await converse();
        said = std::move(answer);
    }
    ++attempt_;
    limit_.cancel();
    wire_.close();
    if (!said.why.empty()) said.why = "the Sentinel at " + to_string(which) + ": " + said.why;
    co_return said;
}

// Each of the addresses of its name, until one lets us in.
asio::awaitable<std::string> sentinel_asker::reach(place which) {
    looking_up_ = true;
    auto [unknown, found] = co_await resolver_.async_resolve(which.host, std::to_string(which.port), no_throw);
    looking_up_ = false;
    if (unknown) co_return over_ ? too_late : unknown.message();
    std::string why = "its name has no address";
    for (const auto& each : found) {
        if (over_) co_return too_late;
        wire_.close();
        const wire::protocol::endpoint where = each.endpoint();
        auto [refused] = co_await wire_.socket().async_connect(where, no_throw);
        if (over_) co_return too_late;
        why = refused ? refused.message() : "";
        if (!refused) break;
    }
    if (!why.empty() || !how_.encryption) co_return why;
    co_return wire_.encrypt(*how_.encryption, name_at(how_, which));
}

asio::awaitable<std::vector<place>> sentinel_asker::look_up(place name) {
    looking_up_ = true;
    auto [unknown, found] = co_await resolver_.async_resolve(name.host, std::to_string(name.port), no_throw);
    looking_up_ = false;
    std::vector<place> list;
    for (const auto& each : found) list.push_back({each.endpoint().address().to_string(), each.endpoint().port()});
    co_return list;
}

asio::awaitable<sentinel_asker::outcome> sentinel_asker::converse() {
    carillon::upstream::sentinel_talk talk{how_.asked};
    std::string_view unsent = talk.question();
    std::string buffer(read_bytes, '\0');
    wire_.opened(std::chrono::seconds{2});
    while (!over_) {
        error_code failed;
        if (wire_.readable()) {
            const std::size_t count = wire_.read(buffer, failed);
            if (failed) co_return talk.none(wire_.why(failed));
            auto said = talk.on_received({buffer.data(), count});
            if (said) co_return std::move(*said);
        }
        if (wire_.writable() && !unsent.empty()) unsent.remove_prefix(wire_.write(unsent, failed));
        if (failed) co_return talk.none(wire_.why(failed));
        if (wire_.readable()) {
            co_await asio::post(sleep_.get_executor(), asio::use_awaitable);
        } else {
            sleep_.expires_at(clock::time_point::max());
            auto [interrupted] = co_await sleep_.async_wait(no_throw);
            (void)interrupted;
        }
    }
    co_return talk.none(too_late);
}

} // namespace carillon::redis
