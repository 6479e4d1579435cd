#pragma once

#include "auth/claims.hpp"
#include "filters/filter.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace carillon::hooks {

/// The application consents. Each event has its own of these members (client protocol §9).
struct consent {
    std::string user{};         ///< connect
    std::int64_t expire_at = 0; ///< when what it consents to ends, in seconds since 1970; 0: never
    bool expired = false;       ///< refresh, sub_refresh: it has ended
    bool skip_history = false;  ///< publish
    std::optional<auth::payload> info{};
    std::optional<auth::payload> data{};
    std::vector<auth::granted_subscription> subscriptions{}; ///< connect: of `channels` and `subs`, each channel once
    std::string meta{};                                      ///< connect, refresh: JSON, or empty
    auth::overrides over{};                                  ///< subscribe
    std::shared_ptr<const filters::filter> filter{};         ///< subscribe: what it hears of the channel; null: all
    // publish: what a back end could say of it
    std::string tags{}; ///< a JSON object of texts, or empty
    std::string idempotency_key{};
    std::uint64_t version = 0; ///< 0: none
    std::string version_epoch{};
};

/// The command is answered with this error.
struct refusal {
    std::uint32_t code = 0;
    std::string message{};
    bool temporary = false;
};

/// The client is disconnected.
struct farewell {
    std::uint16_t code = 0;
    std::string reason{};
};

/// It has said neither: `{}`. What that means is the event's.
struct nothing_said {};

/// There is no answer, or none that can be used. The sentence is for the log.
struct failure {
    std::string why{};
};

using answer = std::variant<consent, refusal, farewell, nothing_said, failure>;

/// Reads answers. Keeps a buffer as large as the largest was. Not thread-safe.
class reader {
public:
    reader();
    reader(const reader&) = delete;
    reader& operator=(const reader&) = delete;
    ~reader();

    /// `body` may be any bytes. An error without a code that errors can have, and a disconnect whose code is not
    /// between 3000 and 4999 or whose reason does not fit in a Close frame, are failures.
    answer read(std::string_view body);

private:
    struct inner;
    std::unique_ptr<inner> inner_;
};

} // namespace carillon::hooks
