#include "people/user_counts.hpp"

#include "base/check.hpp"

namespace carillon::people {

bool user_counts::enter(std::string_view user) {
    const std::size_t hash = name_hash(user);
    part& its = parts_[hash % parts];
    const std::lock_guard held{its.lock};
    std::uint32_t& count = its.counts[hash];
    if (count >= most_) return false;
    ++count;
    return true;
}

void user_counts::adopt(std::string_view user) {
    const std::size_t hash = name_hash(user);
    part& its = parts_[hash % parts];
    const std::lock_guard held{its.lock};
    ++its.counts[hash];
}

void user_counts::leave(std::string_view user) {
    const std::size_t hash = name_hash(user);
    part& its = parts_[hash % parts];
    const std::lock_guard held{its.lock};
    const auto found = its.counts.find(hash);
    CHECK(found != its.counts.end());
    if (--found->second == 0) its.counts.erase(found);
}

} // namespace carillon::people
