#include "work/work_pool.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>

namespace carillon::work {

using clock = std::chrono::steady_clock;

lease::~lease() {
    if (pool_ != nullptr) pool_->give_back(slot_);
}

std::span<std::byte> lease::buffer() const noexcept {
    CHECK(pool_ != nullptr);
    auto& mine = pool_->slots_[slot_];
    if (mine.buffer == nullptr) {
        mine.buffer = std::make_unique<std::byte[]>(pool_->buffer_bytes_ + work_pool::readable_padding);
    }
    return {mine.buffer.get(), pool_->buffer_bytes_};
}

work_pool::work_pool(boost::asio::io_context& context, std::uint32_t leases, std::size_t buffer_bytes)
    : context_{&context}, buffer_bytes_{buffer_bytes}, patience_{context} {
    CHECK(leases > 0);
    slots_.reserve(leases);
    free_.reserve(leases);
    for (std::uint32_t i = 0; i < leases; ++i) {
        slots_.push_back({nullptr, boost::asio::make_strand(context)});
        free_.push_back(leases - 1 - i);
    }
}

work_pool::~work_pool() { CHECK(line_.empty()); }

work_pool::acquire_awaiter work_pool::acquire() noexcept { return {*this, std::chrono::milliseconds::zero()}; }

work_pool::acquire_awaiter work_pool::acquire_within(std::chrono::milliseconds patience) noexcept {
    return {*this, patience};
}

work_pool::yield_awaiter work_pool::yield(const lease& held) noexcept {
    CHECK(held.pool_ == this);
    return yield_awaiter{slots_[held.slot_]};
}

lease work_pool::try_acquire() noexcept {
    // Who comes now does not overtake those in line: free leases and a line exclude each other.
    if (closed_ || free_.empty()) return {};
    const std::uint32_t taken = free_.back();
    free_.pop_back();
    return {*this, taken};
}

void work_pool::give_back(std::uint32_t returned) noexcept {
    if (line_.empty()) {
        free_.push_back(returned);
        return;
    }
    waiter& next = line_.front();
    leave_line(next);
    next.given = lease{*this, returned};
    boost::asio::post(slots_[returned].strand, [waiting = next.waiting] { waiting.resume(); });
}

void work_pool::close() {
    closed_ = true;
    patience_.cancel();
    while (!line_.empty()) {
        waiter& next = line_.front();
        leave_line(next);
        boost::asio::post(*context_, [waiting = next.waiting] { waiting.resume(); });
    }
}

void work_pool::leave_line(waiter& leaving) noexcept {
    line_.erase(line_.iterator_to(leaving));
    if (leaving.place_in<impatient>::is_linked()) impatient_.erase(impatient_.iterator_to(leaving));
}

// The timer runs only while somebody waits with a limit, and is set for the earliest of them.
void work_pool::watch_patience(clock::time_point until) {
    if (until >= patience_watched_) return;
    patience_watched_ = until;
    patience_.expires_at(until);
    patience_.async_wait([this](boost::system::error_code why) {
        if (why) return; // it is set for an earlier one now, or the pool has closed and may be no more
        patience_watched_ = clock::time_point::max();
        end_impatient_waits();
    });
}

void work_pool::end_impatient_waits() {
    const auto now = clock::now();
    auto next_end = clock::time_point::max();
    for (auto each = impatient_.begin(); each != impatient_.end();) {
        waiter& candidate = *each++;
        if (candidate.patient_until > now) {
            next_end = std::min(next_end, candidate.patient_until);
            continue;
        }
        leave_line(candidate);
        ++counts_.timeouts;
        boost::asio::post(*context_, [waiting = candidate.waiting] { waiting.resume(); });
    }
    watch_patience(next_end);
}

bool work_pool::acquire_awaiter::await_ready() noexcept {
    place_.given = pool_.try_acquire();
    return place_.given || pool_.closed_;
}

void work_pool::acquire_awaiter::await_suspend(std::coroutine_handle<> waiting) {
    place_.waiting = waiting;
    ++pool_.counts_.waits;
    pool_.line_.push_back(place_);
    if (patience_ <= std::chrono::milliseconds::zero()) return;
    place_.patient_until = clock::now() + patience_;
    pool_.impatient_.push_back(place_);
    pool_.watch_patience(place_.patient_until);
}

void work_pool::yield_awaiter::await_suspend(std::coroutine_handle<> waiting) {
    boost::asio::post(through_.strand, [waiting] { waiting.resume(); });
}

} // namespace carillon::work
