#pragma once

#include "base/name_hash.hpp"

#include <boost/unordered/unordered_flat_map.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>

namespace carillon::presence {

/// Users who have left a channel and of whom that is not told yet: who comes back in time has not been away. Of the
/// anonymous nobody knows who comes back, so they are not for this. Pure: time is given. Not thread-safe.
class departures {
public:
    using clock = std::chrono::steady_clock;

    explicit departures(std::size_t waiting_max) noexcept : waiting_max_{waiting_max} {}

    /// Somebody has left, which is to be told at `due`. False: as many wait as may, so it is told now.
    bool add(std::string_view channel, std::string_view user, std::string info, clock::time_point due);
    /// Somebody has come. True: one of this user had just left, and neither is told.
    bool strike(std::string_view channel, std::string_view user);

    /// Calls `tell(channel, info)` for those who are due by now, at most so many of them, the first to have left first.
    template <class Tell>
    void take_due(clock::time_point now, std::size_t most, Tell&& tell) {
        for (; most > 0 && !by_time_.empty() && by_time_.begin()->first.first <= now; --most) {
            auto due = by_time_.extract(by_time_.begin());
            forget_key(due.mapped().key, due.key().second);
            tell(std::string_view{due.mapped().key}.substr(0, due.mapped().channel_bytes),
                 std::as_const(due.mapped().info));
        }
    }

    std::size_t size() const noexcept { return by_time_.size(); }

private:
    struct departure {
        std::string key; // the channel and the user
        std::size_t channel_bytes;
        std::string info;
    };
    using place = std::pair<clock::time_point, std::uint64_t>;

    static std::string key_of(std::string_view channel, std::string_view user);
    void forget_key(const std::string& key, std::uint64_t number) noexcept;

    std::size_t waiting_max_;
    std::map<place, departure> by_time_;
    // The last of each user to have left a channel: who has left it several times, is told of the others.
    boost::unordered_flat_map<std::string, place, hash_of_name, std::equal_to<>> by_user_;
    std::uint64_t numbers_ = 0;
};

} // namespace carillon::presence
