#include "shards/shedder.hpp"

#include <algorithm>
#include <utility>

namespace carillon::shards {

using namespace std::chrono_literals;

namespace {
// Between two steps: a thousand closes a second are ten in each, and a timer for each of them would do no more.
constexpr std::chrono::milliseconds step_min = 10ms;
} // namespace

void shedder::begin(std::uint32_t how_many, std::chrono::milliseconds window, protocol::disconnect code) {
    code_ = code;
    pace_ = {pace::clock::now(), window, how_many};
    closed_ = 0;
    looked_at_ = 0;
    left_ = how_many;
    step();
}

void shedder::close_all(std::chrono::milliseconds window, std::function<void()> done) {
    all_ = true;
    done_ = std::move(done);
    next_ = 0;
    begin(sessions_ != nullptr ? sessions_->open() : 0, window, protocol::disconnect::shutdown);
}

void shedder::close_some(std::uint32_t how_many, std::chrono::milliseconds window) {
    if (all_ || sessions_ == nullptr) return;
    how_many = std::min(how_many, sessions_->open());
    next_ = how_many == 0 ? 0 : static_cast<std::uint32_t>(chance_()) % sessions_->places();
    begin(how_many, window, protocol::disconnect::force_reconnect);
}

void shedder::hurry() {
    if (idle()) return;
    pace_ = {pace::clock::now(), 0ms, pace_.total()};
    step();
}

void shedder::step() {
    timer_.cancel();
    const auto now = pace::clock::now();
    const std::uint32_t due = pace_.due(now);
    if (due > closed_) {
        const auto did = sessions_->shed(next_, due - closed_, code_);
        closed_ += did.closed;
        next_ = did.next;
        looked_at_ = did.closed > 0 ? 0 : looked_at_ + did.looked_at;
        // All the way round, and nobody was there: the others have gone by themselves.
        if (did.closed == 0 && looked_at_ >= sessions_->places()) return end();
    }
    if (closed_ >= pace_.total()) return end();
    left_ = std::min(pace_.total() - closed_, sessions_->open());
    const bool behind = due > closed_;
    timer_.expires_at(behind ? now : std::max(pace_.when(closed_), now + step_min));
    timer_.async_wait([this](boost::system::error_code stopped) {
        if (!stopped) step();
    });
}

void shedder::end() {
    left_ = 0;
    if (!std::exchange(all_, false)) return;
    if (sessions_ != nullptr) sessions_->close_all(code_); // who has not become a WebSocket, and who came last
    if (const auto done = std::exchange(done_, {})) done();
}

} // namespace carillon::shards
