#pragma once

#include "base/name_hash.hpp"
#include "hub/pool.hpp"

#include <boost/container/small_vector.hpp>
#include <boost/unordered/unordered_flat_set.hpp>

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace carillon::hub {

/// How the deliveries to a subscriber are encoded, and so which sink hears of them.
enum class format : std::uint8_t { websocket_json = 0, resp2 = 1, resp3 = 2 };
inline constexpr std::size_t formats = 3;

/// A subscriber: its record's index in the shard's slab, and its format, in 32 bits.
struct subscriber {
    static constexpr std::uint32_t index_max = (1u << 29) - 1;

    std::uint32_t packed = none;

    static subscriber make(std::uint32_t index, format encoding) noexcept {
        CHECK(index <= index_max);
        return {static_cast<std::uint32_t>(encoding) << 29 | index};
    }
    std::uint32_t index() const noexcept { return packed & index_max; }
    format encoding() const noexcept { return static_cast<format>(packed >> 29); }
    bool operator==(const subscriber&) const = default;
};

/// One message on its way to the subscribers of a channel. Views that live as long as the call that takes them.
struct publication {
    std::string_view payload; ///< as it was published, byte for byte
    bool is_json = false;     ///< else it is UTF-8 text
    std::string_view info;    ///< JSON of the ClientInfo of a client that published it; empty: a back end did
};

/// Frames on their way to several subscribers: their bytes, and on request the same as a shared copy for those that
/// must queue them. Made once for all.
class frames {
public:
    explicit frames(std::string_view bytes) noexcept : bytes_{bytes} {}
    std::string_view bytes() const noexcept { return bytes_; }
    const std::shared_ptr<const std::string>& share() {
        if (shared_ == nullptr) shared_ = std::make_shared<const std::string>(bytes_);
        return shared_;
    }

private:
    std::string_view bytes_;
    std::shared_ptr<const std::string> shared_;
};

/// What a room above the hub does for the subscribers of its formats. Neither call may change the hub's subscriptions:
/// a subscriber that fails is set aside by its owner, and leaves after the delivery.
class sink {
public:
    /// Appends the bytes that a subscriber of `encoding` gets for this message.
    virtual void encode(format encoding, std::string_view channel, const publication& message, std::string& out) = 0;
    virtual void deliver(subscriber to, frames& what) = 0;
    /// A hint, some subscribers ahead of deliver().
    virtual void prefetch(subscriber) noexcept {}

protected:
    ~sink() = default;
};

/// A connection's subscriptions, kept in its record: the head of a list in the hub and its length.
struct memberships {
    std::uint32_t first = none;
    std::uint32_t count = 0;
};

enum class subscribe_outcome : std::uint8_t { joined, joined_first, already };
enum class unsubscribe_outcome : std::uint8_t { left, left_last, not_subscribed };

/// Who hears what on one shard. 16 bytes for a subscription, 8 for its place in the channel, 48 and the name for a
/// channel. Pure: no sockets; deliveries go to sinks. Publications to one channel that follow each other are held and
/// delivered together, so that a burst costs each subscriber one send; the holder of the shard's turn ends it with
/// flush(). Not thread-safe: belongs to a shard.
class hub {
public:
    static constexpr std::size_t channel_bytes_max = (1u << 24) - 1; ///< no longer name may be given

    /// Publications to one channel are held until they are so many bytes; the last of them may reach beyond.
    static constexpr std::size_t batch_bytes = 64 * 1024;

    explicit hub(std::size_t batch_bytes_max = batch_bytes) : batch_bytes_max_{batch_bytes_max} {}
    hub(const hub&) = delete;
    hub& operator=(const hub&) = delete;

    void attach(format encoding, sink& deliveries) noexcept {
        sinks_[static_cast<std::size_t>(encoding)] = &deliveries;
    }

    /// `joined_first`: nobody here had subscribed to the channel. `list` is always that of `who`. Costs a walk over the
    /// subscriber's channels or over the channel's subscribers, whichever are fewer.
    subscribe_outcome subscribe(subscriber who, memberships& list, std::string_view channel);
    unsubscribe_outcome unsubscribe(subscriber who, memberships& list, std::string_view channel);
    /// Leaves all channels; calls `left_last(channel)` for each that has nobody left.
    template <class LeftLast>
    void unsubscribe_all(memberships& list, LeftLast&& left_last) {
        if (list.first != none) flush();
        while (list.first != none) {
            const std::uint32_t node = list.first;
            const std::uint32_t channel = subscriptions_[node].channel;
            if (remove(list, node)) {
                left_last(name_of(channel));
                erase_channel(channel);
            }
        }
    }
    bool subscribed(subscriber who, const memberships& list, std::string_view channel) const;

    /// The same subscriber in another format: `to` has the index of who has `list`.
    void change_format(subscriber to, const memberships& list);

    /// Takes a message for a channel's subscribers; they get it at the next flush() at the latest. Returns how many
    /// they are.
    std::uint32_t publish(std::string_view channel, const publication& message);
    void flush();

    std::uint32_t subscribers(std::string_view channel) const;
    /// All of them, for who is going to change them.
    std::vector<subscriber> subscribers_of(std::string_view channel) const;
    std::size_t channels() const noexcept { return channels_.size(); }
    std::size_t subscriptions() const noexcept { return subscriptions_.size(); }
    std::uint64_t deliveries() const noexcept { return deliveries_; }

    /// The name of one of the channels in a list that is not empty. Valid until the hub's subscriptions change.
    std::string_view first_channel_of(const memberships& list) const noexcept {
        CHECK(list.first != none);
        return name_of(subscriptions_[list.first].channel);
    }

    /// Calls `visit(channel)` for each channel that has a subscriber, in no order. It may not change the hub.
    template <class Visit>
    void each_channel(Visit&& visit) const {
        for (const std::uint32_t channel : by_name_) visit(name_of(channel));
    }

    /// Every link leads where it should. For tests; costs a walk over everything in `list`.
    void check_invariants(const memberships& list) const;

private:
    struct subscription {
        std::uint32_t channel = none;
        std::uint32_t place = 0;   // in the channel's members
        std::uint32_t next = none; // of the same subscriber
        std::uint32_t previous = none;
    };
    static_assert(sizeof(subscription) == 16);

    struct member {
        subscriber who;
        std::uint32_t node;
    };

    struct channel_entry {
        std::unique_ptr<char[]> name;
        std::uint32_t name_bytes : 24 = 0;
        std::uint32_t formats_seen : 8 =
            0; // of those that subscribed since the channel was made: only these are encoded
        std::uint32_t next_free = none;
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
    std::uint32_t find_node(subscriber who, const memberships& list, std::uint32_t channel) const noexcept;
    std::uint32_t make_channel(std::string_view name);
    void erase_channel(std::uint32_t channel);
    bool remove(memberships& list, std::uint32_t node);

    pool<subscription, &subscription::next> subscriptions_;
    pool<channel_entry, &channel_entry::next_free> channels_;
    boost::unordered_flat_set<std::uint32_t, by_name_hash, by_name_equal> by_name_{0, by_name_hash{this},
                                                                                   by_name_equal{this}};
    std::array<sink*, formats> sinks_{};

    // The publications that are held: all to one channel.
    std::uint32_t batch_channel_ = none;
    std::array<std::string, formats> batch_;
    std::uint32_t batch_messages_ = 0;
    std::size_t batch_bytes_max_;
    std::uint64_t deliveries_ = 0;
};

} // namespace carillon::hub
