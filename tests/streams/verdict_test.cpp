#include "streams/verdict.hpp"

#include <gtest/gtest.h>

namespace carillon::streams {
namespace {

struct row {
    const char* name;
    kept stream;
    last_seen of_client;
    verdict said;
    std::size_t count = 0;
};

const epoch e{"e"};

TEST(verdict, what_was_missed_is_given_whole_or_not_at_all) {
    const row rows[] = {
        {"nothing was ever published", {{0, e}, 0}, {0, "e"}, verdict::recovered, 0},
        {"nothing was missed", {{7, e}, 3}, {7, "e"}, verdict::recovered, 0},
        {"nothing was missed, and nothing is kept", {{7, e}, 0}, {7, "e"}, verdict::recovered, 0},
        {"the last one was missed", {{7, e}, 3}, {6, "e"}, verdict::recovered, 1},
        {"all that is kept was missed", {{7, e}, 3}, {4, "e"}, verdict::recovered, 3},
        {"one more than is kept", {{7, e}, 3}, {3, "e"}, verdict::gone},
        {"everything was missed and is kept", {{3, e}, 3}, {0, "e"}, verdict::recovered, 3},
        {"everything was missed, and the first is gone", {{4, e}, 3}, {0, "e"}, verdict::gone},
        {"nothing is kept of what was missed", {{7, e}, 0}, {6, "e"}, verdict::gone},
        {"as many as are given", {{9, e}, 9}, {4, "e"}, verdict::recovered, 5},
        {"more than are given", {{9, e}, 9}, {3, "e"}, verdict::too_many},
        {"no epoch fits every stream", {{7, e}, 3}, {6, ""}, verdict::recovered, 1},
        {"another epoch", {{7, e}, 3}, {6, "f"}, verdict::wrong_epoch},
        {"another epoch, though nothing was missed", {{7, e}, 3}, {7, "f"}, verdict::wrong_epoch},
        {"an offset that is still to come", {{7, e}, 3}, {8, "e"}, verdict::ahead},
        {"the largest offset", {{7, e}, 3}, {~std::uint64_t{0}, "e"}, verdict::ahead},
        {"an offset in a channel without anything", {{0, e}, 0}, {1, ""}, verdict::ahead},
    };
    for (const row& each : rows) {
        SCOPED_TRACE(each.name);
        const missed found = what_was_missed(each.stream, each.of_client, 5);
        EXPECT_EQ(found.said, each.said);
        EXPECT_EQ(found.count, each.count);
    }
}

TEST(verdict, of_a_cache_only_the_newest_counts) {
    const row rows[] = {
        {"the client has the newest", {{7, e}, 1}, {7, "e"}, verdict::recovered, 0},
        {"the client has an older one", {{7, e}, 1}, {2, "e"}, verdict::recovered, 1},
        {"the client has none", {{7, e}, 1}, {0, ""}, verdict::recovered, 1},
        {"the client is of another epoch", {{7, e}, 1}, {7, "f"}, verdict::recovered, 1},
        {"the client is ahead", {{7, e}, 1}, {9, "e"}, verdict::recovered, 1},
        {"nothing was ever published", {{0, e}, 0}, {0, ""}, verdict::recovered, 0},
        {"the newest is not kept any more", {{7, e}, 0}, {2, "e"}, verdict::gone, 0},
    };
    for (const row& each : rows) {
        SCOPED_TRACE(each.name);
        const missed found = newest_if_missed(each.stream, each.of_client);
        EXPECT_EQ(found.said, each.said);
        EXPECT_EQ(found.count, each.count);
    }
}

} // namespace
} // namespace carillon::streams
