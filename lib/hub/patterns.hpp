#pragma once

#include "hub/hub.hpp"

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace carillon::hub {

/// What a room above the hub does for the subscribers of patterns.
class pattern_sink : public receiver {
public:
    /// Appends the bytes that a subscriber of `encoding` gets for a message to `channel` that `pattern` matches.
    virtual void encode_pattern(format encoding, std::string_view pattern, std::string_view channel,
                                const publication& message, std::string& out) = 0;

protected:
    ~pattern_sink() = default;
};

/// A connection's patterns in the order in which it subscribed to them, kept by its owner.
struct pattern_memberships {
    std::vector<std::uint32_t> entries;
    std::uint32_t count() const noexcept { return static_cast<std::uint32_t>(entries.size()); }
};

/// Who on one shard hears the channels that match a pattern, whatever they are called. Pure: what a pattern matches is
/// the caller's rule, and deliveries go to a sink. A publication costs one match for each pattern; where there are none
/// it costs empty(). Messages wait in the shard's deliveries as those of the hub do. Not thread-safe: belongs to a
/// shard.
class patterns final : public audience {
public:
    /// Whether `pattern` matches `channel`.
    using rule = bool (*)(std::string_view pattern, std::string_view channel) noexcept;

    patterns(rule matches, deliveries& queue) noexcept : matches_{matches}, queue_{&queue} {}
    patterns(const patterns&) = delete;
    patterns& operator=(const patterns&) = delete;

    void attach(pattern_sink& whose) noexcept {
        sink_ = &whose;
        receivers_.fill(&whose);
    }

    /// `joined_first`: nobody here had subscribed to the pattern. `list` is always that of `who`.
    subscribe_outcome subscribe(subscriber who, pattern_memberships& list, std::string_view pattern);
    unsubscribe_outcome unsubscribe(subscriber who, pattern_memberships& list, std::string_view pattern);
    /// Leaves all patterns in the order in which they were joined; calls `left(pattern, how many are left)` for each.
    template <class Left>
    void unsubscribe_all(subscriber who, pattern_memberships& list, Left&& left) {
        const auto entries = std::exchange(list.entries, {});
        std::size_t remaining = entries.size();
        for (const std::uint32_t each : entries) {
            left(entries_[each].text, --remaining);
            forget(who, each);
        }
    }
    /// The same subscriber in another format: `from` and `to` have one index. Nothing may wait for it.
    void change_format(subscriber from, subscriber to, pattern_memberships& list);

    /// Takes a message for the subscribers of every pattern that matches, in the order of the patterns' bytes. Returns
    /// how many deliveries that are.
    std::uint32_t publish(std::string_view channel, const publication& message);

    // audience
    std::span<member> members_of(std::uint32_t pattern) noexcept override { return entries_[pattern].members; }
    void on_moved(const member&, std::uint32_t) noexcept override {}
    std::string_view name_of_group(std::uint32_t pattern) const noexcept override { return entries_[pattern].text; }
    void on_heard(const member&) noexcept override {} // nobody gets deltas

    bool empty() const noexcept { return by_text_.empty(); }
    std::size_t size() const noexcept { return by_text_.size(); } ///< different patterns
    std::size_t subscriptions() const noexcept { return subscriptions_; }
    template <class Visit>
    void each(Visit&& visit) const {
        for (const auto& [text, entry] : by_text_) visit(std::string_view{text});
    }

private:
    // A pattern and who hears what it matches.
    struct listeners {
        std::string_view text;
        std::vector<member> members;
        std::array<std::uint32_t, formats> counts{}; // of the members, by their format
        std::uint32_t next_free = none;
    };

    std::size_t place_of(subscriber who, std::uint32_t pattern) const;
    bool has(const pattern_memberships& list, std::uint32_t pattern, subscriber who) const noexcept;
    void forget(subscriber who, std::uint32_t pattern);

    rule matches_;
    deliveries* queue_;
    pattern_sink* sink_ = nullptr;
    std::array<receiver*, formats> receivers_{}; // the same for all
    std::map<std::string, std::uint32_t, std::less<>> by_text_;
    pool<listeners, &listeners::next_free> entries_;
    std::size_t subscriptions_ = 0;
};

} // namespace carillon::hub
