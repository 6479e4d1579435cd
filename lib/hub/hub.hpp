#pragma once

#include "base/name_hash.hpp"
#include "fossil/delta.hpp"
#include "hub/deliveries.hpp"
#include "hub/groups.hpp"
#include "hub/pool.hpp"
#include "hub/subscriber.hpp"

#include <boost/container/small_vector.hpp>
#include <boost/unordered/unordered_flat_set.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace carillon::hub {

/// What a room above the hub does for the subscribers of its formats.
class sink : public receiver {
public:
    /// Appends the bytes that a subscriber of `encoding` gets for this message. May not change the hub.
    virtual void encode(format encoding, std::string_view channel, const publication& message, std::string& out) = 0;

protected:
    ~sink() = default;
};

/// Who hears of a channel's first subscriber on the shard, and that the last has left. May not change the hub.
class occupancy_listener {
public:
    virtual void on_occupied(std::string_view channel) = 0;
    virtual void on_vacated(std::string_view channel) = 0;

protected:
    ~occupancy_listener() = default;
};

/// Who hears where the streams of channels stand that somebody here has, as publications move them on. May not change
/// the hub.
class position_listener {
public:
    virtual void on_numbered(std::string_view channel, std::uint64_t offset, std::string_view epoch) = 0;
    /// Nobody here has the channel any more, and nobody hears how it goes on.
    virtual void on_left(std::string_view channel) = 0;

protected:
    ~position_listener() = default;
};

/// A connection's subscriptions, kept in its record: the head of a list in the hub and its length.
struct memberships {
    std::uint32_t first = none;
    std::uint32_t count = 0;
};

/// `clashes`: what others have of this name is a wildcard where a channel was wanted, or the other way round.
enum class subscribe_outcome : std::uint8_t { joined, joined_first, already, clashes };
/// What a name is: a channel's, or that of a wildcard, whose subscribers get what others' names say that it stands for.
enum class name_kind : std::uint8_t { channel, wildcard };
enum class unsubscribe_outcome : std::uint8_t { left, left_last, not_subscribed };

/// Who hears what on one shard. 16 bytes for a subscription, 8 for its place in the channel, 48 and the name for a
/// channel. Pure: no sockets; what is published waits in the shard's deliveries until the turn ends, or until it is
/// flushed. Not thread-safe: belongs to a shard.
class hub final : public audience {
public:
    static constexpr std::size_t channel_bytes_max = (1u << 24) - 1; ///< no longer name may be given

    explicit hub(deliveries& queue) : queue_{&queue} {}
    hub(const hub&) = delete;
    hub& operator=(const hub&) = delete;

    void attach(format encoding, sink& whose) noexcept {
        sinks_[static_cast<std::size_t>(encoding)] = &whose;
        receivers_[static_cast<std::size_t>(encoding)] = &whose;
    }

    /// At most one.
    void watch(occupancy_listener& whose) noexcept { watching_ = &whose; }

    /// At most one; null: nobody.
    void follow(position_listener* whose) noexcept { following_ = whose; }

    void allow(const groups::limits& how) noexcept { groups_.allow(how); }

    /// `joined_first`: nobody here had subscribed to the channel. `list` is always that of `who`. Costs a walk over the
    /// subscriber's channels or over the channel's subscribers, whichever are fewer.
    subscribe_outcome subscribe(subscriber who, memberships& list, std::string_view channel, const wish& how = {},
                                name_kind what = name_kind::channel);
    /// Whether somebody who wants it so may subscribe: false where the channel has as many filters as it may have.
    bool has_room(std::string_view channel, const wish& how) const noexcept;
    unsubscribe_outcome unsubscribe(subscriber who, memberships& list, std::string_view channel);
    /// Leaves all channels; calls `left_last(channel)` for each that has nobody left.
    template <class LeftLast>
    void unsubscribe_all(memberships& list, LeftLast&& left_last) {
        if (list.first != none) flush(); // what was published before is for it, too, if the turn allows
        while (list.first != none) {
            const std::uint32_t node = list.first;
            const std::uint32_t emptied = remove(list, node);
            if (emptied != none) {
                left_last(name_of(emptied));
                erase_channel(emptied);
            }
        }
    }
    bool subscribed(subscriber who, const memberships& list, std::string_view channel) const;
    /// How it wants a channel that it has subscribed to. Valid until subscriptions change.
    const wish& wish_of(subscriber who, const memberships& list, std::string_view channel) const;

