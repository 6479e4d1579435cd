#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace carillon::lifecycle {

/// How long each of several threads has got nothing done, as far as one can see who looks at their counts now and then.
/// Thread: that of whoever looks.
class stall_watch {
public:
    using clock = std::chrono::steady_clock;

    /// To be looked at every `period`.
    stall_watch(std::size_t threads, std::chrono::milliseconds period, clock::time_point now)
        : period_{period}, last_look_{now}, seen_(threads) {}

    /// `steps_of(i)` is how often thread i has got something done.
    template <class Steps>
    void look(clock::time_point now, Steps&& steps_of) {
        // Longer than two periods, and it was we who slept: the whole process was stopped, or its machine.
        const auto passed = std::min<clock::duration>(now - last_look_, 2 * period_);
        last_look_ = now;
        for (std::size_t i = 0; i < seen_.size(); ++i) {
            const std::uint64_t steps = steps_of(i);
            seen_[i].still = steps == seen_[i].steps ? seen_[i].still + passed : clock::duration{};
            seen_[i].steps = steps;
        }
    }

    /// The first thread that has stood still for so long; their number if none has.
    std::size_t first_stalled(clock::duration limit) const {
        const auto found = std::ranges::find_if(seen_, [&](const sight& each) { return each.still >= limit; });
        return static_cast<std::size_t>(found - seen_.begin());
    }

private:
    struct sight {
        std::uint64_t steps = 0;
        clock::duration still{};
    };

    std::chrono::milliseconds period_;
    clock::time_point last_look_;
    std::vector<sight> seen_;
};

} // namespace carillon::lifecycle
