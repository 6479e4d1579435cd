#include "net/timer_wheel.hpp"

#include <algorithm>

namespace carillon::net {

timer_wheel::timer_wheel(slab& records, clock::time_point now) : records_{&records}, start_{now} {
    heads_.fill(no_index);
}

std::uint32_t timer_wheel::tick_of(clock::time_point when) const noexcept {
    return 1 + static_cast<std::uint32_t>((when - start_) / tick);
}

void timer_wheel::schedule(connection& c, clock::time_point now, clock::duration after) {
    cancel(c);
    // One tick more than the division gives: the deadline may be late by a part of a tick, never early.
    const std::uint32_t wanted = tick_of(now + std::max(after, clock::duration::zero())) + 1;
    c.deadline_tick = std::max({wanted, current_ + 1, 1u});
    link(heads_[c.deadline_tick % slots], c);
    ++size_;
}

timer_wheel::clock::duration timer_wheel::left(const connection& c, clock::time_point now) const noexcept {
    if (!scheduled(c)) return {};
    return std::max(start_ + (c.deadline_tick - 1) * clock::duration{tick} - now, clock::duration::zero());
}

void timer_wheel::cancel(connection& c) {
    if (scheduled(c)) unlink(c);
}

void timer_wheel::link(std::uint32_t& head, connection& c) noexcept {
    const std::uint32_t index = records_->index_of(c);
    c.wheel_previous = no_index;
    c.wheel_next = head;
    if (head != no_index) records_->at(head).wheel_previous = index;
    head = index;
}

void timer_wheel::unlink(connection& c) noexcept {
    const std::uint32_t index = records_->index_of(c);
    if (c.wheel_next != no_index) records_->at(c.wheel_next).wheel_previous = c.wheel_previous;
    if (c.wheel_previous != no_index) {
        records_->at(c.wheel_previous).wheel_next = c.wheel_next;
    } else {
        // The first of a list: that of its slot, or of those that are due just now.
        std::uint32_t& slot = heads_[c.deadline_tick % slots];
        std::uint32_t& head = slot == index ? slot : due_;
        CHECK(head == index);
        head = c.wheel_next;
    }
    c.wheel_previous = c.wheel_next = no_index;
    c.deadline_tick = 0;
    --size_;
}

void timer_wheel::take_due(std::uint32_t slot) noexcept {
    for (std::uint32_t index = heads_[slot]; index != no_index;) {
        connection& c = records_->at(index);
        index = c.wheel_next;
        if (c.deadline_tick != current_) continue; // a later time around
        const std::uint32_t deadline = c.deadline_tick;
        unlink(c);
        c.deadline_tick = deadline;
        link(due_, c);
        ++size_;
    }
}

} // namespace carillon::net
