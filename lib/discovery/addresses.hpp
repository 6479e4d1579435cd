#pragma once

#include "discovery/place.hpp"

#include <cstddef>
#include <deque>
#include <optional>
#include <vector>

namespace carillon::discovery {

/// Which of several places is tried next: addresses of a server's name, or Sentinels. A round tries each of them once,
/// in the order in which they were found, but the one that worked last before the others; when it is over, they are
/// found anew. Pure.
class server_addresses {
public:
    using address = place;

    /// Of one answer of the resolver; the others are not tried.
    static constexpr std::size_t per_round_max = 32;

    /// A round begins.
    void looked_up(const std::vector<address>& found);
    /// The next one, which is on trial from now on; none when the round is over.
    std::optional<address> take();
    /// The one that was taken last is good: the server is there. The round is over.
    void worked();
    std::size_t left() const noexcept { return untried_.size(); }

private:
    std::deque<address> untried_;
    std::optional<address> taken_;
    std::optional<address> good_;
};

} // namespace carillon::discovery
