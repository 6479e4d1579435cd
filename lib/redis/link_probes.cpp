#include "redis/redis_link.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

// Whether what is published at each server comes back over its connection.
namespace carillon::redis {

using clock = upstream::clock;

void redis_link::begin_probing(branch& its) {
    probes_.emplace(its.number(), carillon::upstream::probe{options_.probes});
    its.up().want(probe_channel_, clock::now());
    its.wake();
}

// "BRANCH NUMBER": the nodes of a cluster tell each other of all that is published, so each hears those of the others.
void redis_link::on_probe(const branch& from, std::string_view text) {
    const std::string begin = std::to_string(from.number()) + ' ';
    if (!text.starts_with(begin)) return;
    std::uint64_t number = 0;
    text.remove_prefix(begin.size());
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (failed == std::errc{} && end == text.data() + text.size())
        probes_.at(from.number()).on_heard(number, clock::now());
}

void redis_link::look_at_probes(clock::time_point now) {
    for (const auto& each : branches_) {
        const auto found = probes_.find(each->number());
        if (found == probes_.end() || !each->up().live()) continue;
        if (each->up().held()) found->second.on_hold(now);
        if (found->second.overdue(now)) {
            ++probes_lost_;
            each->give_up("what was published there has not come back within " +
                          std::to_string(found->second.patience().count()) + " ms");
            continue;
        }
        const auto number = found->second.due(now);
        if (!number) continue;
        const std::uint64_t publication = next_publication_++;
        ++probes_sent_;
        probing_.emplace(publication, each->number());
        each->up().publish(publication, probe_channel_, std::to_string(each->number()) + ' ' + std::to_string(*number),
                           now);
        each->wake();
    }
}

// A server that does not let us publish this may let us have all else.
bool redis_link::on_probe_published(std::uint64_t publication, const publish_result& receivers) {
    const auto found = probing_.find(publication);
    if (found == probing_.end()) return false;
    const auto its = probes_.find(found->second);
    if (!receivers) ++probes_failed_;
    if (!receivers && its != probes_.end()) {
        if (receivers.error() == error::denied) its->second.on_away();
        its->second.on_unsent();
    }
    probing_.erase(found);
    return true;
}

clock::time_point redis_link::wake_for_probes() const {
    clock::time_point next = clock::time_point::max();
    for (const auto& each : branches_) {
        const auto found = probes_.find(each->number());
        if (found != probes_.end() && each->up().live()) next = std::min(next, found->second.wake_at());
    }
    return next;
}

std::chrono::microseconds redis_link::slowest_probe() const {
    std::chrono::microseconds slowest{};
    for (const auto& [number, its] : probes_) slowest = std::max(slowest, its.took());
    return slowest;
}

} // namespace carillon::redis
