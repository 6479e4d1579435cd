#pragma once

#include "channels/name_space.hpp"
#include "channels/pattern.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace carillon::channels {

/// Whether something may be done. The numbers are the client protocol's error codes (§4.4), but for 0.
enum class verdict : std::uint16_t {
    allowed = 0,
    unknown_channel = 102,   ///< there is no such namespace
    permission_denied = 103, ///< not by this client
    bad_request = 107,       ///< no channel can have this name
    not_available = 108,     ///< the channels of this namespace do not have that
};

/// How a client stands to a channel.
enum class membership : std::uint8_t {
    none,
    subscribed, ///< without a token for the channel
    by_token,   ///< subscribed with a subscription token, or by its connection token
};

/// What channels' names mean and who may do what in them.
///
/// Every decision is a pure function of its arguments, takes time in proportion to the name's length and allocates
/// nothing (but see `pattern`). Give each thread its own rules, made of the same list. A user is its ID, empty for the
/// anonymous one; a channel's name is any bytes. Who is asked about the empty name says `bad_request`.
class rules {
public:
    /// `all` has namespaces whose names differ, and which `check_name_space_name` and `check_pattern` have no complaint
    /// about. Channels without a namespace, where none is named "", exist; nobody subscribes to them without a token.
    /// Longer names than `channel_bytes_max` are no channels.
    rules(std::vector<name_space> all, std::size_t channel_bytes_max);

    /// Every name is a channel's, and everybody may do everything in it that `facts` has: its lists, its pattern and
    /// what "$", ":" and "#" stand for elsewhere count for nothing.
    static rules open(std::size_t channel_bytes_max, name_space facts = {});

    /// Of a configuration: `open` where there are no namespaces and everybody may do everything (`all_if_none`).
    static rules of(const std::vector<name_space>& all, bool all_if_none, std::size_t channel_bytes_max) {
        return all_if_none && all.empty() ? open(channel_bytes_max) : rules{all, channel_bytes_max};
    }

    /// Whether there is a namespace of which `has` is true: for questions that need not be asked of each channel.
    template <class Has>
    bool any(Has&& has) const {
        return std::ranges::any_of(entries_, [&](const entry& each) { return has(each.space); });
    }

    /// What holds for a channel, or why there is none of this name. The namespace lives as long as the rules.
    struct place {
        verdict said = verdict::bad_request;
        const name_space* space = nullptr; ///< with `allowed`
        bool is_wildcard = false;          ///< it stands for many, and the namespace is as that has it
    };
    /// Ask this before a token is verified, and of each channel that a connection token names.
    place find(std::string_view channel) const noexcept;
    /// Whether the name is one of a subscription that stands for many channels. Its namespace, as `find` gives it,
    /// keeps nothing and knows nobody, whatever its channels do.
    bool is_wildcard(std::string_view channel) const noexcept {
        return any_wildcards_ && channel.ends_with('*') && find(channel).is_wildcard;
    }
    /// The namespace of a channel that there is, without another look at the whole of its name.
    const name_space* space_of(std::string_view channel) const noexcept;

    /// `has_token`: one for this channel and client, that was found good.
    verdict may_subscribe(std::string_view user, std::string_view channel, bool has_token) const noexcept;
    verdict may_publish(std::string_view user, std::string_view channel, membership how) const noexcept;
    verdict may_read_history(std::string_view user, std::string_view channel, membership how) const noexcept;
    /// Who is there, or how many.
    /// Whether it is kept, or told, who is in the channel.
    bool is_attended(std::string_view channel) const noexcept {
        const name_space* const space = find(channel).space;
        return space != nullptr && (space->presence || space->join_leave);
    }
    verdict may_see_presence(std::string_view user, std::string_view channel, membership how) const noexcept;

private:
    struct entry {
        name_space space;
        std::optional<pattern> like;
        std::optional<name_space> of_wildcards{}; // none: its channels have no wildcards
    };
    struct found;

    rules() = default;
    const entry* entry_of(std::string_view name) const noexcept;
    found look_up(std::string_view channel) const noexcept;
    static verdict decide(const found& where, const audience& list, std::string_view user, membership how) noexcept;

    std::vector<entry> entries_; // by name; the first is that without one
    std::size_t channel_bytes_max_ = 0;
    bool open_ = false;
    bool any_wildcards_ = false;
};

} // namespace carillon::channels
