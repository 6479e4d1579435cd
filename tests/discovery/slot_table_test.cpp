#include "discovery/slot_table.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

namespace carillon::discovery {
namespace {

using branch = slot_table::branch;
using branches = std::vector<branch>;
using ids = std::vector<slot_table::id>;

place at(int port) { return {"h", static_cast<std::uint16_t>(port)}; }

struct step_case {
    const char* name;
    std::vector<topology::range> ranges;
    branches opened;
    branches led_elsewhere;
    ids closed;
    std::size_t moved;
};

// One after the other, of one cluster.
TEST(slot_table, a_connection_is_that_to_whoever_has_its_slots) {
    const step_case steps[] = {
        {"three primaries",
         {{0, 5, at(1)}, {6, 10, at(2)}, {11, 16'383, at(3)}},
         {{1, at(1)}, {2, at(2)}, {3, at(3)}},
         {},
         {},
         16'384},
        {"the same again", {{0, 5, at(1)}, {6, 10, at(2)}, {11, 16'383, at(3)}}, {}, {}, {}, 0},
        {"a replica takes its primary's place",
         {{0, 5, at(1)}, {6, 10, at(7)}, {11, 16'383, at(3)}},
         {},
         {{2, at(7)}},
         {},
         0},
        {"two at once", {{0, 5, at(8)}, {6, 10, at(7)}, {11, 16'383, at(9)}}, {}, {{1, at(8)}, {3, at(9)}}, {}, 0},
        {"slots are elsewhere", {{0, 3, at(8)}, {4, 10, at(7)}, {11, 16'383, at(9)}}, {}, {}, {}, 2},
        {"a new primary gets some",
         {{0, 3, at(8)}, {4, 9, at(7)}, {10, 12, at(4)}, {13, 16'383, at(9)}},
         {{4, at(4)}},
         {},
         {},
         3},
        {"slots that nobody has stay", {{0, 3, at(8)}, {4, 9, at(7)}, {13, 16'383, at(9)}}, {}, {}, {}, 0},
        {"one has none any more", {{0, 9, at(7)}, {10, 12, at(4)}, {13, 16'383, at(9)}}, {}, {}, {}, 4},
        {"and is closed", {{0, 9, at(7)}, {10, 12, at(4)}, {13, 16'383, at(9)}}, {}, {}, {1}, 0},
        {"a primary that takes over all", {{0, 16'383, at(4)}}, {}, {}, {}, 16'381},
        {"both others are closed", {{0, 16'383, at(4)}}, {}, {}, {2, 3}, 0},
        {"a failover and slots elsewhere at once",
         {{0, 9'000, at(5)}, {9'001, 16'383, at(6)}},
         {{5, at(6)}},
         {{4, at(5)}},
         {},
         7'383},
    };
    slot_table table;
    EXPECT_FALSE(table.complete());
    for (const auto& [name, ranges, opened, led_elsewhere, closed, moved] : steps) {
        const auto made = table.take({.ranges = ranges});
        EXPECT_EQ(made.opened, opened) << name;
        EXPECT_EQ(made.led_elsewhere, led_elsewhere) << name;
        EXPECT_EQ(made.closed, closed) << name;
        EXPECT_EQ(made.moved.count(), moved) << name;
        EXPECT_TRUE(table.complete()) << name;
    }
}

TEST(slot_table, what_comes_back_before_it_is_closed_stays) {
    slot_table table;
    table.take({.ranges = {{0, 9, at(1)}, {10, 16'383, at(2)}}});
    table.take({.ranges = {{0, 16'383, at(2)}}});
    const auto made = table.take({.ranges = {{0, 9, at(1)}, {10, 16'383, at(2)}}});
    EXPECT_EQ(made.opened, branches{});
    EXPECT_EQ(made.closed, ids{});
    EXPECT_EQ(made.moved.count(), 10u);
}

// Whatever happens to the cluster, each slot that it names is where it says, over one connection for each primary; and
// a connection changes its place only when its primary is none any more.
TEST(slot_table, follows_whatever_happens_to_a_cluster) {
    std::mt19937 random{23};
    for (int history = 0; history < 8; ++history) {
        slot_table table;
        std::vector<int> model(slots, 1); // which port has it; 0: none
        std::set<slot_table::id> open;
        for (int step = 0; step < 12; ++step) {
            for (auto left = random() % 4; left > 0; --left) {
                const int from = 1 + static_cast<int>(random() % 6);
                const int to = static_cast<int>(random() % 7);
                const bool all = random() % 2 == 0;
                const auto first = static_cast<std::ptrdiff_t>(all ? 0 : random() % slots);
                const auto last = all ? std::ptrdiff_t{slots} : std::min<std::ptrdiff_t>(slots, first + 3'000);
                std::replace(model.begin() + first, model.begin() + last, from, to);
            }
            topology said;
            for (unsigned slot = 0; slot < slots; ++slot) {
                if (model[slot] == 0) continue;
                const auto its = static_cast<std::uint16_t>(slot);
                const bool follows = !said.ranges.empty() && said.ranges.back().last + 1u == slot &&
                                     said.ranges.back().primary == at(model[slot]);
                if (follows) said.ranges.back().last = its;
                if (!follows) said.ranges.push_back({its, its, at(model[slot])});
            }
            std::vector<std::optional<slot_table::id>> before;
            for (unsigned slot = 0; slot < slots; ++slot)
                before.push_back(table.owner_of(static_cast<std::uint16_t>(slot)));
            const auto made = table.take(said);
            for (const branch& each : made.opened) ASSERT_TRUE(open.insert(each.who).second);
            for (const auto each : made.closed) ASSERT_EQ(open.erase(each), 1u);
            ASSERT_EQ(open.size(), table.branches().size());
            std::map<slot_table::id, place> where;
            std::set<std::string> places;
            for (const branch& each : table.branches()) {
                where[each.who] = each.where;
                ASSERT_TRUE(open.contains(each.who));
                ASSERT_TRUE(places.insert(to_string(each.where)).second) << "two connections to one primary";
            }
            for (unsigned slot = 0; slot < slots; ++slot) {
                const auto owner = table.owner_of(static_cast<std::uint16_t>(slot));
                ASSERT_EQ(owner != before[slot], made.moved[slot]);
                const bool is_right =
                    model[slot] == 0 ? owner == before[slot] : owner && where.at(*owner) == at(model[slot]);
                ASSERT_TRUE(is_right) << slot;
            }
            for (const branch& each : made.led_elsewhere) ASSERT_EQ(where.at(each.who), each.where);
        }
    }
}

} // namespace
} // namespace carillon::discovery
