#include "net/timer_wheel.hpp"
#include "support/allocations.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <vector>

namespace carillon::net {
namespace {

using namespace std::chrono_literals;
using clock = timer_wheel::clock;

constexpr clock::duration revolution = timer_wheel::tick * timer_wheel::slots;

// A wheel, its records, and a clock that goes only when it is told to.
struct timers {
    clock::time_point now = clock::time_point{} + 1234567ns;
    slab records{2000};
    timer_wheel wheel{records, now};

    connection& make() { return *records.emplace<connection>(owner::websocket); }
    void schedule(connection& c, clock::duration after) { wheel.schedule(c, now, after); }
    /// Who expires when the clock jumps ahead.
    std::vector<connection*> pass(clock::duration length) {
        now += length;
        std::vector<connection*> expired;
        wheel.advance(now, [&](connection& c) { expired.push_back(&c); });
        return expired;
    }
};

using group = std::vector<connection*>;

TEST(timer_wheel, a_deadline_comes_once_and_is_then_out_of_the_wheel) {
    timers t;
    connection& c = t.make();
    EXPECT_FALSE(timer_wheel::scheduled(c));
    t.schedule(c, 1s);
    EXPECT_TRUE(timer_wheel::scheduled(c));
    EXPECT_EQ(t.wheel.size(), 1u);
    EXPECT_EQ(t.pass(2s), group{&c});
    EXPECT_FALSE(timer_wheel::scheduled(c));
    EXPECT_EQ(t.wheel.size(), 0u);
    EXPECT_EQ(t.pass(2 * revolution), group{});
}

TEST(timer_wheel, a_deadline_is_never_early_and_late_by_at_most_a_tick) {
    for (const clock::duration begin : {0ns, 1ns, 25'000'000ns, 49'999'999ns}) {
        for (const clock::duration after : std::initializer_list<clock::duration>{
                 0ns, 1ns, 49ms, 50ms, 51ms, 1s, revolution - 1ns, revolution, revolution + 1ns, 3 * revolution, 24h}) {
            timers t;
            t.pass(begin);
            connection& c = t.make();
            t.schedule(c, after);
            if (after > 0ns) { EXPECT_EQ(t.pass(after - 1ns), group{}) << "early: " << after.count(); }
            const auto slack = after > 0ns ? timer_wheel::tick + 1ns : clock::duration{timer_wheel::tick};
            EXPECT_EQ(t.pass(slack), group{&c}) << "late: " << after.count();
        }
    }
}

TEST(timer_wheel, a_time_in_the_past_comes_within_a_tick) {
    timers t;
    connection& c = t.make();
    t.schedule(c, -1h);
    EXPECT_EQ(t.pass(timer_wheel::tick), group{&c});
}

TEST(timer_wheel, a_new_deadline_takes_the_place_of_the_one_before) {
    timers t;
    connection& c = t.make();
    t.schedule(c, 1s);
    t.schedule(c, 10s);
    EXPECT_EQ(t.wheel.size(), 1u);
    EXPECT_EQ(t.pass(9s), group{});
    EXPECT_EQ(t.pass(2s), group{&c});
    t.schedule(c, 10s);
    t.schedule(c, 1s);
    EXPECT_EQ(t.pass(2s), group{&c});
    EXPECT_EQ(t.pass(20s), group{});
}

TEST(timer_wheel, a_cancelled_deadline_does_not_come) {
    timers t;
    connection& c = t.make();
    t.schedule(c, 1s);
    t.wheel.cancel(c);
    EXPECT_FALSE(timer_wheel::scheduled(c));
    EXPECT_EQ(t.wheel.size(), 0u);
    t.wheel.cancel(c); // and once more, which is nothing
    EXPECT_EQ(t.pass(2s), group{});
}

TEST(timer_wheel, many_of_one_slot_can_leave_it_in_any_order) {
    timers t;
    group all;
    for (int i = 0; i < 6; ++i) {
        all.push_back(&t.make());
        t.schedule(*all.back(), 1s);
    }
    t.wheel.cancel(*all[5]); // the first of its list
    t.wheel.cancel(*all[0]); // the last
    t.wheel.cancel(*all[2]); // one between
    auto expired = t.pass(2s);
    std::sort(expired.begin(), expired.end());
    EXPECT_EQ(expired, (group{all[1], all[3], all[4]}));
}

TEST(timer_wheel, deadlines_one_revolution_apart_share_a_slot_and_come_apart) {
    timers t;
    connection& soon = t.make();
    connection& later = t.make();
    connection& last = t.make();
    t.schedule(last, 1s + 2 * revolution);
    t.schedule(soon, 1s);
    t.schedule(later, 1s + revolution);
    EXPECT_EQ(t.pass(2s), group{&soon});
    EXPECT_EQ(t.pass(revolution), group{&later});
    EXPECT_EQ(t.pass(revolution), group{&last});
}

TEST(timer_wheel, a_jump_over_many_revolutions_misses_nobody_and_keeps_their_order) {
    timers t;
    group in_order;
    for (int i = 0; i < 1000; ++i) {
        in_order.push_back(&t.make());
        t.schedule(*in_order.back(), i * 333ms);
    }
    EXPECT_EQ(t.pass(7 * revolution), in_order);
}

TEST(timer_wheel, a_clock_that_stands_still_or_goes_back_expires_nobody) {
    timers t;
    t.pass(10s);
    connection& c = t.make();
    t.schedule(c, 1s);
    EXPECT_EQ(t.pass(0s), group{});
    EXPECT_EQ(t.pass(-5s), group{});
    EXPECT_EQ(t.pass(5s), group{});
    EXPECT_EQ(t.pass(2s), group{&c});
}

TEST(timer_wheel, a_few_at_a_time_come_in_the_same_order_and_none_is_lost) {
    timers whole, parts;
    group in_order, in_parts;
    for (int i = 0; i < 100; ++i) {
        for (timers* each : {&whole, &parts}) {
            connection& c = each->make();
            each->schedule(c, i / 30 * 1s);
            (each == &whole ? in_order : in_parts).push_back(&c);
        }
    }
    const group expected = whole.pass(10s);
    ASSERT_EQ(expected.size(), 100u);
    parts.now += 10s;
    group expired;
    std::size_t calls = 1;
    while (!parts.wheel.advance(
        parts.now, [&](connection& c) { expired.push_back(&c); }, 7)) {
        EXPECT_EQ(expired.size(), 7 * calls++);
    }
    EXPECT_EQ(calls, 100u / 7 + 1);
    ASSERT_EQ(expired.size(), 100u);
    for (std::size_t i = 0; i < 100; ++i) {
        const auto of_whole = std::find(in_order.begin(), in_order.end(), expected[i]) - in_order.begin();
        const auto of_parts = std::find(in_parts.begin(), in_parts.end(), expired[i]) - in_parts.begin();
        EXPECT_EQ(of_parts, of_whole) << i;
    }
}

TEST(timer_wheel, who_waits_for_the_next_part_may_be_cancelled_scheduled_again_and_released) {
    timers t;
    group all;
    for (int i = 0; i < 4; ++i) {
        all.push_back(&t.make());
        t.schedule(*all.back(), 1s);
    }
    t.now += 2s;
    group expired;
    const auto expire = [&](connection& c) { expired.push_back(&c); };
    EXPECT_FALSE(t.wheel.advance(t.now, expire, 1));
    std::erase(all, expired[0]);
    t.wheel.cancel(*all[0]);
    t.schedule(*all[1], 5s);
    t.wheel.cancel(*all[2]);
    t.records.release(*all[2]);
    EXPECT_TRUE(t.wheel.advance(t.now, expire, 1));
    EXPECT_EQ(expired.size(), 1u);
    EXPECT_EQ(t.pass(6s), group{all[1]});
    EXPECT_EQ(t.wheel.size(), 0u);
}

TEST(timer_wheel, the_callback_may_schedule_its_own_connection_again) {
    timers t;
    connection& c = t.make();
    int rings = 0;
    t.schedule(c, 1s);
    for (int i = 0; i < 100; ++i) {
        t.now += 500ms;
        t.wheel.advance(t.now, [&](connection& expired) {
            ++rings;
            t.schedule(expired, 0s); // not twice in one advance, which might never end
        });
    }
    EXPECT_EQ(rings, 98);
}

TEST(timer_wheel, the_callback_may_cancel_or_release_others_that_are_due_with_it) {
    timers t;
    group all;
    for (int i = 0; i < 10; ++i) {
        all.push_back(&t.make());
        t.schedule(*all.back(), 1s);
    }
    std::size_t heard = 0;
    t.now += 2s;
    t.wheel.advance(t.now, [&](connection&) {
        if (++heard == 1) {
            for (connection* each : all) {
                t.wheel.cancel(*each);
                t.records.release(*each);
            }
        }
    });
    EXPECT_EQ(heard, 1u);
    EXPECT_EQ(t.wheel.size(), 0u);
    EXPECT_EQ(t.records.size(), 0u);
}

TEST(timer_wheel, scheduling_and_expiring_allocate_nothing) {
    timers t;
    group all;
    for (int i = 0; i < 1000; ++i) all.push_back(&t.make());
    EXPECT_EQ(test::allocations_during([&] {
                  for (connection* each : all) t.schedule(*each, 3s);
                  t.now += 10s;
                  t.wheel.advance(t.now, [](connection&) {});
              }),
              0u);
    EXPECT_EQ(t.wheel.size(), 0u);
}

// The same history for the wheel and for a multimap of deadlines.
class history {
public:
    explicit history(unsigned seed) : random_{seed} {}

