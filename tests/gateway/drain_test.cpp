#include "gateway/running_gateway.hpp"
#include "shards/pace.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <string>
#include <vector>

namespace carillon::gateway {
namespace {

using namespace std::chrono_literals;
using test::hear;
using test::peer;
using test::ws_client;
using words = std::vector<std::string>;

TEST(pace, is_even_and_begins_at_once_and_ends_with_the_window) {
    struct pace_case {
        const char* name;
        std::uint32_t total;
        std::chrono::milliseconds window, passed;
        std::uint32_t due;
    };
    const pace_case cases[] = {
        {"nobody", 0, 1000ms, 500ms, 0},
        {"no window", 7, 0ms, 0ms, 7},
        {"the first at once", 10, 1000ms, 0ms, 1},
        {"nearly the second", 10, 1000ms, 99ms, 1},
        {"the second", 10, 1000ms, 100ms, 2},
        {"the middle", 10, 1000ms, 500ms, 6},
        {"the last", 10, 1000ms, 900ms, 10},
        {"the end", 10, 1000ms, 1000ms, 10},
        {"long after", 10, 1000ms, 1h, 10},
        {"before it", 10, 1000ms, -1ms, 0},
        {"very many", 4'000'000'000, 1h, 30min, 2'000'000'001},
    };
    const shards::pace::clock::time_point begin{1h};
    for (const auto& [name, total, window, passed, due] : cases)
        EXPECT_EQ(shards::pace(begin, window, total).due(begin + passed), due) << name;
}

TEST(pace, says_when_the_next_is_due) {
    for (const std::uint32_t total : {1u, 3u, 7u, 1000u}) {
        const shards::pace::clock::time_point begin{1h};
        const shards::pace even{begin, 1000ms, total};
        for (std::uint32_t done = 0; done < total; ++done) {
            EXPECT_GT(even.due(even.when(done)), done) << done << " of " << total;
            EXPECT_LE(even.due(even.when(done) - 1ms), done) << done << " of " << total;
        }
    }
}

class drain_of_every_size : public testing::TestWithParam<std::size_t> {};
INSTANTIATE_TEST_SUITE_P(gateway, drain_of_every_size, testing::Values(1, 3));

TEST_P(drain_of_every_size, connections_are_accepted_until_the_balancer_knows) {
    config::settings how = settings_for_tests(GetParam());
    how.drain_delay = 1h;
    running_gateway g{how};
    ws_client before = g.browser("bell");
    EXPECT_NE(g.get("/api/drain").find(R"({"result":{"state":"serving","clients":1,"left":0,)"), std::string::npos);
    g.whole.stop();
    EXPECT_TRUE(g.get("/readyz").starts_with("HTTP/1.1 503 "));
    ws_client after = g.browser("bell");
    peer publisher = g.program("PUBLISH bell 1\r\n");
    EXPECT_EQ(read_until(publisher, "\r\n"), ":2\r\n") << "all goes on";
    EXPECT_EQ(hear(before, 1).size(), 1u);
    EXPECT_NE(g.get("/api/drain").find(R"({"result":{"state":"waiting","clients":2,"left":2,"rate":0.0,)"),
              std::string::npos);
    g.whole.hurry();
    EXPECT_EQ(hear(before, 2), (words{"close 3001 shutdown", "end"}));
    EXPECT_EQ(hear(after, 3).back(), "end");
    g.runs.join();
}

TEST_P(drain_of_every_size, closes_are_spread_and_who_is_left_still_hears) {
    config::settings how = settings_for_tests(GetParam());
    how.drain_window = 1h; // the first of each shard goes at once, and no other
    running_gateway g{how};
    std::deque<ws_client> browsers;
    for (int i = 0; i < 12; ++i) browsers.push_back(g.browser("bell"));
    peer reader = g.program("SUBSCRIBE bell\r\n");
    read_until(reader, ":1\r\n");
    g.whole.stop();
    std::string told = g.get("/api/drain");
    while (told.find(R"("state":"closing")") == told.npos) told = g.get("/api/drain");
    while (g.metric("carillon_connections_closed_total", R"(kind="websocket",code="3001")") == 0) {}
    EXPECT_NE(g.get("/metrics").find("\ncarillon_drain_clients_left "), std::string::npos);
    if (GetParam() == 1) { // of several shards, its own may have nobody left to tell
        reader.write("PING\r\n");
        read_until(reader, "pong\r\n");
        EXPECT_FALSE(reader.ended()) << "programs stay until all have been told";
    }
    g.whole.hurry();
    for (ws_client& each : browsers) EXPECT_EQ(hear(each, 2), (words{"close 3001 shutdown", "end"}));
    g.runs.join();
}

TEST_P(drain_of_every_size, all_are_closed_within_the_window_without_a_hurry) {
    config::settings how = settings_for_tests(GetParam());
    how.drain_delay = 20ms;
    how.drain_window = 200ms;
    running_gateway g{how};
    std::deque<ws_client> browsers;
    for (int i = 0; i < 30; ++i) browsers.push_back(g.browser("bell"));
    g.whole.stop();
    for (ws_client& each : browsers) {
        EXPECT_EQ(hear(each, 2), (words{"close 3001 shutdown", "end"}));
        each.hang_up();
    }
    g.runs.join();
}

// --- POST /api/rebalance

TEST_P(drain_of_every_size, a_gateway_sheds_what_it_has_above_a_number) {
    config::settings how = settings_for_tests(GetParam());
    how.api_key = "open-sesame";
    running_gateway g{how};
    std::deque<ws_client> browsers;
    for (int i = 0; i < 20; ++i) browsers.push_back(g.browser("bell"));
    EXPECT_EQ(g.post("/api/rebalance", R"({"above":20})"), "200 {\"result\":{\"clients\":20,\"closing\":0}}\n");
    EXPECT_EQ(g.post("/api/rebalance", R"({"above":7,"window_ms":0})"),
              "200 {\"result\":{\"clients\":20,\"closing\":13}}\n");
    while (g.metric("carillon_connections_closed_total", R"(kind="websocket",code="3011")") < 13) {}
    peer publisher = g.program("PUBLISH bell 1\r\n");
    EXPECT_EQ(read_until(publisher, "\r\n"), ":7\r\n");
    int sent_away = 0;
    for (ws_client& each : browsers) {
        const std::string said = hear(each, 1).front();
        sent_away += said == "close 3011 force reconnect" ? 1 : 0;
    }
    EXPECT_EQ(sent_away, 13);
    // One that is to take an hour is ended by another one.
    g.post("/api/rebalance", R"({"above":0,"window_ms":3600000})");
    EXPECT_NE(g.get("/api/drain").find(R"("state":"rebalancing")"), std::string::npos);
    g.post("/api/rebalance", R"({"above":100})");
    EXPECT_NE(g.get("/api/drain").find(R"("state":"serving")"), std::string::npos);
}

TEST(rebalance, is_for_who_has_a_key_and_says_what_it_wants) {
    config::settings how = settings_for_tests(1);
    how.api_key = "open-sesame";
    running_gateway g{how};
    struct request_case {
        const char *name, *body, *key, *answer;
    };
    const request_case cases[] = {
        {"a wrong key", R"({"above":0})", "open",
         "401 There is no valid key in X-API-Key, nor in Authorization after apikey.\n"},
        {"no body", "", "open-sesame", "400 The body is not a JSON object.\n"},
        {"no JSON", "above", "open-sesame", "400 The body is not a JSON object.\n"},
        {"nothing said", "{}", "open-sesame", "400 \"above\" is missing: how many clients may stay.\n"},
        {"a fraction", R"({"above":0.5})", "open-sesame", "400 \"above\" is not a whole number from 0 on.\n"},
        {"less than none", R"({"above":-1})", "open-sesame", "400 \"above\" is not a whole number from 0 on.\n"},
        {"for ever", R"({"above":1,"window_ms":3600001})", "open-sesame", "400 \"window_ms\" is more than 3600000.\n"},
        {"a slip", R"({"above":1,"window":1})", "open-sesame",
         "400 There is no \"window\" here: above and window_ms are known.\n"},
    };
    for (const auto& [name, body, key, answer] : cases) EXPECT_EQ(g.post("/api/rebalance", body, key), answer) << name;
    EXPECT_TRUE(g.get("/api/rebalance").starts_with("HTTP/1.1 405 "));
    EXPECT_TRUE(g.post("/api/rebalance", std::string(4097, ' ')).starts_with("413 "));
    EXPECT_TRUE(g.post("/api/drain", "").starts_with("200 ")) << "a method of the API that there is not";
}

} // namespace
} // namespace carillon::gateway