    /// The same subscriber in another format: `to` has the index of who has `list`. Nothing may wait for it
    /// (deliveries::oldest_waiting), since that is encoded already.
    void change_format(subscriber to, const memberships& list);

    /// Takes a message for a channel's subscribers. Returns how many they are.
    std::uint32_t publish(std::string_view channel, const publication& message);
    /// The same for the subscribers of a wildcard that stands for the channel; the caller knows that it does. They get
    /// the channel, too, which is also among the tags that filters look at.
    std::uint32_t publish_by(std::string_view wildcard, std::string_view channel, publication message);
    void flush() { queue_->flush(); }
    /// What has been published and not been sent yet.
    deliveries& waiting() noexcept { return *queue_; }
    const deliveries& waiting() const noexcept { return *queue_; }

    std::uint32_t subscribers(std::string_view channel) const;
    /// All of them, for who is going to change them.
    std::vector<subscriber> subscribers_of(std::string_view channel) const;
    std::size_t channels() const noexcept { return by_name_.size(); } ///< wildcards among them
    std::size_t wildcards() const noexcept { return wildcards_; }     ///< different ones
    /// Whether somebody has this name, as a wildcard.
    bool is_wildcard(std::string_view name) const noexcept;
    std::size_t subscriptions() const noexcept { return subscriptions_.size(); }

    /// The name of one of the channels in a list that is not empty. Valid until the hub's subscriptions change.
    std::string_view first_channel_of(const memberships& list) const noexcept {
        CHECK(list.first != none);
        return name_of(subscriptions_[list.first].channel);
    }

    /// Calls `visit(channel)` for each channel in a list. It may not change the hub.
    template <class Visit>
    void each_channel_of(const memberships& list, Visit&& visit) const {
        for (std::uint32_t node = list.first; node != none; node = subscriptions_[node].next)
            visit(name_of(subscriptions_[node].channel));
    }

    /// Calls `visit(channel, subscriber, wish)` for each subscription in a list. It may not change the hub.
    template <class Visit>
    void each_subscription_of(const memberships& list, Visit&& visit) const {
        for (std::uint32_t node = list.first; node != none; node = subscriptions_[node].next) {
            const subscription& each = subscriptions_[node];
            const channel_entry& entry = channels_[each.channel];
            visit(name_of(each.channel), entry.members[each.place].who.as_known(),
                  entry.is_group != 0 ? groups_[each.channel].how : wish{});
        }
    }

    /// Calls `visit(channel)` for each channel that has a subscriber, in no order. It may not change the hub.
    template <class Visit>
    void each_channel(Visit&& visit) const {
        for (const std::uint32_t channel : by_name_) visit(name_of(channel));
    }

    /// The same for those at some places, from `first` on: at most `count` are looked at. Returns where to go on,
    /// `none` at the end. A channel keeps its place: one that is there from the first call to the last is visited once.
    template <class Visit>
    std::uint32_t for_some_channels(std::uint32_t first, std::uint32_t count, Visit&& visit) const {
        const std::uint32_t end = channels_.end();
        const std::uint32_t last = count < end - std::min(first, end) ? first + count : end;
        for (std::uint32_t at = first; at < last; ++at) {
            const channel_entry& entry = channels_[at];
            const bool is_taken = entry.has_groups != 0 || !entry.members.empty();
            if (is_taken && entry.is_group == 0) visit(name_of(at));
        }
        return last < end ? last : none;
    }

    /// What has been made for groups of channels.
    struct counts {
        std::uint64_t deltas = 0;        ///< publications that were shortened
        std::uint64_t without_delta = 0; ///< that were not, though there was one before: it would not have been smaller
        std::uint64_t bytes_before = 0;  ///< of those that were shortened
        std::uint64_t bytes_after = 0;   ///< of their deltas
        std::uint64_t filtered = 0;      ///< publications that a filter kept back, once for each filter
    };
    const counts& counted() const noexcept { return counts_; }
    std::size_t filters() const noexcept { return groups_.filters(); } ///< different ones of a channel
    std::size_t delta_bytes() const noexcept { return groups_.delta_bytes(); }