    void run(int steps) {
        for (int i = 0; i < steps && !testing::Test::HasFatalFailure(); ++i) {
            change();
            if (below(3) == 0) advance(some_time(4));
        }
        advance(10 * revolution); // its callbacks schedule nobody
        ASSERT_TRUE(deadlines_.empty());
    }

private:
    using model = std::multimap<clock::time_point, std::uint64_t>; // who, as a packed key

    std::size_t below(std::size_t end) { return random_() % end; }

    // From nothing to several times around, and often exactly on a tick.
    clock::duration some_time(std::size_t revolutions) {
        const auto exact =
            timer_wheel::tick * static_cast<int>(below(below(2) == 0 ? 5 : timer_wheel::slots * revolutions));
        return below(2) == 0 ? clock::duration{exact} : exact + std::chrono::nanoseconds{below(50'000'000)};
    }

    connection* somebody() {
        if (all_.empty()) return nullptr;
        return t_.records.find(connection_key::unpacked(all_[below(all_.size())]));
    }

    std::uint64_t key_of(const connection& c) const { return t_.records.key_of(c).packed(); }

    model::iterator deadline_of(const connection& c) {
        return std::find_if(deadlines_.begin(), deadlines_.end(),
                            [&](const auto& each) { return each.second == key_of(c); });
    }

