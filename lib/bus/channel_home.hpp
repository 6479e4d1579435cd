#pragma once

#include "base/function_ref.hpp"
#include "bus/home_question.hpp"
#include "channels/rules.hpp"
#include "metrics/shard_counters.hpp"
#include "presence/departures.hpp"
#include "streams/idempotency.hpp"
#include "streams/store.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace carillon::bus {

struct publication;

/// What is known of the channels whose home a shard is: numbers what is published and keeps what their namespaces say,
/// knows who is there, and answers questions. Pure: time is given. Thread: the shard's.
class channel_home {
public:
    struct limits {
        streams::store::limits store{};
        streams::idempotency::limits keys{};
        streams::page_limits page{};
        std::size_t listed_max = 1'000;      ///< clients in one answer that lists them
        std::size_t announced_max = 1'000;   ///< clients in a channel up to which comings and goings are told
        std::size_t departures_max = 65'536; ///< that wait until they are told, since their users may come back
    };

    /// `rules`: made for this thread. `seed`: as of streams::store.
    channel_home(channels::rules rules, const limits& how, std::uint64_t seed);

    /// From now on these; what is kept stays until its time is over.
    void use_rules(channels::rules rules);

    struct numbered {
        streams::position at{};   ///< no offset: the channel keeps nothing
        bool is_repeated = false; ///< it was published before, or something newer was: nobody gets it
    };
    numbered take(std::string_view channel, const publication& what);

    /// Empty, or what is to be told to the channel's subscribers who want to hear of it: ClientInfo as JSON.
    std::optional<std::string> enter(std::string_view channel, const presence::client_id& who,
                                     presence::registry::member what);
    std::optional<std::string> leave(std::string_view channel, const presence::client_id& who);

    /// Calls `tell(channel, info)` for those of whom nobody has been told that they have left, and who have not come
    /// back in time; some of them at once.
    void tell_departed(function_ref<void(std::string_view channel, const std::string& info)> tell);

    home_answer answer(std::string_view channel, const home_question& asked);

    /// Looks at the time, and frees some of what is too old.
    void on_time(std::chrono::steady_clock::time_point now);

    /// What it holds goes into `into`.
    void count(metrics::shard_counters& into) const;
    const streams::store& store() const noexcept { return store_; }

private:
    const channels::name_space* space_of(std::string_view channel) const noexcept;
    const channels::name_space* announced_in(std::string_view channel) noexcept;

    channels::rules rules_;
    bool any_keeps_; // whether there is a namespace whose channels keep publications
    limits limits_;
    streams::store store_;
    streams::idempotency keys_;
    presence::registry there_;
    presence::departures departed_;
    std::uint64_t came_back_ = 0;
    std::uint64_t announced_ = 0;
    std::uint64_t not_announced_ = 0;
    std::chrono::steady_clock::time_point now_ = std::chrono::steady_clock::now();
};

} // namespace carillon::bus
