#pragma once

#include "bus/stream_question.hpp"
#include "channels/rules.hpp"
#include "metrics/shard_counters.hpp"
#include "streams/idempotency.hpp"
#include "streams/store.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace carillon::bus {

struct publication;

/// The streams of the channels whose home a shard is: numbers what is published, keeps what their namespaces say, and
/// answers questions. Pure: time is given. Thread: the shard's.
class stream_home {
public:
    struct limits {
        streams::store::limits store{};
        streams::idempotency::limits keys{};
        streams::page_limits page{};
    };

    /// `rules`: made for this thread. `seed`: as of streams::store.
    stream_home(channels::rules rules, const limits& how, std::uint64_t seed);

    struct numbered {
        streams::position at{};   ///< no offset: the channel keeps nothing
        bool is_repeated = false; ///< it was published before, or something newer was: nobody gets it
    };
    numbered take(std::string_view channel, const publication& what);

    stream_answer answer(std::string_view channel, const stream_question& asked);

    /// Looks at the time, and frees some of what is too old.
    void on_time(std::chrono::steady_clock::time_point now);

    /// What it holds goes into `into`.
    void count(metrics::shard_counters& into) const;
    const streams::store& store() const noexcept { return store_; }

private:
    const channels::name_space* space_of(std::string_view channel) const noexcept;

    channels::rules rules_;
    limits limits_;
    streams::store store_;
    streams::idempotency keys_;
    std::chrono::steady_clock::time_point now_ = std::chrono::steady_clock::now();
};

} // namespace carillon::bus
