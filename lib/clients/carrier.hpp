#pragma once

#include "base/function_ref.hpp"
#include "clients/client.hpp"
#include "net/connection.hpp"
#include "peer/address.hpp"

#include <chrono>
#include <cstdint>
#include <string_view>

namespace carillon::clients {

/// What conversations need of whoever carries their bytes, whatever these lie in. Thread: the shard's.
class carrier {
public:
    /// Null: it has gone.
    virtual client* find(net::connection_key whose) noexcept = 0;
    /// Calls `look` for each client whose place is below `first + count`, from `first` on; the call may end it. Returns
    /// where to go on, net::no_index when there is nothing further.
    virtual std::uint32_t for_some(std::uint32_t first, std::uint32_t count, function_ref<void(client&)> look) = 0;

    /// Sends whole messages, as they lie on the wire (carriers::append_wrapped).
    virtual void write(client& c, std::string_view bytes) = 0;
    /// The same when the turn ends.
    virtual void write_later(client& c, std::string_view bytes) = 0;
    /// Says goodbye as the carrier does. Nothing, if that has been said.
    virtual void close(client& c, std::uint16_t code, std::string_view reason) = 0;
    /// More waits for it than may.
    virtual void end_slow(client& c) = 0;
    /// When conversation::host::on_deadline is to be asked.
    virtual void look_later(client& c, std::chrono::milliseconds after) = 0;
    /// The same, unless it is looked at before that anyhow.
    virtual void look_no_later(client& c, std::chrono::milliseconds after) = 0;
    /// Whose it is; not known: it has gone, or has none.
    virtual peer::address address_of(const client& c) const = 0;

    /// The client has waited, and `reply` adds what it waited for: then its commands behind go on.
    virtual void answer(client& c, function_ref<void()> reply) = 0;
    /// The same, when the command that waited is to be handled once more.
    virtual void try_again(client& c) = 0;

protected:
    ~carrier() = default;
};

} // namespace carillon::clients
