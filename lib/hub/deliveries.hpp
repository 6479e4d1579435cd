#pragma once

#include "base/paced_work.hpp"
#include "hub/subscriber.hpp"

#include <boost/unordered/unordered_flat_map.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace carillon::hub {

/// A subscriber's place among those of a channel or a pattern.
struct member {
    subscriber who;
    std::uint32_t node = none; ///< its owner's own meaning
};

/// Who has groups of members (channels, patterns), each known by a number that is not used for two at a time.
class audience {
public:
    /// The members of a group in their order. Valid until they change.
    virtual std::span<member> members_of(std::uint32_t group) noexcept = 0;
    /// A member stands at another place now.
    virtual void on_moved(const member& moved, std::uint32_t place) noexcept = 0;
    /// What the group is called. Valid until the members change.
    virtual std::string_view name_of_group(std::uint32_t group) const noexcept = 0;
    /// A member that was new has been sent a message: subscriber::is_new().
    virtual void on_heard(const member& who) noexcept = 0;

protected:
    ~audience() = default;
};

/// What has been published on one shard and not been sent to every subscriber yet, in the order in which it was
/// published. A turn sends a portion of it; the rest stays for the next ones, as if it had been sent at once:
///
/// * who joins a group does not get what was published before, who leaves it gets that as the last thing, and nobody
///   gets anything twice or not at all because somebody else came or went;
/// * publications to one group that follow each other are one delivery, as long as it has not begun, nobody has joined,
///   and it is not too long: a burst costs each subscriber one send.
///
/// Pure. Not thread-safe: belongs to a shard.
class deliveries final : public paced_work {
    struct delivery;

public:
    struct limits {
        std::size_t sends_per_turn = 512;
        std::size_t sends_waiting_max = 16'384; ///< then publishers wait
        std::size_t bytes_waiting_max = 16 * 1024 * 1024;
        std::size_t batch_bytes_max = 64 * 1024; ///< no more is added to a delivery; the last may reach beyond
    };

    explicit deliveries(const limits& how) noexcept;
    deliveries() noexcept;
    deliveries(const deliveries&) = delete;
    deliveries& operator=(const deliveries&) = delete;
    ~deliveries();

    /// What is to be sent to a group that has members: append each format's frames, and call add() once.
    struct draft {
        delivery& to;
        /// Valid until it is asked for another format. `if_new`: for those who are new when it is sent to them.
        std::string& frames_of(format encoding, bool if_new = false) const;
        /// Whoever gets what is added now gets a message before it.
        bool has_messages() const noexcept;
    };
    /// `sinks`: whom the members of each format are reached by; valid as long as `whose`. Groups of one `family` have
    /// no members in common, and only the order within each of them counts.
    draft publish(audience& whose, std::uint32_t group, std::uint32_t members,
                  const std::array<receiver*, formats>& sinks, std::uint32_t family);
    draft publish(audience& whose, std::uint32_t group, std::uint32_t members,
                  const std::array<receiver*, formats>& sinks) {
        return publish(whose, group, members, sinks, group);
    }
    /// `messages`: that it counts as, one or none.
    void add(const draft& what, std::uint32_t messages = 1);

    /// Who is told when flush() has left something, and sees to a further turn. Before anything is published.
    void when_left(std::function<void()> told) { left_ = std::move(told); }

    /// Sends as much of what waits as the turn still allows.
    void flush() {
        if (!go_on() && left_) left_();
    }

    /// Sends nothing until it is told to go on; what is published waits. Whoever ends it calls flush().
    void hold(bool on) noexcept { held_ = on; }
    /// Sends all that waits, whatever the turn allows.
    void send_all() {
        while (first_ != nullptr && !held_) {
            renew();
            go_on();
        }
    }

    void renew() noexcept override { sends_left_ = limits_.sends_per_turn; }
    bool go_on() override;
    /// Too much waits. One delivery that has not begun is not too much, however many it is for: what is published to
    /// the same group now is no further send.
    bool congested() const noexcept override;

    /// Somebody joins the group: what is published from now on is another delivery.
    void on_joined(audience& whose, std::uint32_t group);
    /// Sends to the member at `place` what it is still due of this group's, because it leaves. Not bounded by the
    /// turn, but by what waits for the group.
    void serve(audience& whose, std::uint32_t group, std::uint32_t place);
    /// Takes the member at `place` out of the first `size` places of the group; others move into the hole. The caller
    /// forgets the last place afterwards.
    void remove(audience& whose, std::uint32_t group, std::uint32_t place);

    bool empty() const noexcept { return first_ == nullptr; }
    /// Numbers of deliveries: the last that was begun to be put together, and the last of which nothing is left.
    std::uint64_t newest() const noexcept { return newest_; }
    std::uint64_t oldest_waiting() const noexcept;

    std::size_t sends_waiting() const noexcept { return sends_waiting_; }
    std::size_t bytes_waiting() const noexcept { return bytes_waiting_; }
    std::uint64_t delivered() const noexcept { return delivered_; } ///< messages, once for each subscriber

    /// Whether the books agree with each other. For tests; walks over everything.
    void check_invariants() const;

private:
    struct key {
        audience* whose;
        std::uint32_t group;
        bool operator==(const key&) const = default;
    };
    struct key_hash {
        std::size_t operator()(const key& of) const noexcept;
    };
    // The deliveries of one group that wait.
    struct chain {
        delivery* first;
        delivery* last;
    };

    delivery* open_one(audience& whose, std::uint32_t group, std::uint32_t family);
    void send(delivery& from, const member& to);
    void finish_first();
    delivery& append(audience& whose, std::uint32_t group, std::uint32_t members,
                     const std::array<receiver*, formats>& sinks);

    limits limits_;
    std::size_t sends_left_;
    std::function<void()> left_;
    std::unique_ptr<delivery> first_; // each owns the next
    delivery* last_ = nullptr;
    std::unique_ptr<delivery> spare_; // an ended one, for its memory
    boost::unordered_flat_map<key, chain, key_hash> of_group_;
    key family_{};                   // of what was published last
    std::uint64_t family_since_ = 0; // the first delivery since then
    std::size_t sends_waiting_ = 0;
    std::size_t bytes_waiting_ = 0;
    std::uint64_t newest_ = 0;
    std::uint64_t delivered_ = 0;
    bool sending_ = false;
    bool held_ = false;
};

} // namespace carillon::hub
