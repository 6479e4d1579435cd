#include "wires/asker.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <array>
#include <utility>

namespace carillon::wires {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

constexpr auto no_throw = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t read_bytes = 4096;
constexpr const char* too_late = "it does not answer in time";

} // namespace

asker::asker(asio::io_context& context, const whereabouts& how)
    : how_{how}, resolver_{context}, limit_{context}, sleep_{context}, wire_{context, [this] { sleep_.cancel(); }} {}

void asker::stop() {
    stopping_ = true;
    cut();
}

void asker::cut() {
    over_ = true;
    resolver_.cancel();
    wire_.close();
    sleep_.cancel();
}

asio::awaitable<std::string> asker::ask(place which, std::string question, hearing heard, clock::time_point deadline) {
    over_ = stopping_;
    limit_.expires_at(deadline);
    limit_.async_wait([this, of = ++attempt_](error_code stopped) {
        if (!stopped && of == attempt_) cut();
    });
    std::string why = co_await reach(which);
    if (why.empty()) {
        std::string unheard = co_await converse(std::move(question), std::move(heard));
        why = std::move(unheard);
    }
    ++attempt_;
    limit_.cancel();
    wire_.close();
    co_return why;
}

asio::awaitable<asker::outcome> asker::ask_for_master(place which, clock::time_point deadline) {
    carillon::discovery::sentinel_talk talk{how_.asked};
    outcome said;
    const hearing heard = [&](std::string_view bytes) {
        const auto found = talk.on_received(bytes);
        if (found) said = *found;
        return found.has_value();
    };
    const std::string unheard = co_await ask(which, talk.question(), heard, deadline);
    if (!unheard.empty()) said = talk.none(unheard);
    if (!said.why.empty()) said.why = "the Sentinel at " + to_string(which) + ": " + said.why;
    co_return said;
}

// Each of the addresses of its name, until one lets us in.
asio::awaitable<std::string> asker::reach(place which) {
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

asio::awaitable<std::vector<place>> asker::look_up(place name) {
    looking_up_ = true;
    auto [unknown, found] = co_await resolver_.async_resolve(name.host, std::to_string(name.port), no_throw);
    looking_up_ = false;
    std::vector<place> list;
    for (const auto& each : found) list.push_back({each.endpoint().address().to_string(), each.endpoint().port()});
    co_return list;
}

asio::awaitable<std::string> asker::converse(std::string question, hearing heard) {
    std::string_view unsent = question;
    std::string buffer(read_bytes, '\0');
    wire_.opened(std::chrono::seconds{2});
    while (!over_) {
        error_code failed;
        if (wire_.readable()) {
            const std::size_t count = wire_.read(buffer, failed);
            if (failed) co_return wire_.why(failed);
            if (heard({buffer.data(), count})) co_return std::string{};
        }
        if (wire_.writable() && !unsent.empty()) unsent.remove_prefix(wire_.write(unsent, failed));
        if (failed) co_return wire_.why(failed);
        if (wire_.readable()) {
            co_await asio::post(sleep_.get_executor(), asio::use_awaitable);
        } else {
            sleep_.expires_at(clock::time_point::max());
            auto [interrupted] = co_await sleep_.async_wait(no_throw);
            (void)interrupted;
        }
    }
    co_return too_late;
}

} // namespace carillon::wires
