#include "gateway/running_gateway.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <ostream>
#include <string>

// That the limits of a turn, and of what waits to be delivered, reach the shard as they are given.
namespace carillon::gateway {
namespace {

using namespace std::chrono_literals;
using test::peer;

// A turn that is cut short by nothing but what a test asks for.
config::settings patient_settings() {
    config::settings how = settings_for_tests(1);
    how.turn_time = 1h;
    return how;
}

// What many PINGs in one burst come to: their replies are all there, however many turns they take.
TEST(turns, one_whose_time_is_over_lets_the_rest_wait) {
    constexpr int pings = 100;
    for (const std::chrono::milliseconds time : {std::chrono::milliseconds{0}, std::chrono::milliseconds{1h}}) {
        SCOPED_TRACE(time.count());
        config::settings how = settings_for_tests(1);
        how.turn_time = time;
        running_gateway g{how};
        std::string lines, replies;
        for (int i = 0; i < pings; ++i) {
            lines += "PING\r\n";
            replies += "+PONG\r\n";
        }
        peer program = g.program(lines + "ECHO end\r\n");
        EXPECT_EQ(read_until(program, "end\r\n"), replies + "$3\r\nend\r\n");
        EXPECT_EQ(g.metric("carillon_turns_cut_short_total") > 0, time == 0ms);
        EXPECT_EQ(g.metric("carillon_turn_waits_total") > 0, time == 0ms);
        EXPECT_EQ(g.metric("carillon_turn_waiting"), 0);
    }
}

struct limit_case {
    const char* name;
    std::function<void(config::settings&)> set;
    bool publisher_waits;
};

void PrintTo(const limit_case& each, std::ostream* out) { *out << each.name; }

class limits_of_deliveries : public testing::TestWithParam<limit_case> {};

// Three publications in one burst, each to three subscribers of a channel of its own. When the second is published, a
// portion of the first is sent; when the third is about to be, what is left of both waits.
TEST_P(limits_of_deliveries, let_a_publisher_wait) {
    config::settings how = patient_settings();
    GetParam().set(how);
    running_gateway g{how};
    std::deque<peer> readers;
    for (int i = 0; i < 3; ++i) {
        readers.push_back(g.program("SUBSCRIBE a b c\r\n"));
        read_until(readers.back(), ":3\r\n");
    }
    peer publisher = g.program("PUBLISH a 1\r\nPUBLISH b 2\r\nPUBLISH c 3\r\n");
    EXPECT_EQ(read_until(publisher, ":3\r\n:3\r\n:3\r\n"), ":3\r\n:3\r\n:3\r\n");
    for (peer& each : readers) EXPECT_TRUE(read_until(each, "$1\r\nc\r\n$1\r\n3\r\n").ends_with("3\r\n"));
    EXPECT_EQ(g.metric("carillon_deliveries_total"), 9);
    EXPECT_EQ(g.metric("carillon_turn_waits_total") > 0, GetParam().publisher_waits);
    EXPECT_EQ(g.metric("carillon_deliveries_waiting"), 0);
    EXPECT_EQ(g.metric("carillon_delivery_bytes_waiting"), 0);
}

const limit_case limit_cases[] = {
    {"the_defaults_do_not", [](config::settings&) {}, false},
    {"as_many_sends_as_one_publication_has_do_not", [](config::settings& how) { how.deliveries_waiting_max = 3; },
     false},
    {"fewer_sends_do_not_while_one_publication_is_all_that_waits",
     [](config::settings& how) { how.deliveries_waiting_max = 2; }, false},
    {"fewer_bytes_than_one_publication_has_do", [](config::settings& how) { how.delivery_bytes_waiting_max = 10; },
     true},
    {"portions_that_leave_something_of_the_first_do",
     [](config::settings& how) {
         how.deliveries_waiting_max = 3;
         how.deliveries_per_turn = 2;
     },
     true},
};

INSTANTIATE_TEST_SUITE_P(turns, limits_of_deliveries, testing::ValuesIn(limit_cases),
                         [](const auto& each) { return std::string{each.param.name}; });

// The peers do not end their side, so their descriptors are kept for a second, or until one more comes.
TEST(turns, of_the_refused_only_so_many_are_waited_for) {
    config::settings how = settings_for_tests(1);
    how.connections_max = 1;
    how.bus_connections_max = 1;
    how.farewells_max = 1;
    running_gateway g{how};
    const auto first = g.browser("bell");
    peer program = g.program("PING\r\n");
    read_until(program, "PONG\r\n");
    for (const bool of_bus : {false, true}) {
        std::deque<peer> refused;
        const double before = g.metric("carillon_farewells_cut_short_total");
        do {
            for (int i = 0; i < 2; ++i) {
                refused.push_back(of_bus ? g.program("PING\r\n") : g.raw());
                if (!of_bus) refused.back().write(test::upgrade_request);
                EXPECT_NE(read_to_the_end(refused.back()), "");
            }
        } while (g.metric("carillon_farewells_cut_short_total") == before); // a slow machine may need another look
    }
    EXPECT_LE(g.metric("carillon_farewells"), 2);
}

} // namespace
} // namespace carillon::gateway
