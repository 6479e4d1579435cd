#include "upstream/probe.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <vector>

namespace carillon::upstream {
namespace {

using namespace std::chrono_literals;
using clock = probe::clock;
constexpr auto never = clock::time_point::max();

struct step {
    enum class kind : std::uint8_t { subscribed, away, hold, heard, look };
    kind what;
    std::chrono::milliseconds at;
    std::uint64_t number = 0;         // heard: which; look: which is due, 0: none
    bool overdue = false;             // look
    std::chrono::milliseconds wake{}; // look: afterwards; 0: never
};

struct probe_case {
    const char* name;
    std::vector<step> steps;
    std::chrono::milliseconds took;
};

TEST(probe, is_published_now_and_then_and_must_come_back) {
    using enum step::kind;
    const probe_case cases[] = {
        {"nothing_before_it_could_be_heard", {{look, 1ms}, {look, 9'000ms}}, 0ms},
        {"one_at_once_and_the_next_after_the_interval",
         {{subscribed, 10ms},
          {look, 10ms, 1, false, 2'010ms},
          {heard, 40ms, 1},
          {look, 40ms, 0, false, 5'010ms},
          {look, 5'009ms, 0, false, 5'010ms},
          {look, 5'010ms, 2, false, 7'010ms}},
         30ms},
        {"one_that_does_not_come_back",
         {{subscribed, 0ms},
          {look, 0ms, 1, false, 2'000ms},
          {look, 1'999ms, 0, false, 2'000ms},
          {look, 2'000ms, 0, true, 2'000ms}},
         0ms},
        {"no_other_while_one_is_under_way",
         {{subscribed, 0ms}, {look, 0ms, 1, false, 2'000ms}, {hold, 4'000ms}, {look, 5'500ms, 0, false, 6'000ms}},
         0ms},
        {"what_is_not_read_may_hold_it",
         {{subscribed, 0ms},
          {look, 0ms, 1, false, 2'000ms},
          {hold, 1'500ms},
          {look, 3'499ms, 0, false, 3'500ms},
          {heard, 3'499ms, 1}},
         3'499ms},
        {"another_number_is_none",
         {{subscribed, 0ms}, {look, 0ms, 1, false, 2'000ms}, {heard, 1ms, 7}, {look, 2'000ms, 0, true, 2'000ms}},
         0ms},
        {"one_of_an_earlier_connection_is_none",
         {{subscribed, 0ms},
          {look, 0ms, 1, false, 2'000ms},
          {away, 10ms},
          {look, 3'000ms},
          {subscribed, 3'000ms},
          {look, 3'000ms, 2, false, 5'000ms},
          {heard, 3'001ms, 1},
          {look, 5'000ms, 0, true, 5'000ms}},
         0ms},
    };
    for (const auto& [name, steps, took] : cases) {
        SCOPED_TRACE(name);
        probe its{{.interval = 5'000ms, .patience = 2'000ms}};
        for (const step& each : steps) {
            const auto now = clock::time_point{} + each.at;
            switch (each.what) {
            case subscribed: its.on_subscribed(now); break;
            case away: its.on_away(); break;
            case hold: its.on_hold(now); break;
            case heard: its.on_heard(each.number, now); break;
            case look:
                EXPECT_EQ(its.overdue(now), each.overdue) << each.at.count();
                EXPECT_EQ(its.due(now).value_or(0), each.number) << each.at.count();
                EXPECT_EQ(its.wake_at(), each.wake == 0ms ? never : clock::time_point{} + each.wake) << each.at.count();
                break;
            }
        }
        EXPECT_EQ(its.took(), took);
    }
}

} // namespace
} // namespace carillon::upstream
