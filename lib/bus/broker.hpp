#pragma once

#include "base/result.hpp"
#include "bus/home_question.hpp"
#include "bus/ticket.hpp"
#include "hub/hub.hpp"
#include "streams/position.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

namespace carillon::bus {

/// Why the bus did not take something.
enum class error : std::uint8_t {
    busy = 1, ///< As many publications as allowed are on their way already.
    away,     ///< The bus cannot be reached just now.
    refused,  ///< The bus answered with an error.
    denied,   ///< The bus does not permit it to this process.
};

const boost::system::error_category& bus_category() noexcept;
inline error_code make_error_code(error why) noexcept { return {static_cast<int>(why), bus_category()}; }

/// What is published, and what is to become of it in the channel's stream, if it has one.
struct publication : hub::publication {
    bool skip_history = false;          ///< it goes to who is there, and is neither numbered nor kept
    std::string_view idempotency_key{}; ///< nobody gets it if one with this key was published lately
    std::uint64_t version = 0;          ///< nobody gets it if a version as new was published; 0: none
    std::string_view version_epoch{};
};

/// How a publication fared.
struct published {
    published(std::uint32_t how_many = 0) noexcept : receivers{how_many} {} // NOLINT: a number says it, mostly
    std::uint32_t receivers;                                                ///< connections that got it
    streams::position at{}; ///< where it went in the channel's stream; no offset: into none
    bool operator==(const published&) const = default;
};
using publish_result = result<published>;

/// Hears how a publication fared that was not answered at once.
class publish_listener {
public:
    virtual void on_published(ticket whose, publish_result receivers) = 0;

protected:
    ~publish_listener() = default;
};

/// Hears of subscriptions that were not confirmed at once.
class subscription_listener {
public:
    virtual void on_subscribed(ticket whose) = 0;
    /// The bus did not confirm in time (`error::away`), or refused: the subscription must be taken back.
    virtual void on_subscribe_failed(ticket whose, std::string_view channel, error why) = 0;
    /// The bus does not give the channel any more: everybody here who has subscribed must be told, and leave.
    virtual void on_unsubscribed(std::string_view channel, error why) = 0;

protected:
    ~subscription_listener() = default;
};

/// What becomes of a subscription.
enum class interest : std::uint8_t {
    confirmed, ///< nothing that is published from now on is missed
    pending,   ///< that is true only once the listener has heard of it
    refused, ///< too much is asked of the bus at once: the subscriber has to leave, and the broker knows nothing of it
};

/// Where publications come from and go to, as one shard sees it. What is published reaches the shard's hub when the
/// shard has said its interest. All calls and all answers are on the shard's thread; listeners live as long as the
/// broker. Implementations: embedded in the process; a Redis deployment.
class broker {
public:
    virtual ~broker() = default;

    /// A subscriber of `channel` has come, the shard's `first` or a further one.
    virtual interest subscribe(std::string_view channel, bool first, subscription_listener& who, ticket whose) = 0;
    /// A subscriber of `channel` has left it to others of the shard. If its subscribe is pending, it is answered now:
    /// nothing depends on it any more, and later it could be taken for that of a subscription that came after it.
    virtual void withdraw(std::string_view /*channel*/, std::uint64_t /*connection*/) {}
    /// The shard's last subscriber of `channel` has left.
    virtual void unsubscribe(std::string_view channel) = 0;
    /// Publishes, once for all shards and nodes. This shard's own subscribers get it when the turn ends. Empty: the
    /// answer comes later, to `who`.
    virtual std::optional<publish_result> publish(std::string_view channel, const publication& message,
                                                  publish_listener& who, ticket whose) = 0;
    /// Asks what a channel's stream has. Empty: the answer comes later, to `who`. Who subscribes to the channel while
    /// he gets the answer hears all that is not in it, once and in order, if the question says that he will.
    virtual std::optional<result<home_answer>> ask_home(std::string_view /*channel*/, const home_question&,
                                                        home_listener& /*who*/, ticket /*whose*/) {
        return result<home_answer>{make_error_code(error::refused)}; // a bus without streams
    }
    /// A client is in a channel from now on, or no more: its home knows, and tells who wants to hear of it. Only for
    /// channels of which rules::is_attended() is true.
    virtual void enter(std::string_view /*channel*/, const presence::client_id&, presence::registry::member) {}
    virtual void leave(std::string_view /*channel*/, const presence::client_id&) {}
    /// As leave(), of one that is there from now on by way of another process: nobody is told.
    virtual void forget(std::string_view /*channel*/, const presence::client_id&) {}
    /// Subscriptions and questions that listeners have not heard of yet.
    virtual std::size_t unanswered() const noexcept { return 0; }
    /// Too much waits for this shard's subscribers: whoever publishes waits.
    virtual bool congested() const noexcept = 0;
    /// Looks at the time, several times a second.
    virtual void on_time(std::chrono::steady_clock::time_point now) = 0;
};

} // namespace carillon::bus

template <>
struct boost::system::is_error_code_enum<carillon::bus::error> : std::true_type {};
