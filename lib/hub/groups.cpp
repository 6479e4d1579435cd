#include "hub/groups.hpp"

#include "base/check.hpp"

#include <algorithm>

namespace carillon::hub {

namespace {
std::size_t kept_bytes(const group& of) noexcept { return of.has_before ? of.before.capacity() : 0; }
} // namespace

std::uint32_t groups::find(std::uint32_t channel, const wish& how) const noexcept {
    const auto all = by_channel_.find(channel);
    if (all == by_channel_.end()) return none;
    const auto found = std::ranges::find_if(all->second, [&](std::uint32_t each) { return (*this)[each].how == how; });
    return found == all->second.end() ? none : *found;
}

bool groups::has_room(std::uint32_t channel, const wish& how) const noexcept {
    if (how.filter == nullptr || find(channel, how) != none) return true;
    const auto all = by_channel_.find(channel);
    if (all == by_channel_.end()) return limits_.filters_of_channel_max > 0;
    const auto filters =
        std::ranges::count_if(all->second, [&](std::uint32_t each) { return (*this)[each].how.filter != nullptr; });
    return static_cast<std::size_t>(filters) < limits_.filters_of_channel_max;
}

void groups::add(std::uint32_t entry, std::uint32_t channel, const wish& how) {
    CHECK(!how.is_plain());
    by_entry_.try_emplace(entry, std::make_unique<group>(group{.channel = channel, .how = how}));
    by_channel_[channel].push_back(entry);
    if (how.filter != nullptr) ++filters_;
}

bool groups::remove(std::uint32_t entry) {
    const auto found = by_entry_.find(entry);
    CHECK(found != by_entry_.end());
    forget(*found->second);
    if (found->second->how.filter != nullptr) --filters_;
    const auto all = by_channel_.find(found->second->channel);
    by_entry_.erase(found);
    std::erase(all->second, entry);
    if (!all->second.empty()) return false;
    by_channel_.erase(all);
    return true;
}

void groups::keep(group& whose, std::string_view payload) {
    const std::size_t room = limits_.delta_bytes_max - (delta_bytes_ - kept_bytes(whose));
    if (std::max(payload.size(), kept_bytes(whose)) > room) return forget(whose);
    delta_bytes_ -= kept_bytes(whose);
    whose.before.assign(payload);
    whose.has_before = true;
    delta_bytes_ += kept_bytes(whose);
    if (kept_bytes(whose) > room) forget(whose); // a string takes more than it is asked for
}

void groups::forget(group& whose) noexcept {
    delta_bytes_ -= kept_bytes(whose);
    std::string{}.swap(whose.before);
    whose.has_before = false;
}

} // namespace carillon::hub
