#include "discovery/slot_table.hpp"

#include <algorithm>
#include <map>
#include <string>

namespace carillon::discovery {

namespace {

bool has_primary(const topology& said, const place& where) {
    return std::ranges::any_of(said.ranges, [&](const auto& each) { return each.primary == where; });
}

} // namespace

slot_table::branch* slot_table::find(id who) {
    const auto found = std::ranges::find(branches_, who, &branch::who);
    return found == branches_.end() ? nullptr : &*found;
}

std::optional<slot_table::id> slot_table::at(const place& where) const {
    const auto found = std::ranges::find(branches_, where, &branch::where);
    return found == branches_.end() ? std::nullopt : std::optional{found->who};
}

std::optional<slot_table::id> slot_table::owner_of(std::uint16_t slot) const {
    return owners_[slot] == none ? std::nullopt : std::optional{owners_[slot]};
}

bool slot_table::complete() const noexcept { return std::ranges::find(owners_, none) == owners_.end(); }

// The one that leads there; or that of a primary that is none any more and had most of these slots; or a new one.
slot_table::id slot_table::chosen_for(const place& primary, const std::vector<std::uint16_t>& its, const topology& said,
                                      change& made) {
    if (const auto there = at(primary)) return *there;
    std::map<id, std::size_t> had;
    for (const std::uint16_t slot : its) ++had[owners_[slot]];
    branch* heir = nullptr;
    std::size_t most = 0;
    for (const auto& [who, count] : had) {
        branch* const each = find(who);
        if (each == nullptr || count <= most || has_primary(said, each->where)) continue;
        heir = each;
        most = count;
    }
    if (heir == nullptr) {
        branches_.push_back({++last_, primary});
        made.opened.push_back(branches_.back());
        return last_;
    }
    heir->where = primary;
    made.led_elsewhere.push_back(*heir);
    return heir->who;
}

slot_table::change slot_table::take(const topology& said) {
    change made;
    std::map<std::string, std::pair<place, std::vector<std::uint16_t>>> primaries;
    for (const auto& [first, last, primary] : said.ranges) {
        auto& [where, its] = primaries[to_string(primary)];
        where = primary;
        for (unsigned slot = first; slot <= last; ++slot) its.push_back(static_cast<std::uint16_t>(slot));
    }
    for (const auto& [name, each] : primaries) {
        const id who = chosen_for(each.first, each.second, said, made);
        for (const std::uint16_t slot : each.second) {
            if (owners_[slot] == who) continue;
            owners_[slot] = who;
            made.moved.set(slot);
        }
    }
    std::vector<id> idle;
    for (const branch& each : branches_) {
        if (std::ranges::find(owners_, each.who) != owners_.end()) continue;
        const bool was_idle = std::ranges::find(idle_, each.who) != idle_.end();
        (was_idle ? made.closed : idle).push_back(each.who);
    }
    std::erase_if(branches_,
                  [&](const branch& each) { return std::ranges::find(made.closed, each.who) != made.closed.end(); });
    idle_ = std::move(idle);
    return made;
}

} // namespace carillon::discovery
