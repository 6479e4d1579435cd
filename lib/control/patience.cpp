#include "control/patience.hpp"

#include <sys/socket.h>

namespace carillon::control {

patience::wait::wait(patience& of, int descriptor)
    : of_{of}, descriptor_{descriptor}, mine_{this}, node_{mine_.begin()} {
    ++of_.alive_;
}

// Without anybody the context has nothing of it to wait for.
patience::wait::~wait() {
    pause();
    if (--of_.alive_ > 0) return;
    of_.timer_.cancel();
    of_.armed_ = false;
}

void patience::wait::begin() {
    pause();
    until_ = clock::now() + of_.length_;
    of_.waiting_.splice(of_.waiting_.end(), mine_, node_);
    if (!of_.armed_) of_.arm(until_);
}

void patience::wait::pause() noexcept {
    if (mine_.empty()) mine_.splice(mine_.end(), of_.waiting_, node_);
}

void patience::arm(clock::time_point until) {
    armed_ = true;
    timer_.expires_at(until);
    timer_.async_wait([this](boost::system::error_code cancelled) {
        if (!cancelled) look();
    });
}

// Whoever was waited for when the timer was set may have begun anew meanwhile: then it is set for the next one.
void patience::look() {
    armed_ = false;
    const clock::time_point now = clock::now();
    while (!waiting_.empty() && waiting_.front()->until_ <= now) {
        wait& late = *waiting_.front();
        late.pause();
        late.over_ = true;
        ::shutdown(late.descriptor_, SHUT_RDWR);
    }
    if (!waiting_.empty()) arm(waiting_.front()->until_);
}

} // namespace carillon::control
