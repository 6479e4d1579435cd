#include "upstream/probe.hpp"

namespace carillon::upstream {

std::optional<std::uint64_t> probe::due(clock::time_point now) noexcept {
    if (!is_heard_ || sent_at_ || now < next_) return {};
    sent_at_ = patient_from_ = now;
    next_ = now + limits_.interval;
    return ++last_;
}

// One of an earlier connection says nothing of this one.
void probe::on_heard(std::uint64_t number, clock::time_point now) noexcept {
    if (!sent_at_ || number != last_) return;
    took_ = std::chrono::duration_cast<std::chrono::microseconds>(now - *sent_at_);
    sent_at_.reset();
}

probe::clock::time_point probe::wake_at() const noexcept {
    if (!is_heard_) return clock::time_point::max();
    return sent_at_ ? patient_from_ + limits_.patience : next_;
}

} // namespace carillon::upstream
