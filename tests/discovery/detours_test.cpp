#include "discovery/detours.hpp"

#include <gtest/gtest.h>

#include <random>
#include <set>

namespace carillon::discovery {
namespace {

using namespace std::chrono_literals;
using clock = detours::clock;
using kind = redirection::kind;
using verdict = detours::verdict;

const clock::time_point begin{1h};
constexpr detours::limits small{.hops_max = 2, .pause = 100ms, .patience = 250ms};

struct refusal {
    kind what;
    bool known;
    std::chrono::milliseconds at;
    verdict expected;
};
struct detour_case {
    const char* name;
    std::vector<refusal> refusals; // of one command, one after the other
};

TEST(detours, a_command_is_sent_elsewhere_or_again_until_it_is_too_late) {
    const detour_case cases[] = {
        {"moved", {{kind::moved, true, 0ms, verdict::follow}}},
        {"to where nobody leads",
         {{kind::moved, false, 0ms, verdict::wait}, {kind::moved, true, 100ms, verdict::follow}}},
        {"asked", {{kind::asked, true, 0ms, verdict::follow}, {kind::later, true, 0ms, verdict::wait}}},
        {"asked of somebody unknown", {{kind::asked, false, 0ms, verdict::wait}}},
        {"in a circle",
         {{kind::moved, true, 0ms, verdict::follow},
          {kind::moved, true, 0ms, verdict::follow},
          {kind::moved, true, 0ms, verdict::wait},
          {kind::moved, true, 100ms, verdict::follow}}},
        {"the cluster is down for too long",
         {{kind::down, false, 0ms, verdict::wait},
          {kind::down, false, 100ms, verdict::wait},
          {kind::down, false, 200ms, verdict::give_up}}},
        {"a part is here and a part there", {{kind::later, false, 0ms, verdict::wait}}},
    };
    for (const auto& [name, refusals] : cases) {
        detours all{small};
        for (const auto& [what, known, at, expected] : refusals) {
            if (at > 0ms) { ASSERT_EQ(all.due(begin + at), 7u) << name; }
            EXPECT_EQ(all.on_redirected(7, what, known, begin + at), expected) << name;
            EXPECT_EQ(all.due(begin + at), std::nullopt) << name;
        }
        EXPECT_EQ(all.size(), refusals.back().expected == verdict::give_up ? 0u : 1u) << name;
    }
}

TEST(detours, what_was_sent_over_a_connection_that_is_lost_is_sent_again) {
    detours all{small};
    EXPECT_EQ(all.on_redirected(7, kind::moved, true, begin), verdict::follow);
    EXPECT_EQ(all.on_lost(7, begin + 10ms), verdict::wait);
    EXPECT_EQ(all.wake_at(), begin + 110ms);
    EXPECT_EQ(all.due(begin + 110ms), 7u);
    EXPECT_EQ(all.wake_at(), clock::time_point::max());
    EXPECT_EQ(all.on_lost(7, begin + 200ms), verdict::give_up);
}

TEST(detours, what_is_done_is_not_sent_again) {
    detours all{small};
    EXPECT_EQ(all.on_redirected(7, kind::later, true, begin), verdict::wait);
    EXPECT_EQ(all.on_redirected(8, kind::later, true, begin), verdict::wait);
    all.done(7);
    EXPECT_EQ(all.due(begin + 1s), 8u);
    EXPECT_EQ(all.due(begin + 1s), std::nullopt);
}

struct pace_case {
    const char* name;
    bool wished;
    std::chrono::milliseconds usual;
    std::chrono::milliseconds due; // after the last question
};

TEST(asking_pace, is_never_faster_than_it_may_be) {
    const pace_case cases[] = {
        {"nothing has happened", false, 10s, 10s},
        {"something has", true, 10s, 500ms},
        {"more often than it may be", false, 100ms, 500ms},
    };
    for (const auto& [name, wished, usual, due] : cases) {
        asking_pace pace{500ms, usual};
        EXPECT_EQ(pace.due(), clock::time_point::min()) << name;
        pace.wish();
        pace.asked(begin);
        if (wished) pace.wish();
        EXPECT_EQ(pace.due(), begin + due) << name;
        pace.wish();
        EXPECT_EQ(pace.due(), begin + 500ms) << name;
        pace.answered(begin + 2s);
        EXPECT_EQ(pace.due(), begin + 2'500ms) << name << ", what was wished meanwhile counts";
    }
}

} // namespace
} // namespace carillon::discovery
