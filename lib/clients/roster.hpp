#pragma once

#include "api/orders.hpp"
#include "api/reply.hpp"
#include "clients/carrier.hpp"
#include "people/client_ids.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace carillon::clients {

/// Who is connected on a shard: found by client ID or by user, and listed. Whatever concerns all of them is done to
/// some of them in each turn. Thread: the shard's.
class roster {
public:
    /// All of it outlives this.
    roster(const link::floor& shard, carrier& out, const hub::hub& subscribers, const people::client_ids& ids) noexcept
        : shard_{shard}, out_{&out}, hub_{&subscribers}, ids_{&ids} {}

    /// Null: it has gone, or is going.
    client* find(net::connection_key whose) const noexcept;
    net::connection_key key_of(const client& c) const noexcept { return shard_.records.key_of(c); }

    /// Something is done to a client; whether it concerned it.
    using visit = std::function<bool(client& c)>;
    /// To one by its client ID or its session, or to all of the user's. How many it concerned; with more than
    /// `scanned_per_turn` connections, the rest is looked at after this has returned, and not counted.
    std::uint32_t visit_each(const api::whom& whose, visit what);

    // Each of these looks at some records from the slab's place `first` on, and returns the place to go on at,
    // net::no_index at the end.

    /// Adds the hashes of some users, each once, in order.
    std::uint32_t list_users(std::uint32_t first, std::vector<std::size_t>& into);
    /// Adds at most `most` connections: of this user, or of all if it is empty.
    std::uint32_t list_connections(std::uint32_t first, std::string_view user, std::size_t most,
                                   std::vector<api::connection_info>& into);

private:
    // Connections looked at before other events get their turn.
    static constexpr std::uint32_t scanned_per_turn = 16 * 1024;

    using errand = std::pair<std::string, visit>; // whose, and what
    std::uint32_t visit_some(std::uint32_t first, const std::string& user, const visit& what, std::uint32_t& next);
    void visit_rest(std::uint32_t first, std::shared_ptr<const errand> what);

    link::floor shard_;
    carrier* out_;
    const hub::hub* hub_;
    const people::client_ids* ids_;
};

} // namespace carillon::clients
