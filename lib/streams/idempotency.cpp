#include "streams/idempotency.hpp"

#include <utility>

namespace carillon::streams {

namespace {
// Neither tells where it ends; the channel's length does.
std::string name_of(std::string_view channel, std::string_view key) {
    std::string name = std::to_string(channel.size());
    name += ':';
    name += channel;
    name += key;
    return name;
}
} // namespace

void idempotency::forget_old(clock::time_point now) {
    while (!order_.empty()) {
        const auto oldest = by_key_.find(order_.front());
        const bool is_old = now >= oldest->second.until;
        if (!is_old && by_key_.size() <= limits_.keys_max) return;
        if (!is_old) ++evicted_;
        by_key_.erase(oldest);
        order_.pop_front();
    }
}

std::optional<position> idempotency::find(std::string_view channel, std::string_view key, clock::time_point now) {
    forget_old(now);
    const auto found = by_key_.find(name_of(channel, key));
    if (found == by_key_.end()) return std::nullopt;
    return found->second.at;
}

void idempotency::remember(std::string_view channel, std::string_view key, const position& at, clock::time_point now) {
    std::string name = name_of(channel, key);
    const auto [added, is_new] = by_key_.try_emplace(name, entry{at, now + limits_.ttl});
    if (is_new) order_.push_back(std::move(name));
    forget_old(now);
}

} // namespace carillon::streams
