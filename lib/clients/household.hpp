#pragma once

#include "bus/broker.hpp"
#include "carriers/compression.hpp"
#include "carriers/wrapping.hpp"
#include "clients/consultations.hpp"
#include "clients/roster.hpp"
#include "clients/subscriptions.hpp"

#include <string>
#include <utility>

namespace carillon::people {
class user_counts;
} // namespace carillon::people

namespace carillon::clients {

/// All that there is of a shard's clients beside their records, for those who make clients or give them away. All of it
/// outlives whoever has this.
struct household {
    link::floor shard;
    hub::hub& listeners;
    bus::broker& bus;
    carrier& out;
    carriers::compression& compression;
    people::client_ids& ids;
    clients::roster& roster;
    subscriptions& channels;
    consultations& consulted;
    people::user_counts* users; ///< null: connections of users are not counted

    net::connection_key key_of(const client& c) const noexcept { return shard.records.key_of(c); }
    /// A push to one client: `say(encoder, message)`.
    template <class Say>
    void push(client& c, Say&& say) const {
        std::string message, bytes;
        say(carriers::encoder_of(c.speaks()), message);
        compression.append_wrapped(bytes, c.speaks(), message);
        out.write(c, bytes);
    }
};

} // namespace carillon::clients