    void forget_deadline(const connection& c) {
        if (const auto found = deadline_of(c); found != deadlines_.end()) deadlines_.erase(found);
    }

    void change() {
        switch (below(6)) {
        case 0:
            if (all_.size() < 60) all_.push_back(key_of(t_.make()));
            return;
        case 1:
            if (connection* c = somebody()) cancel(*c);
            return;
        case 2:
            if (connection* c = somebody()) release(*c);
            return;
        default:
            if (connection* c = somebody()) schedule(*c, some_time(3));
            return;
        }
    }

    void schedule(connection& c, clock::duration after) {
        forget_deadline(c);
        deadlines_.emplace(t_.now + after, key_of(c));
        t_.schedule(c, after);
    }

    void cancel(connection& c) {
        forget_deadline(c);
        t_.wheel.cancel(c);
    }

    void release(connection& c) {
        cancel(c);
        std::erase(all_, key_of(c));
        t_.records.release(c);
    }

    void advance(clock::duration length) {
        const bool quiet = length >= 10 * revolution;
        t_.now += length;
        std::int64_t tick_before = 0;
        const auto expire = [&](connection& c) {
            const auto found = deadline_of(c);
            ASSERT_NE(found, deadlines_.end()) << "nobody had asked for it";
            ASSERT_LE(found->first, t_.now) << "early";
            const std::int64_t expired_tick = (found->first - began_) / timer_wheel::tick;
            EXPECT_GE(expired_tick, tick_before) << "in the order of their ticks";
            tick_before = expired_tick;
            deadlines_.erase(found);
            EXPECT_FALSE(timer_wheel::scheduled(c));
            EXPECT_EQ(t_.wheel.size(), deadlines_.size());
            if (quiet) return;
            if (below(3) == 0) schedule(c, some_time(2));
            if (below(5) == 0) release(c);
            if (below(2) == 0) change();
        };
        const std::size_t most = below(2) == 0 ? static_cast<std::size_t>(-1) : 1 + below(5);
        while (!t_.wheel.advance(t_.now, expire, most)) {
            if (!quiet) change();
        }
        ASSERT_EQ(t_.wheel.size(), deadlines_.size());
        if (!deadlines_.empty()) { ASSERT_GT(deadlines_.begin()->first + timer_wheel::tick, t_.now) << "late"; }
    }

    std::mt19937 random_;
    timers t_;
    const clock::time_point began_ = t_.now;
    std::vector<std::uint64_t> all_;
    model deadlines_;
};

TEST(timer_wheel, random_histories_agree_with_a_multimap) {
    for (unsigned seed = 0; seed < 30; ++seed) {
        SCOPED_TRACE(seed);
        history{seed}.run(1000);
        if (HasFatalFailure()) return;
    }
}

TEST(timer_wheel, says_how_long_it_is_until_a_deadline) {
    timers t;
    connection& c = t.make();
    EXPECT_EQ(t.wheel.left(c, t.now), 0ns);
    for (const auto after : {0ms, 1ms, 50ms, 25'000ms, 120'000ms}) {
        t.schedule(c, after);
        const auto left = t.wheel.left(c, t.now);
        EXPECT_GE(left, after);
        EXPECT_LE(left, after + 2 * timer_wheel::tick);
        t.pass(left);
        EXPECT_EQ(t.wheel.left(c, t.now), 0ns) << "it has come";
    }
}

} // namespace
} // namespace carillon::net
