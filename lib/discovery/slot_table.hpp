#pragma once

#include "discovery/slots.hpp"
#include "discovery/topology.hpp"

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace carillon::discovery {

/// Which connection of a process has which slots of a cluster. A connection is that to whoever has certain slots, not
/// to a certain address: when a replica takes its primary's place, all of them stay where they are and the connection
/// leads elsewhere, as behind Sentinels. Only slots that go from one primary to another change it. Pure.
class slot_table {
public:
    using id = std::uint32_t; ///< of a connection; never given twice
    using slot_set = std::bitset<slots>;
    struct branch {
        id who = 0;
        place where{};

        bool operator==(const branch&) const = default;
    };
    struct change {
        std::vector<branch> opened{};
        std::vector<branch> led_elsewhere{};
        std::vector<id> closed{};
        slot_set moved{}; ///< that have another connection now, or their first
    };

    /// What has been said, wholly: slots that it leaves out stay where they are. A connection that has no slots any
    /// more is closed with the next one, so that what is on its way there can still be answered.
    change take(const topology& said);

    std::optional<id> owner_of(std::uint16_t slot) const;
    std::optional<id> at(const place& where) const;
    const std::vector<branch>& branches() const noexcept { return branches_; } ///< also those that will be closed
    /// Whether each slot has a connection.
    bool complete() const noexcept;

private:
    static constexpr id none = ~id{0};

    id chosen_for(const place& primary, const std::vector<std::uint16_t>& its, const topology& said, change& made);
    branch* find(id who);

    std::vector<branch> branches_;
    std::vector<id> owners_ = std::vector<id>(slots, none);
    std::vector<id> idle_; // without slots when the last topology came
    id last_ = 0;
};

} // namespace carillon::discovery
