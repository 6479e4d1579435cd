#pragma once

#include "hub/pool.hpp"
#include "hub/wish.hpp"

#include <boost/unordered/unordered_flat_map.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace carillon::hub {

/// Members of a channel who do not get what the others get. Their place is an entry of the hub's channels; this is what
/// only such entries have, so that others pay nothing for it.
struct group {
    std::uint32_t channel = none; ///< whose members they are
    wish how{};
    std::uint32_t new_members = 0; ///< of those who get deltas: who has heard nothing yet
    std::string before{};          ///< what the others have heard last
    bool has_before = false;
};

/// The groups of a hub, by their entries. Pure.
class groups {
public:
    struct limits {
        std::size_t filters_of_channel_max = 64;
        std::size_t delta_bytes_max = 64 * 1024 * 1024; ///< of what is kept for deltas, all groups together
    };

    void allow(const limits& how) noexcept { limits_ = how; }

    group& operator[](std::uint32_t entry) noexcept { return *by_entry_.find(entry)->second; }
    const group& operator[](std::uint32_t entry) const noexcept { return *by_entry_.find(entry)->second; }
    /// The entries of a channel's groups; the channel has some.
    const std::vector<std::uint32_t>& of_channel(std::uint32_t channel) const noexcept {
        return by_channel_.find(channel)->second;
    }
    /// none: the channel has no such group.
    std::uint32_t find(std::uint32_t channel, const wish& how) const noexcept;
    /// Whether there may be one more group of the channel, if it needs one.
    bool has_room(std::uint32_t channel, const wish& how) const noexcept;

    void add(std::uint32_t entry, std::uint32_t channel, const wish& how);
    /// True: the channel has no groups any more.
    bool remove(std::uint32_t entry);
    /// What the next delta is of. Not kept where there is no room for it.
    void keep(group& whose, std::string_view payload);
    void forget(group& whose) noexcept;

    std::size_t size() const noexcept { return by_entry_.size(); }
    std::size_t filters() const noexcept { return filters_; }
    std::size_t delta_bytes() const noexcept { return delta_bytes_; } ///< of what is kept

private:
    limits limits_{};
    boost::unordered_flat_map<std::uint32_t, std::unique_ptr<group>> by_entry_;
    boost::unordered_flat_map<std::uint32_t, std::vector<std::uint32_t>> by_channel_;
    std::size_t filters_ = 0;
    std::size_t delta_bytes_ = 0;
};

} // namespace carillon::hub
