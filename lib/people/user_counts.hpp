#pragma once

#include "base/name_hash.hpp"

#include <boost/unordered/unordered_flat_map.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string_view>

namespace carillon::people {

/// How many connections each user has in the process, so that nobody has more than allowed. Only who comes or goes
/// takes its locks. Any thread.
class user_counts {
public:
    explicit user_counts(std::uint32_t most) : most_{most} {}

    /// One more. False: the user has as many as allowed, and it is not counted.
    bool enter(std::string_view user);
    /// One more that was let in elsewhere, however many the user has.
    void adopt(std::string_view user);
    /// One of those that were counted has gone.
    void leave(std::string_view user);

private:
    static constexpr std::size_t parts = 64;
    // Users are known by their keyed hash: of 64 bits, which nobody can choose.
    struct part {
        std::mutex lock;
        boost::unordered_flat_map<std::size_t, std::uint32_t> counts;
    };

    std::uint32_t most_;
    std::array<part, parts> parts_;
};

} // namespace carillon::people
