#include "presence/registry.hpp"

#include <utility>

namespace carillon::presence {

bool registry::enter(std::string_view name, const client_id& who, member what) {
    auto found = channels_.find(name);
    if (found == channels_.end()) found = channels_.emplace(std::string{name}, std::make_unique<crowd>()).first;
    crowd& its = *found->second;
    const auto [added, is_new] = its.members.try_emplace(who);
    if (!is_new) return false;
    ++its.users[what.user];
    ++entries_;
    added->second = std::move(what);
    return true;
}

std::unique_ptr<const registry::member> registry::leave(std::string_view name, const client_id& who) {
    const auto found = channels_.find(name);
    if (found == channels_.end()) return nullptr;
    crowd& its = *found->second;
    const auto here = its.members.find(who);
    if (here == its.members.end()) return nullptr;
    auto left = std::make_unique<const member>(std::move(here->second));
    its.members.erase(here);
    --entries_;
    const auto user = its.users.find(left->user);
    if (--user->second == 0) its.users.erase(user);
    if (its.members.empty()) channels_.erase(found);
    return left;
}

registry::numbers registry::count(std::string_view name) const {
    const auto found = channels_.find(name);
    if (found == channels_.end()) return {};
    return {found->second->members.size(), found->second->users.size()};
}

} // namespace carillon::presence
