#include "load/stage.hpp"

#include "load/interrupt.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <thread>

namespace carillon::load {
namespace {

constexpr auto look_interval = std::chrono::milliseconds{2};

} // namespace

stage::stage(const options& what, const endpoint& where, std::uint32_t run, progress& shown)
    : what_{what}, run_{run}, shown_{shown}, probe_{what.server_pids}, crew_{what, where, run}, random_{run} {}

run_result stage::play() {
    const clock::time_point begin = clock::now();
    switch (what_.scene) {
    case scene::idle: play_idle(); break;
    case scene::fanout:
    case scene::unicast: play_publications(); break;
    case scene::echo: play_echo(); break;
    case scene::storm: play_storm(); break;
    case scene::churn: play_churn(); break;
    }
    report();
    crew_.quit();
    result_.outcome.length = clock::now() - begin;
    result_.interrupted = interrupted();
    shown_.clear();
    return std::move(result_);
}

void stage::fail(std::string why) {
    if (result_.trouble.empty()) result_.trouble = std::move(why);
}

stage::server_cpu stage::cpu() {
    if (what_.server_pids.empty()) return std::nullopt;
    const auto spent = probe_.cpu();
    if (spent) return *spent;
    fail("the server's processes: " + spent.error().message());
    return std::nullopt;
}

bool stage::go_on(std::string_view words, double share) {
    shown_.show(words, std::clamp(share, 0.0, 1.0));
    if (connected_ && crew_.figures().read_all().live == 0)
        fail("all connections have ended: " + crew_.figures().trouble());
    // Where one cannot come back, the others go the same way, one after the other.
    if (what_.scene == scene::churn && result_.has_figures) missing_connections();
    if (!crew_.is_whole()) fail("a process of the load generator has ended: " + crew_.figures().trouble());
    return !interrupted() && result_.trouble.empty();
}

bool stage::carry_out(const order& what, clock::time_point limit, std::string_view words, server_cpu& before) {
    const bool warms_up = what.measured > what.start;
    if (!warms_up) before = cpu(); // an order may be carried out as soon as it is given
    crew_.tell(what);
    if (warms_up) {
        if (!hold(what.measured - clock::now(), "warming up")) return false;
        before = cpu();
    }
    const auto show = [&] {
        const tally now = crew_.figures().read_all();
        const double share = what.end > what.start
                                 ? std::chrono::duration<double>{clock::now() - what.start} /
                                       std::chrono::duration<double>{what.end - what.start}
                                 : static_cast<double>(now.handshakes) / std::max<double>(1, what.count);
        return go_on(words, share);
    };
    switch (crew_.await(limit, show)) {
    case crew::outcome::done: return true;
    case crew::outcome::interrupted: return false;
    case crew::outcome::timed_out: fail(fmt::format("{}: not done in time", words)); return false;
    case crew::outcome::broken:
        fail("a process of the load generator has ended: " + crew_.figures().trouble());
        return false;
    }
    return false;
}

void stage::take_handshakes(clock::time_point begin, const server_cpu& before, std::uint64_t expected) {
    const tally now = crew_.figures().read_all();
    event_figures figures;
    figures.expected = expected;
    figures.counted = now.handshakes;
    figures.failed = now.failed;
    const std::int64_t end = std::max(now.handshakes_end, begin.time_since_epoch().count());
    figures.length = std::chrono::nanoseconds{end} - begin.time_since_epoch();
    if (const server_cpu after = cpu(); before && after) figures.server_cpu = *after - *before;
    result_.outcome.handshakes = std::move(figures); // the latencies come with the report
}

void stage::missing_connections() {
    const tally now = crew_.figures().read_all();
    if (now.given_up > 0)
        fail(fmt::format("{} of {} connections could not be had: {}", now.given_up, what_.connections,
                         crew_.figures().trouble()));
}

// True when all connections are there.
bool stage::connect(std::uint32_t count, std::string_view words) {
    const clock::time_point begin = clock::now();
    const tally earlier = crew_.figures().read_all();
    order what;
    what.what = order::kind::connect;
    what.count = count;
    what.rate = what_.connect_rate;
    what.start = begin;
    // Attempts end and are counted, so this is only the limit of all limits.
    constexpr int attempts = 12;
    const double paced_s = what_.connect_rate > 0 ? count / what_.connect_rate : count / 100.0;
    const auto limit = begin + attempts * what_.timeout + std::chrono::seconds{static_cast<std::int64_t>(paced_s) + 60};
    server_cpu before;
    const bool done = carry_out(what, limit, words, before);
    take_handshakes(begin, before, count - earlier.live);
    if (!done) return false;
    missing_connections();
    if (const tally now = crew_.figures().read_all(); now.live < count)
        fail(fmt::format("{} of {} connections ended at once: {}", count - now.live, count, crew_.figures().trouble()));
    connected_ = true;
    return result_.trouble.empty();
}

bool stage::hold(std::chrono::nanoseconds length, std::string_view words) {
    const clock::time_point begin = clock::now(), end = begin + length;
    while (clock::now() < end) {
        if (!go_on(words, std::chrono::duration<double>{clock::now() - begin} / std::chrono::duration<double>{length}))
            return false;
        std::this_thread::sleep_until(std::min(end, clock::now() + std::chrono::milliseconds{50}));
    }
    return true;
}

bool stage::publish_for(std::uint32_t run, std::chrono::nanoseconds length, std::string_view words,
                        std::uint64_t& published) {
    const bool measured = run == run_;
    std::uniform_int_distribution<std::uint32_t> any{0, what_.channels - 1};
    const publishing_plan plan{
        what_,
        run,
        length,
        [&] { return any(random_); },
        [&](std::uint32_t channel) {
            return measured ? crew_.figures().published(channel)++ : warm_up_sequences_[channel]++;
        },
        [&](double share) { return go_on(words, share); },
    };
    const publishing_result result = publish(*publisher_, plan);
    published = result.published;
    if (!result.trouble.empty()) fail(result.trouble);
    return result_.trouble.empty() && !interrupted();
}

// Until they have all come, or none has for as long as an answer may take; not so long when the user waits for the end.
bool stage::await_deliveries(std::uint64_t expected, bool warm_up) {
    constexpr std::chrono::nanoseconds last_wait = std::chrono::seconds{1};
    std::uint64_t last = 0;
    clock::time_point since = clock::now();
    for (;;) {
        const tally now = crew_.figures().read_all();
        const std::uint64_t come = warm_up ? now.warm_ups : now.deliveries;
        if (come >= expected) return true;
        if (come != last) since = clock::now();
        last = come;
        go_on("last deliveries", static_cast<double>(come) / static_cast<double>(expected));
        const auto patience = interrupted() ? std::min(what_.timeout, last_wait) : what_.timeout;
        if (clock::now() >= since + patience || !result_.trouble.empty()) return false;
        std::this_thread::sleep_for(look_interval);
    }
}

void stage::report() {
    outcome& told = result_.outcome;
    told.scene = name_of(what_.scene);
    told.parameters = describe(what_);
    order what;
    what.what = order::kind::report;
    crew_.tell(what);
    // Whoever has ended says nothing, but the others do.
    crew_.await(clock::now() + what_.timeout, [] { return true; });
    const tally now = crew_.figures().read_all();
    told.lost = warm_up_lost_ + overdue_ + now.lost;
    told.duplicated = now.duplicated;
    told.disordered = now.disordered;
    told.dropped = now.dropped;
    if (now.dropped > 0) told.dropped_why = crew_.figures().trouble();
    if (told.handshakes) told.handshakes->latency = crew_.figures().read_all(event::handshake);
    if (told.deliveries) told.deliveries->counted = now.deliveries;
    if (told.round_trips) told.round_trips->counted = now.round_trips;
    if (told.deliveries) told.deliveries->latency = crew_.figures().read_all(event::delivery);
    if (told.round_trips) told.round_trips->latency = crew_.figures().read_all(event::round_trip);
}

} // namespace carillon::load
