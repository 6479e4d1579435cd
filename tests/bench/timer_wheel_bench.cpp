#include "net/timer_wheel.hpp"

#include <benchmark/benchmark.h>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace carillon::net {
namespace {

using namespace std::chrono_literals;

constexpr std::uint32_t many = 100'000;

struct timers {
    timers() {
        for (std::uint32_t i = 0; i < many; ++i) all.push_back(records.emplace<connection>(owner::websocket));
    }
    /// Deadlines spread over half a minute, as those of connections that came at different times.
    static std::chrono::milliseconds spread(std::size_t i) { return std::chrono::milliseconds{i * 7919 % 30'000}; }

    timer_wheel::clock::time_point now{};
    slab records{many};
    timer_wheel wheel{records, now};
    std::vector<connection*> all;
};

// A connection's deadline is put off, as each pong does, while all others stand.
void put_off(benchmark::State& state) {
    timers t;
    for (std::size_t i = 0; i < many; ++i) t.wheel.schedule(*t.all[i], t.now, t.spread(i));
    std::size_t next = 0;
    for (auto _ : state) {
        t.wheel.schedule(*t.all[next], t.now, t.spread(next + 1));
        next = (next + 7919) % many;
    }
    state.SetItemsProcessed(state.iterations());
}
BENCHMARK(put_off);

// All are scheduled, and the clock goes on tick by tick until each has come.
void schedule_and_expire(benchmark::State& state) {
    timers t;
    std::uint64_t expired = 0;
    for (auto _ : state) {
        for (std::size_t i = 0; i < many; ++i) t.wheel.schedule(*t.all[i], t.now, t.spread(i));
        while (t.wheel.size() > 0) {
            t.now += timer_wheel::tick;
            t.wheel.advance(t.now, [&](connection&) { ++expired; });
        }
    }
    state.SetItemsProcessed(static_cast<std::int64_t>(expired));
}
BENCHMARK(schedule_and_expire)->Unit(benchmark::kMillisecond);

// One tick of a shard whose connections have deadlines several times around: those of its slot are passed by.
void advance_one_tick(benchmark::State& state) {
    timers t;
    for (std::size_t i = 0; i < many; ++i) t.wheel.schedule(*t.all[i], t.now, 10'000h + t.spread(i));
    for (auto _ : state) {
        t.now += timer_wheel::tick;
        t.wheel.advance(t.now, [](connection&) {});
    }
}
BENCHMARK(advance_one_tick);

} // namespace
} // namespace carillon::net

BENCHMARK_MAIN();
