#pragma once

#include "base/check.hpp"
#include "base/name_hash.hpp"

#include <boost/unordered/unordered_flat_map.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>

namespace carillon::backend {

/// On how many shards each channel has subscribers, of those channels whose first and last one matter. Any thread.
class occupancy {
public:
    /// A shard has a subscriber to the channel now, or has none any more. `tell()` is called if no other shard has one;
    /// for one channel, these calls come one after another.
    template <class Tell>
    void change(std::string_view channel, bool by_somebody, Tell&& tell) {
        part& its = parts_[name_hash(channel) % parts];
        const std::lock_guard held{its.lock};
        if (by_somebody) {
            if (++its.shards.try_emplace(std::string{channel}, 0).first->second == 1) tell();
            return;
        }
        const auto found = its.shards.find(channel);
        CHECK(found != its.shards.end());
        if (--found->second > 0) return;
        its.shards.erase(found);
        tell();
    }

private:
    static constexpr std::size_t parts = 64;
    struct part {
        std::mutex lock;
        boost::unordered_flat_map<std::string, std::uint32_t, hash_of_name, std::equal_to<>> shards;
    };
    std::array<part, parts> parts_;
};

} // namespace carillon::backend