    /// Every link leads where it should. For tests; costs a walk over everything in `list`.
    void check_invariants(const memberships& list) const;

    // audience
    std::span<member> members_of(std::uint32_t channel) noexcept override { return channels_[channel].members; }
    void on_moved(const member& moved, std::uint32_t place) noexcept override {
        subscriptions_[moved.node].place = place;
    }
    std::string_view name_of_group(std::uint32_t channel) const noexcept override { return name_of(channel); }
    void on_heard(const member& who) noexcept override;

private:
    struct subscription {
        std::uint32_t channel = none; // or a group of it
        std::uint32_t place = 0;      // in its members
        std::uint32_t next = none;    // of the same subscriber
        std::uint32_t previous = none;
    };
    static_assert(sizeof(subscription) == 16);

    // A channel, or a group of one.
    struct channel_entry {
        std::unique_ptr<char[]> name;
        std::uint32_t name_bytes : 24 = 0;
        std::uint32_t is_wildcard : 1 = 0;
        std::uint32_t has_groups : 1 = 0; // which are in groups_
        std::uint32_t is_group : 1 = 0;   // it is
        // While it is free, the pool's link; else at least the formats of its members, and of a large one perhaps those
        // of some who have gone: only these are encoded.
        std::uint32_t formats_seen = 0;
        boost::container::small_vector<member, 1> members;
    };
    static_assert(sizeof(channel_entry) == 48);

    struct by_name_hash {
        using is_transparent = void;
        using is_avalanching = void;
        const hub* owner;
        std::size_t operator()(std::uint32_t channel) const noexcept { return (*this)(owner->name_of(channel)); }
        std::size_t operator()(std::string_view name) const noexcept { return name_hash(name); }
    };
    struct by_name_equal {
        using is_transparent = void;
        const hub* owner;
        bool operator()(std::uint32_t a, std::uint32_t b) const noexcept { return a == b; }
        bool operator()(std::uint32_t a, std::string_view b) const noexcept { return owner->name_of(a) == b; }
        bool operator()(std::string_view a, std::uint32_t b) const noexcept { return a == owner->name_of(b); }
    };

    std::string_view name_of(std::uint32_t channel) const noexcept {
        const channel_entry& entry = channels_[channel];
        return {entry.name.get(), entry.name_bytes};
    }
    std::uint32_t find(std::string_view channel) const noexcept;
    std::uint32_t channel_of(std::uint32_t entry) const noexcept {
        return channels_[entry].is_group != 0 ? groups_[entry].channel : entry;
    }
    std::uint32_t find_node(subscriber who, const memberships& list, std::uint32_t channel) const noexcept;
    std::uint32_t make_entry(std::string_view name);
    std::uint32_t make_channel(std::string_view name, name_kind what);
    std::uint32_t publish_to_all(std::uint32_t channel, const publication& message);
    void erase_channel(std::uint32_t channel);
    std::uint32_t remove(memberships& list, std::uint32_t node);
    std::uint32_t on_emptied(std::uint32_t entry);
    std::uint32_t publish_to(std::uint32_t entry, std::uint32_t channel, const publication& message,
                             const publication* whole = nullptr);

    // groups of channels: group_deliveries.cpp
    std::uint32_t find_in_groups(const memberships& list, std::uint32_t channel) const noexcept;
    std::uint32_t group_for(std::uint32_t channel, const wish& how);
    std::uint32_t publish_to_groups(std::uint32_t channel, const publication& message);
    std::uint32_t publish_deltas(std::uint32_t entry, const publication& message);

    pool<subscription, &subscription::next> subscriptions_;
    pool<channel_entry, &channel_entry::formats_seen> channels_;
    boost::unordered_flat_set<std::uint32_t, by_name_hash, by_name_equal> by_name_{0, by_name_hash{this},
                                                                                   by_name_equal{this}};
    groups groups_;
    counts counts_;
    fossil::encoder deltas_;
    std::string patch_; // while it is delivered
    deliveries* queue_;
    occupancy_listener* watching_ = nullptr;
    position_listener* following_ = nullptr;
    std::size_t wildcards_ = 0;
    std::string tags_; // while they are delivered
    std::array<sink*, formats> sinks_{};
    std::array<receiver*, formats> receivers_{}; // the same
};

} // namespace carillon::hub
