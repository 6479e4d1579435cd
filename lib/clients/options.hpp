#pragma once

#include "carriers/compression.hpp"
#include "channels/name_space.hpp"
#include "hooks/application.hpp"
#include "people/gatekeeper.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace carillon::people {
class user_counts;
} // namespace carillon::people

namespace carillon::clients {

/// What clients may do, however they come. See docs/configuration.md for what each means to a user.
struct options {
    std::string node = "node"; ///< what clients name it by that say things by requests of their own
    std::uint32_t shard = 0;   ///< this one's number
    bool dev = false;          ///< anonymous clients may connect, from every origin
    bool anonymous = false;    ///< who shows no token may connect, as the user ""
    people::token_options tokens{};
    std::vector<channels::name_space> name_spaces{}; ///< none with `dev`: everybody may do everything everywhere
    /// How long a client may stay when its time is over, so that it can show another token.
    std::chrono::seconds expired_close_delay{25};
    people::user_counts* users = nullptr;     ///< limits the connections of each; none: there is no limit. Outlives all
    bool personal_channel = false;            ///< who has a user is subscribed to a channel of its own
    std::string personal_channel_namespace{}; ///< of these channels; empty: they have none
    std::size_t outbox_bytes_max = 1024 * 1024;
    std::size_t subscriptions_max = 128;
    std::size_t wildcards_max = 1024; ///< different ones on this shard
    std::size_t channel_bytes_max = 255;
    std::size_t payload_bytes_max = 64 * 1024;
    std::chrono::milliseconds ping_interval{25'000};
    std::size_t commands_per_second_max = 0;     ///< of each client; 0: any number
    bool takes_wishes = true;                    ///< the bus knows tags, idempotency keys and versions of publications
    bool knows_proxies = false;                  ///< what a request says of its client is the carrier's business
    carriers::compression_options compression{}; ///< of WebSockets
    hooks::application* application = nullptr;   ///< who is asked what clients may do; none: nobody. Outlives all
    /// What time it is for tokens; none: the system's clock.
    std::function<std::chrono::sys_seconds()> now{};
};

} // namespace carillon::clients
