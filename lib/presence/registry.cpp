#include "presence/registry.hpp"

#include <algorithm>

namespace carillon::presence {

bool registry::enter(std::string_view name, const client_id& who, member what) {
    auto found = channels_.find(name);
    if (found == channels_.end()) found = channels_.emplace(std::string{name}, crowd{}).first;
    if (!found->second.add(who, std::move(what))) return false;
    ++entries_;
    return true;
}

std::unique_ptr<const registry::member> registry::leave(std::string_view name, const client_id& who) {
    const auto found = channels_.find(name);
    if (found == channels_.end()) return nullptr;
    auto left = found->second.take(who);
    if (left == nullptr) return nullptr;
    --entries_;
    if (found->second.few.empty() && found->second.many == nullptr) channels_.erase(found);
    return left;
}

registry::numbers registry::count(std::string_view name) const {
    const auto found = channels_.find(name);
    return found == channels_.end() ? numbers{} : found->second.count();
}

bool registry::crowd::add(const client_id& who, member what) {
    if (many == nullptr) {
        if (std::ranges::find(few, who, &std::pair<client_id, member>::first) != few.end()) return false;
        if (few.size() < few_max) return few.emplace_back(who, std::move(what)), true;
        grow();
    }
    const auto [added, is_new] = many->members.try_emplace(who);
    if (!is_new) return false;
    ++many->users[what.user];
    added->second = std::move(what);
    return true;
}

std::unique_ptr<const registry::member> registry::crowd::take(const client_id& who) {
    if (many == nullptr) {
        const auto here = std::ranges::find(few, who, &std::pair<client_id, member>::first);
        if (here == few.end()) return nullptr;
        auto left = std::make_unique<const member>(std::move(here->second));
        few.erase(here);
        return left;
    }
    const auto here = many->members.find(who);
    if (here == many->members.end()) return nullptr;
    auto left = std::make_unique<const member>(std::move(here->second));
    many->members.erase(here);
    const auto user = many->users.find(left->user);
    if (--user->second == 0) many->users.erase(user);
    if (many->members.size() <= few_max / 2) shrink();
    return left;
}

registry::numbers registry::crowd::count() const {
    if (many != nullptr) return {many->members.size(), many->users.size()};
    std::size_t users = 0;
    for (auto each = few.begin(); each != few.end(); ++each) {
        const auto same = [&](const auto& before) { return before.second.user == each->second.user; };
        if (std::none_of(few.begin(), each, same)) ++users;
    }
    return {few.size(), users};
}

void registry::crowd::grow() {
    many = std::make_unique<tables>();
    for (auto& [who, what] : few) {
        ++many->users[what.user];
        many->members.emplace(who, std::move(what));
    }
    few = {};
}

void registry::crowd::shrink() {
    few.reserve(few_max / 2);
    for (auto& [who, what] : many->members) few.emplace_back(who, std::move(what));
    many = nullptr;
}

} // namespace carillon::presence
