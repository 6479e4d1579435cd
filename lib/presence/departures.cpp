#include "presence/departures.hpp"

namespace carillon::presence {

// With the channel's length, so that no two make the same.
std::string departures::key_of(std::string_view channel, std::string_view user) {
    std::string key;
    key.reserve(channel.size() + user.size() + 8);
    key += channel;
    key += std::to_string(channel.size());
    key += ':';
    key += user;
    return key;
}

bool departures::add(std::string_view channel, std::string_view user, std::string info, clock::time_point due) {
    if (by_time_.size() >= waiting_max_) return false;
    const place where{due, ++numbers_};
    departure left{key_of(channel, user), channel.size(), std::move(info)};
    by_user_.insert_or_assign(left.key, where);
    by_time_.emplace(where, std::move(left));
    return true;
}

bool departures::strike(std::string_view channel, std::string_view user) {
    if (by_time_.empty()) return false;
    const auto found = by_user_.find(key_of(channel, user));
    if (found == by_user_.end()) return false;
    by_time_.erase(found->second);
    by_user_.erase(found);
    return true;
}

void departures::forget_key(const std::string& key, std::uint64_t number) noexcept {
    const auto found = by_user_.find(key);
    if (found != by_user_.end() && found->second.second == number) by_user_.erase(found);
}

} // namespace carillon::presence
