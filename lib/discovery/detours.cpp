#include "discovery/detours.hpp"

namespace carillon::discovery {

detours::verdict detours::wait(std::uint64_t number, detour& its, clock::time_point now) {
    if (now + limits_.pause > its.until) {
        under_way_.erase(number);
        return verdict::give_up;
    }
    its.hops = 0;
    waiting_.push_back({number, now + limits_.pause});
    return verdict::wait;
}

detours::verdict detours::on_redirected(std::uint64_t number, redirection::kind what, bool known,
                                        clock::time_point now) {
    detour& its = under_way_.try_emplace(number, detour{now + limits_.patience}).first->second;
    const bool leads_somewhere = what == redirection::kind::moved || what == redirection::kind::asked;
    if (leads_somewhere && known && its.hops < limits_.hops_max) {
        ++its.hops;
        return verdict::follow;
    }
    return wait(number, its, now);
}

detours::verdict detours::on_lost(std::uint64_t number, clock::time_point now) {
    return wait(number, under_way_.try_emplace(number, detour{now + limits_.patience}).first->second, now);
}

// All wait for the same time, so the first in line is the first that is due.
std::optional<std::uint64_t> detours::due(clock::time_point now) {
    while (!waiting_.empty() && waiting_.front().at <= now) {
        const std::uint64_t number = waiting_.front().number;
        waiting_.pop_front();
        if (under_way_.contains(number)) return number;
    }
    return {};
}

detours::clock::time_point detours::wake_at() const noexcept {
    return waiting_.empty() ? clock::time_point::max() : waiting_.front().at;
}

} // namespace carillon::discovery
