#pragma once

#include "bus/broker.hpp"
#include "channels/rules.hpp"
#include "clients/client.hpp"
#include "hub/hub.hpp"
#include "people/client_ids.hpp"
#include "protocol/command.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace carillon::clients {

/// The channels of a shard's clients: what the namespaces say of them, who has joined which, and who is told to a
/// channel's home as being there (protocol §5). Knows no commands. Thread: the shard's.
class subscriptions {
public:
    /// All of it outlives this.
    subscriptions(const link::floor& shard, hub::hub& subscribers, bus::broker& bus, const people::client_ids& ids,
                  channels::rules rules);

    const channels::rules& rules() const noexcept { return rules_; }
    /// Other rules take their place; all_judged() says that no client is left who was let in by those that are
    /// returned.
    std::shared_ptr<const channels::rules> change(channels::rules now);
    void all_judged(const std::shared_ptr<const channels::rules>& by) noexcept;
    /// Null: in no namespace is anything dropped for clients that are too slow.
    const channels::rules* rules_of_dropping() const noexcept { return any_drop_ ? &rules_ : nullptr; }

    // What a channel has, and what a subscription has in place of that (`own`, bits of people::own_switch).

    /// Whether anybody may ask who is there, or is told.
    bool is_attended(std::string_view channel) const noexcept { return any_attended_ && rules_.is_attended(channel); }
    /// Whether what was missed of it can be had.
    bool can_recover(std::string_view channel) const noexcept;
    /// Whether anything of it is kept.
    bool has_stream(std::string_view channel) const noexcept;
    /// Whether a subscription stands in its channel's stream; `asked`: the client wants it to.
    bool follows(std::string_view channel, std::uint8_t own, bool asked) const noexcept;
    std::uint8_t own_of(const client& c, std::string_view channel) const noexcept;
    /// As `c` hears the channel: told who comes and goes, too, if the namespace has that and the client wants it or
    /// must.
    hub::subscriber subscriber_of(const client& c, std::string_view channel, bool wants_joins, std::uint8_t own) const;
    hub::subscriber subscriber_of(const client& c) const noexcept {
        return hub::subscriber::make(records_->index_of(c), c.speaks());
    }
    bool has(const client& c, std::string_view channel) const {
        return hub_->subscribed(subscriber_of(c), c.channels, channel);
    }
    /// Whether it may go on getting the channel in the way in which it does.
    bool may_still_wish(const client& c, std::string_view channel) const;

    hub::subscribe_outcome join(client& c, std::string_view channel, bool wants_joins, std::uint8_t own,
                                const hub::wish& how = {});
    /// The bus has refused what was joined.
    void take_back(client& c, std::string_view channel) { hub_->unsubscribe(subscriber_of(c), c.channels, channel); }
    /// The bus is told of the last one.
    hub::unsubscribe_outcome leave(client& c, std::string_view channel);
    /// The same, when the client may still wait for the bus to confirm the channel: it does so no more.
    hub::unsubscribe_outcome leave_for_good(client& c, std::string_view channel);
    void leave_all(client& c);
    /// The same, when it is in another process that it goes on: nobody is told.
    void give_away(client& c);

    /// The client has been told that it is subscribed: where it is to be listed, it is there.
    void greet(client& c, std::string_view channel);
    /// It is there no more, though it stays subscribed.
    void unlist(const client& c, std::string_view channel) { bus_->leave(channel, id_of(c)); }
    /// The bus has not confirmed the channel yet, and will say of which command that was, not of which channel.
    void await_greeting(bus::ticket whose, std::string_view channel);
    /// The channel of that command; empty: nobody is to be greeted.
    std::string take_greeting(bus::ticket whose);
    /// What others are told of it: protocol::client_info as JSON.
    void append_info(std::string& out, const client& c, std::string_view channel) const;

private:
    void look_at_rules() noexcept;
    bool may_be_listed(std::string_view channel) const noexcept;
    bool is_unseen(std::string_view channel, std::uint8_t own) const noexcept;
    presence::client_id id_of(const client& c) const noexcept { return ids_->id_of(records_->key_of(c)); }

    net::slab* records_;
    hub::hub* hub_;
    bus::broker* bus_;
    const people::client_ids* ids_;
    channels::rules rules_;
    std::shared_ptr<const channels::rules> rules_before_; // while there are clients who have not been judged anew
    bool any_attended_ = false;
    bool any_drop_ = false;
    bool any_recovers_ = false;
    // Channels that the bus has not confirmed, by whose command that is: only where it is known who is there.
    std::map<std::pair<std::uint64_t, std::uint32_t>, std::string> awaited_;
};

} // namespace carillon::clients
