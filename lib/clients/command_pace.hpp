#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace carillon::clients {

/// How many commands each client sends in a second. Eight bytes for each place of a connection, and only where there is
/// a limit: none in the record. Thread: the shard's.
class command_pace {
public:
    using clock = std::chrono::steady_clock;
    enum class verdict : std::uint8_t {
        go_on,
        refused, ///< it is one too many for this second
        ended,   ///< it goes on though as many as the limit have been refused in this second
    };

    explicit command_pace(std::size_t per_second_max) noexcept : most_{per_second_max} {}

    bool limits() const noexcept { return most_ > 0; }

    /// One more, of the connection at this place. A second begins with the first command after the last one was over.
    verdict take(std::uint32_t place, clock::time_point now) {
        if (place >= seconds_.size()) seconds_.resize(place + 1);
        second& its = seconds_[place];
        const auto at = static_cast<std::uint32_t>(
            std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count());
        if (its.commands == 0 || at - its.began_ms >= 1'000) its = {at, 0};
        if (its.commands <= 2 * most_) ++its.commands;
        if (its.commands <= most_) return verdict::go_on;
        return its.commands <= 2 * most_ ? verdict::refused : verdict::ended;
    }

    /// Another connection has this place now.
    void forget(std::uint32_t place) noexcept {
        if (place < seconds_.size()) seconds_[place] = {};
    }

private:
    struct second {
        std::uint32_t began_ms = 0; // of the clock, and round
        std::uint32_t commands = 0;
    };

    std::size_t most_;
    std::vector<second> seconds_; // up to the last that has said something
};

} // namespace carillon::clients
