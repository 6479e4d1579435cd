#include "load/interrupt.hpp"
#include "load/kernel_memory.hpp"
#include "load/schedule.hpp"
#include "load/stage.hpp"
#include "load/worker.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace carillon::load {
namespace {

constexpr auto settling = std::chrono::milliseconds{300};  // for what a server does behind the last answer
constexpr auto head_start = std::chrono::milliseconds{50}; // so that all workers have their order when it begins

// From `begin` until the last event, and not less than `least`: a rate is not higher because the last events are
// missing.
std::chrono::nanoseconds length_of(clock::time_point begin, std::int64_t last, clock::duration least) {
    return std::max<clock::duration>(clock::time_point{std::chrono::nanoseconds{last}} - begin, least);
}

} // namespace

std::int64_t stage::resident_bytes() {
    const auto bytes = probe_.resident_bytes();
    if (bytes) return *bytes;
    fail("the server's memory: " + bytes.error().message());
    return 0;
}

void stage::play_idle() {
    outcome& told = result_.outcome;
    memory_figures memory;
    memory.from_connections = what_.from;
    memory.to_connections = what_.connections;
    if (!connect(what_.from, "first connections") || !hold(settling, "settling")) return;
    const auto kernel_before = read_kernel_memory();
    memory.resident_bytes_from = resident_bytes();
    if (!connect(what_.connections, "connecting") || !hold(settling, "settling")) return;
    const auto kernel_after = read_kernel_memory();
    memory.resident_bytes_to = resident_bytes();
    if (kernel_before && kernel_after) {
        memory.kernel_slab_bytes_from = kernel_before->slab_bytes;
        memory.kernel_slab_bytes_to = kernel_after->slab_bytes;
        memory.socket_bytes_from = kernel_before->socket_bytes;
        memory.socket_bytes_to = kernel_after->socket_bytes;
        memory.kernel_is_exact = kernel_before->exact && kernel_after->exact;
    }
    told.memory = memory;
    result_.has_figures = true;

    event_figures holding;
    const std::uint64_t pings_before = crew_.figures().read_all().pings;
    const server_cpu before = cpu();
    const clock::time_point begin = clock::now();
    hold(what_.duration, "holding");
    holding.length = clock::now() - begin;
    if (const server_cpu after = cpu(); before && after) holding.server_cpu = *after - *before;
    holding.counted = crew_.figures().read_all().pings - pings_before;
    told.holding = std::move(holding);
}

void stage::play_publications() {
    outcome& told = result_.outcome;
    publisher_ = make_publisher(what_);
    if (!publisher_->trouble().empty()) return fail(publisher_->trouble());
    if (!connect(what_.connections, "connecting")) return;
    result_.has_figures = true;
    const std::uint64_t each = what_.connections / what_.channels;
    std::uint64_t published = 0;
    warm_up_sequences_.resize(what_.channels);
    if (what_.warm_up.count() > 0) {
        if (!publish_for(warm_up_of(run_), what_.warm_up, "warming up", published)) return;
        await_deliveries(published * each, true);
        if (const std::uint64_t come = crew_.figures().read_all().warm_ups; come < published * each)
            warm_up_lost_ = published * each - come;
    }
    if (interrupted() || !result_.trouble.empty()) return;

    publisher_->forget_figures();
    if (what_.read_later) crew_.freeze();
    const server_cpu before = cpu();
    const clock::time_point begin = clock::now();
    const bool whole = publish_for(run_, what_.duration, "publishing", published);
    const clock::duration length = whole ? what_.duration : clock::now() - begin;
    if (what_.read_later) crew_.thaw();
    await_deliveries(published * each, false);
    const server_cpu after = cpu();
    const publish_figures& sent = publisher_->figures();
    event_figures publishes;
    publishes.expected = published;
    publishes.counted = sent.acknowledged;
    publishes.failed = sent.refused;
    publishes.length = length_of(begin, sent.last_answer.time_since_epoch().count(), length);
    publishes.latency = sent.latency;
    told.publishes = std::move(publishes);
    if (sent.refused > 0) fail(fmt::format("{} publications were refused: {}", sent.refused, publisher_->refusal()));

    const tally now = crew_.figures().read_all();
    event_figures deliveries;
    deliveries.expected = published * each;
    deliveries.counted = now.deliveries;
    deliveries.length = length_of(begin, now.deliveries_end, length);
    if (before && after) deliveries.server_cpu = *after - *before;
    told.deliveries = std::move(deliveries);
}

void stage::play_echo() {
    if (!connect(what_.connections, "connecting")) return;
    result_.has_figures = true;
    order what;
    what.what = order::kind::echo;
    what.rate = what_.rate;
    what.start = clock::now() + head_start;
    what.measured = what.start + what_.warm_up;
    what.end = what.measured + what_.duration;
    server_cpu before;
    const bool whole = carry_out(what, what.end + 2 * what_.timeout, "commands", before);
    const clock::duration length = whole ? what_.duration : clock::now() - what.measured;
    const server_cpu after = cpu();
    const tally now = crew_.figures().read_all();
    event_figures figures;
    figures.counted = now.round_trips;
    figures.length = length_of(what.measured, now.round_trips_end, length);
    if (what_.rate > 0) {
        const schedule times{what.start, what_.rate};
        figures.expected = times.count_within(what_.warm_up + what_.duration);
        if (what_.warm_up.count() > 0) figures.expected -= times.count_within(what_.warm_up);
    }
    if (before && after) figures.server_cpu = *after - *before;
    result_.outcome.round_trips = std::move(figures);
}

void stage::play_storm() {
    if (!connect(what_.connections, "connecting") || !hold(settling, "settling")) return;
    result_.has_figures = true;
    connected_ = false; // there is a moment without anybody
    order what;
    what.what = order::kind::storm;
    what.count = what_.connections;
    what.start = clock::now() + head_start;
    what.measured = what.start;
    server_cpu before;
    constexpr int attempts = 12;
    carry_out(what, what.start + attempts * what_.timeout + std::chrono::minutes{1}, "reconnecting", before);
    take_handshakes(what.start, before, what_.connections);
    missing_connections();
}

void stage::play_churn() {
    if (!connect(what_.connections, "connecting") || !hold(settling, "settling")) return;
    result_.has_figures = true;
    connected_ = false; // there may be moments without anybody
    order what;
    what.what = order::kind::churn;
    what.rate = what_.rate;
    what.start = clock::now() + head_start;
    what.measured = what.start;
    what.end = what.start + what_.duration;
    server_cpu before;
    constexpr int attempts = 12;
    carry_out(what, what.end + attempts * what_.timeout + std::chrono::minutes{1}, "coming and going", before);
    const auto length = std::clamp<std::chrono::nanoseconds>(clock::now() - what.start, {}, what_.duration);
    const std::uint64_t due = schedule{what.start, what_.rate}.count_within(length);
    take_handshakes(what.start, before, due);
    event_figures& back = *result_.outcome.handshakes;
    back.length = std::max(back.length, length);
    if (back.counted < due && !interrupted()) overdue_ = due - back.counted;
    missing_connections();
}

} // namespace carillon::load
