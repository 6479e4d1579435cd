#pragma once

#include "bus/home_question.hpp"
#include "people/client_ids.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace carillon::auth {
struct connection_claims;
struct overrides;
} // namespace carillon::auth

namespace carillon::people {

/// Seconds since 1970, in 32 bits; 0: never.
using expiry = std::uint32_t;

/// As an application or a token says it; what is not in 32 bits is the nearest that is.
expiry expiry_at(std::int64_t when) noexcept;
/// Nothing: never.
expiry expiry_at(const std::optional<std::chrono::sys_seconds>& when) noexcept;
inline std::chrono::sys_seconds time_of(expiry when) noexcept {
    return std::chrono::sys_seconds{std::chrono::seconds{when}};
}

/// From now on, in what a client can be told: not below 0, at most a year. Nothing: never.
std::optional<std::chrono::seconds> left_until(expiry when, std::chrono::sys_seconds now) noexcept;

/// What a subscription that the server made is to be told, until it is.
struct standing_of_stream {
    bus::home_answer said;
    bool recovers = false;
};

/// What a subscription has in place of what its channel's namespace says.
enum own_switch : std::uint8_t {
    unlisted = 1,      ///< who is there is not told of it
    untold = 2,        ///< that it comes and goes is not told
    told = 4,          ///< it is told who comes and goes
    told_if_asked = 8, ///< only if the client wants it
    followed = 16,     ///< it can be recovered, where anything is kept
    followed_if_asked = 32,
    by_token = 64, ///< and nothing is different: the connection's token names the channel
};

/// As a token or the application says it.
std::uint8_t own_of(const auth::overrides& said) noexcept;

/// What a subscription has beside its channel, for those that have anything.
struct grant {
    std::string channel{};
    std::uint32_t command = 0;                          ///< of the subscribe, as long as it is not answered; 0: it is
    bool by_server = false;                             ///< nobody has asked for it
    std::uint8_t own = 0;                               ///< bits of own_switch
    expiry expires = 0;                                 ///< of what permitted it
    std::string info{};                                 ///< `chan_info` in publications, as JSON; or empty
    std::string data{};                                 ///< for the answer, as JSON; then empty
    std::unique_ptr<const standing_of_stream> stands{}; ///< for the answer; null: it has no stream, or it is told
};

/// What only some clients have, and so none that has nothing but a user pays for.
struct person {
    std::string user{};
    std::string info{}; ///< `conn_info` in publications, as JSON; or empty
    std::string meta{}; ///< for the application, as JSON object; or empty
    std::vector<grant> grants{};
    std::uint32_t connect = 0;   ///< the connect command, while it waits for server-side subscriptions
    std::uint32_t awaited = 0;   ///< so many of them
    bool has_overflowed = false; ///< `held` would have been too much
    std::string held{};          ///< what it gets after the answer to its connect

    grant* find(std::string_view channel) noexcept;
    const grant* find(std::string_view channel) const noexcept { return const_cast<person*>(this)->find(channel); }
    void forget(std::string_view channel) noexcept;
    /// Only what a subscription was to have that is not made: of the client's command, or of the server's.
    void forget_unmade(std::uint32_t command, bool by_server) noexcept;
    /// That of a subscription that the server API has asked for, before it is made; null: there is none.
    grant* find_order(std::uint32_t number) noexcept;
};

/// Whether a token subscribes its client to those channels that the one before has subscribed it to. Null: to none.
bool has_channels_of(const person* whose, const auth::connection_claims& said) noexcept;

/// Who a client is and until when, in 24 bytes of its record: a user ID of at most 15 bytes or one
/// that is a UUID lies in them, every other in a `person` of its own. Trivial, since records are: `clear()` frees.
class identity {
public:
    /// Large enough for every user that is not in a person.
    struct room {
        std::array<char, uuid_text::size> characters;
    };

    /// Valid while `in` and the identity stay as they are.
    std::string_view user(room& in) const noexcept;
    void set_user(std::string_view user);

    /// A user to look for among many.
    struct wanted {
        explicit wanted(std::string_view user) : text{user}, uuid{uuid_of(user)} {}
        std::string_view text;
        std::optional<boost::uuids::uuid> uuid;
    };
    bool is(const wanted& user) const noexcept;

    /// What there is beside the user; null if nothing.
    person* more() noexcept { return form_ == form::elsewhere ? whose_ : nullptr; }
    const person* more() const noexcept { return form_ == form::elsewhere ? whose_ : nullptr; }
    /// The same, made if there is none yet.
    person& need_more();
    /// The anonymous user again, and nothing else.
    void clear() noexcept;

private:
    enum class form : std::uint8_t { text, uuid, elsewhere };
    static constexpr std::size_t text_bytes_max = 15; // and one byte for the length

    union {
        std::array<char, text_bytes_max + 1> text_{};
        boost::uuids::uuid uuid_;
        person* whose_;
    };
    form form_ = form::text;

public:
    expiry expires = 0; ///< when the client must have shown another token
};

static_assert(sizeof(identity) == 24 && std::is_trivially_destructible_v<identity>);

} // namespace carillon::people
