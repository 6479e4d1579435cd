#pragma once

#include "base/name_hash.hpp"
#include "streams/position.hpp"

#include <boost/unordered/unordered_flat_map.hpp>

#include <chrono>
#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

namespace carillon::streams {

/// What publishers have published with a key, so that who tries again does not publish twice. Pure: time is given. Not
/// thread-safe.
class idempotency {
public:
    using clock = std::chrono::steady_clock;

    struct limits {
        std::size_t keys_max = 65'536; ///< then the oldest is forgotten
        std::chrono::seconds ttl{300};
    };

    explicit idempotency(const limits& how) : limits_{how} {}

    /// Where the publication with this key went in this channel; empty: there is none, or it was long ago.
    std::optional<position> find(std::string_view channel, std::string_view key, clock::time_point now);
    /// There was none.
    void remember(std::string_view channel, std::string_view key, const position& at, clock::time_point now);

    std::size_t size() const noexcept { return by_key_.size(); }
    std::uint64_t evicted() const noexcept { return evicted_; } ///< before their time, because there were too many

private:
    struct entry {
        position at;
        clock::time_point until;
    };

    void forget_old(clock::time_point now);

    limits limits_;
    boost::unordered_flat_map<std::string, entry, hash_of_name, std::equal_to<>> by_key_; // channel and key
    std::deque<std::string> order_;
    std::uint64_t evicted_ = 0;
};

} // namespace carillon::streams
