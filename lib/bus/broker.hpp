#pragma once

#include "base/result.hpp"
#include "hub/hub.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace carillon::bus {

/// Why the bus did not take something.
enum class error : std::uint8_t {
    busy = 1, ///< As many publications as allowed are on their way already.
    away,     ///< The bus cannot be reached just now.
};

const boost::system::error_category& bus_category() noexcept;
inline error_code make_error_code(error why) noexcept { return {static_cast<int>(why), bus_category()}; }

/// Which publication an answer belongs to: the publisher's own numbers.
struct publish_ticket {
    std::uint64_t connection = 0; ///< net::connection_key, packed
    std::uint32_t id = 0;
};

/// How many connections got a publication.
using publish_result = result<std::uint32_t>;

/// Hears how a publication fared that was not answered at once.
class publish_listener {
public:
    virtual void on_published(publish_ticket ticket, publish_result receivers) = 0;

protected:
    ~publish_listener() = default;
};

/// Where publications come from and go to, as one shard sees it. What is published reaches the shard's hub when the
/// shard has said its interest. All calls and all answers are on the shard's thread. Implementations: embedded in the
/// process; a Redis deployment.
class broker {
public:
    virtual ~broker() = default;

    /// The shard's first subscriber of `channel` has come: nothing that is published from now on is missed.
    virtual void subscribe(std::string_view channel) = 0;
    /// Its last one has left.
    virtual void unsubscribe(std::string_view channel) = 0;
    /// Publishes, once for all shards and nodes. Deliveries to this shard's own subscribers are held in the hub until
    /// its next flush(). Empty: the answer comes later, to `who`, which lives as long as the broker.
    virtual std::optional<publish_result> publish(std::string_view channel, const hub::publication& message,
                                                  publish_listener& who, publish_ticket ticket) = 0;
    /// Whether the bus can be reached.
    virtual bool available() const = 0;
};

} // namespace carillon::bus

template <>
struct boost::system::is_error_code_enum<carillon::bus::error> : std::true_type {};
