#pragma once

#include "hub/hub.hpp"

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace carillon::hub {

/// What a room above the hub does for the subscribers of patterns. Neither call may change the subscriptions.
class pattern_sink {
public:
    /// Appends the bytes that a subscriber of `encoding` gets for a message to `channel` that `pattern` matches.
    virtual void encode_pattern(format encoding, std::string_view pattern, std::string_view channel,
                                const publication& message, std::string& out) = 0;
    virtual void deliver(subscriber to, frames& what) = 0;

protected:
    ~pattern_sink() = default;
};

struct pattern_entry;

/// A connection's patterns in the order in which it subscribed to them, kept by its owner.
struct pattern_memberships {
    std::vector<pattern_entry*> entries;
    std::uint32_t count() const noexcept { return static_cast<std::uint32_t>(entries.size()); }
};

/// A pattern and who hears what it matches.
struct pattern_entry {
    std::string_view text;
    std::vector<subscriber> members;
    std::array<std::uint32_t, formats> counts{}; ///< of the members, by their format
};

/// Who on one shard hears the channels that match a pattern, whatever they are called. Pure: what a pattern matches is
/// the caller's rule, and deliveries go to a sink. A publication costs one match for each pattern; where there are none
/// it costs empty(). Messages to one pattern that follow each other are held and delivered together; flush() ends that,
/// and comes before anything else is delivered that was published later. Not thread-safe: belongs to a shard.
class patterns {
public:
    /// Whether `pattern` matches `channel`.
    using rule = bool (*)(std::string_view pattern, std::string_view channel) noexcept;

    explicit patterns(rule matches) noexcept : matches_{matches} {}
    patterns(const patterns&) = delete;
    patterns& operator=(const patterns&) = delete;

    void attach(pattern_sink& deliveries) noexcept { sink_ = &deliveries; }

    /// `joined_first`: nobody here had subscribed to the pattern. `list` is always that of `who`.
    subscribe_outcome subscribe(subscriber who, pattern_memberships& list, std::string_view pattern);
    unsubscribe_outcome unsubscribe(subscriber who, pattern_memberships& list, std::string_view pattern);
    /// Leaves all patterns in the order in which they were joined; calls `left(pattern, how many are left)` for each.
    template <class Left>
    void unsubscribe_all(subscriber who, pattern_memberships& list, Left&& left) {
        flush();
        const auto entries = std::exchange(list.entries, {});
        std::size_t remaining = entries.size();
        for (pattern_entry* const each : entries) {
            left(each->text, --remaining);
            forget(who, *each);
        }
    }
    /// The same subscriber in another format: `from` and `to` have one index.
    void change_format(subscriber from, subscriber to, pattern_memberships& list);

    /// Takes a message for the subscribers of every pattern that matches, in the order of the patterns' bytes; they get
    /// it at the next flush() at the latest. Calls `before()` once if there is such a pattern, before any of them is
    /// given this message. Returns how many deliveries that are.
    template <class Before>
    std::uint32_t publish(std::string_view channel, const publication& message, Before&& before) {
        std::uint32_t receivers = 0;
        for (const auto& [text, entry] : entries_) {
            if (!matches_(text, channel)) continue;
            if (receivers == 0) before();
            receivers += hold(entry, channel, message);
        }
        return receivers;
    }
    void flush();
    bool holds() const noexcept { return held_ != nullptr; }

    bool empty() const noexcept { return entries_.empty(); }
    std::size_t size() const noexcept { return entries_.size(); } ///< different patterns
    std::size_t subscriptions() const noexcept { return subscriptions_; }
    std::uint64_t deliveries() const noexcept { return deliveries_; }
    template <class Visit>
    void each(Visit&& visit) const {
        for (const auto& [text, entry] : entries_) visit(std::string_view{text});
    }

private:
    static bool has(const pattern_memberships& list, const pattern_entry& entry, subscriber who) noexcept;
    void forget(subscriber who, pattern_entry& entry);
    std::uint32_t hold(const pattern_entry& entry, std::string_view channel, const publication& message);

    rule matches_;
    pattern_sink* sink_ = nullptr;
    std::map<std::string, pattern_entry, std::less<>> entries_; // nodes do not move
    const pattern_entry* held_ = nullptr;                       // whose messages are in encoded_
    std::uint32_t held_messages_ = 0;
    std::array<std::string, formats> encoded_;
    std::uint64_t deliveries_ = 0;
    std::size_t subscriptions_ = 0;
};

} // namespace carillon::hub
