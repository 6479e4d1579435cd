#include "net/pulse.hpp"

#include <utility>

namespace carillon::net {

pulse::pulse(boost::asio::io_context& context, std::function<std::chrono::milliseconds()> beat)
    : timer_{context}, beat_{std::move(beat)} {}

void pulse::start() {
    stopped_ = false;
    next();
}

void pulse::next() {
    const std::chrono::milliseconds pause = beat_();
    if (stopped_) return;
    timer_.expires_after(pause);
    timer_.async_wait([this](boost::system::error_code cancelled) {
        if (!cancelled && !stopped_) next();
    });
}

// A timer that has expired cannot be cancelled any more: its handler is on its way, and would hear of no error.
void pulse::stop() {
    stopped_ = true;
    timer_.cancel();
}

} // namespace carillon::net
