#include "load/board.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <sys/wait.h>
#include <unistd.h>

namespace carillon::load {
namespace {

using namespace std::chrono_literals;

tally tally_of(std::uint64_t number) {
    tally made;
    made.live = number;
    made.given_up = number + 1;
    made.handshakes = number + 2;
    made.failed = number + 3;
    made.warm_ups = number + 4;
    made.deliveries = number + 5;
    made.duplicated = number + 6;
    made.disordered = number + 7;
    made.lost = number + 8;
    made.dropped = number + 9;
    made.pings = number + 10;
    made.round_trips = number + 11;
    made.handshakes_end = static_cast<std::int64_t>(number) + 12;
    made.deliveries_begin = static_cast<std::int64_t>(number) + 13;
    made.deliveries_end = static_cast<std::int64_t>(number) + 14;
    made.round_trips_end = static_cast<std::int64_t>(number) + 15;
    return made;
}

TEST(board, begins_with_nothing) {
    const board figures{3, 2};
    const tally all = figures.read_all(), none;
    EXPECT_EQ(std::memcmp(&all, &none, sizeof all), 0);
    EXPECT_EQ(figures.read_all(event::delivery).count(), 0u);
    EXPECT_EQ(figures.trouble(), "");
    EXPECT_EQ(figures.published(1), 0u);
}

TEST(board, adds_counts_up_and_takes_the_earliest_beginning_and_the_latest_end) {
    board figures{3, 1};
    figures.write(0, tally_of(1000));
    figures.write(2, tally_of(2000)); // the second has nothing to tell, and no beginning
    const tally all = figures.read_all();
    EXPECT_EQ(all.live, 3000u);
    EXPECT_EQ(all.given_up, 3002u);
    EXPECT_EQ(all.handshakes, 3004u);
    EXPECT_EQ(all.failed, 3006u);
    EXPECT_EQ(all.warm_ups, 3008u);
    EXPECT_EQ(all.deliveries, 3010u);
    EXPECT_EQ(all.duplicated, 3012u);
    EXPECT_EQ(all.disordered, 3014u);
    EXPECT_EQ(all.lost, 3016u);
    EXPECT_EQ(all.dropped, 3018u);
    EXPECT_EQ(all.pings, 3020u);
    EXPECT_EQ(all.round_trips, 3022u);
    EXPECT_EQ(all.handshakes_end, 2012);
    EXPECT_EQ(all.deliveries_begin, 1013);
    EXPECT_EQ(all.deliveries_end, 2014);
    EXPECT_EQ(all.round_trips_end, 2015);
}

TEST(board, is_shared_with_child_processes_in_both_directions) {
    board figures{2, 2};
    figures.published(1) = 77;
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        latencies lengths;
        lengths.record(5ms);
        lengths.record(7ms);
        figures.write(1, event::round_trip, lengths);
        figures.write(1, tally_of(figures.published(1)));
        figures.write_trouble(1, "the child was here" + std::string(1000, '!'));
        ::_exit(0);
    }
    int status = 1;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
    EXPECT_EQ(figures.read_all().live, 77u);
    EXPECT_EQ(figures.read_all(event::round_trip).count(), 2u);
    EXPECT_EQ(figures.read_all(event::round_trip).max(), 7ms);
    EXPECT_EQ(figures.read_all(event::handshake).count(), 0u);
    EXPECT_TRUE(figures.trouble().starts_with("the child was here!"));
    EXPECT_LT(figures.trouble().size(), 300u);
}

} // namespace
} // namespace carillon::load
