#include "gateway/running_gateway.hpp"
#include "keys/signer.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace carillon::gateway {
namespace {

using namespace std::chrono_literals;
using channels::party;
using test::hear;
using test::peer;
using test::ws_client;
using words = std::vector<std::string>;

constexpr const char* nothing_else = R"(,"restart_needed":[]}})"
                                     "\n";

/// A gateway with a server API, and what it will find when it reads its configuration anew.
struct changing {
    struct source {
        std::mutex lock; // the gateway reads on its own thread
        loading::outcome next;
    };

    explicit changing(const config::settings& first)
        : now{first}, from{std::make_shared<source>()}, runs{first, [from = from] {
                                                                 const std::lock_guard hold{from->lock};
                                                                 return from->next;
                                                             }} {}

    /// What the API says to what is in `now`.
    std::string reload() {
        {
            const std::lock_guard hold{from->lock};
            from->next = {now, {}, {}, 0};
        }
        return runs.post("/api/reload", "", key);
    }
    std::string fail(const std::string& why) {
        {
            const std::lock_guard hold{from->lock};
            from->next = {std::nullopt, {}, why, 2};
        }
        return runs.post("/api/reload", "", key);
    }

    config::settings now;
    std::string key = "open-sesame";
    std::shared_ptr<source> from;
    running_gateway runs;
};

config::settings settings_to_change(std::size_t shards) {
    config::settings how = settings_for_tests(shards);
    how.api_key = "open-sesame";
    return how;
}

channels::name_space open_space(const char* name) {
    return {.name = name, .subscribe = {party::anonymous}, .publish = {party::anonymous}};
}

class reload_of_every_size : public testing::TestWithParam<std::size_t> {};
INSTANTIATE_TEST_SUITE_P(gateway, reload_of_every_size, testing::Values(1, 3));

TEST_P(reload_of_every_size, namespaces_come_and_go_and_nobody_is_disconnected) {
    config::settings how = settings_to_change(GetParam());
    how.namespaces = {open_space("news"), open_space("chat"), open_space("mine")};
    changing g{how};
    std::vector<ws_client> readers;
    for (int i = 0; i < 8; ++i) readers.push_back(g.runs.browser("news:a"));
    ws_client talker = g.runs.browser("chat:a");
    ws_client owner = g.runs.browser("mine:a");
    g.now.namespaces = {open_space("chat"), open_space("mine"), open_space("fresh")};
    g.now.namespaces[1].subscribe = {party::client}; // and who has no name is none
    EXPECT_EQ(g.reload(), std::string{R"(200 {"result":{"changed":["namespace"])"} + nothing_else);
    for (ws_client& each : readers) {
        EXPECT_EQ(hear(each, 1),
                  (words{R"({"push":{"channel":"news:a","unsubscribe":{"code":2000,"reason":"permission denied"}}})"}));
        each.say(R"({"id":3,"subscribe":{"channel":"news:a"}})"
                 "\n"
                 R"({"id":4,"subscribe":{"channel":"fresh:a"}})");
        EXPECT_EQ(hear(each, 1).front(), R"({"id":3,"error":{"code":102,"message":"unknown channel"}})"
                                         "\n"
                                         R"({"id":4,"subscribe":{}})");
    }
    EXPECT_NE(hear(owner, 1).front().find(R"("channel":"mine:a","unsubscribe":{"code":2000)"), std::string::npos);
    peer publisher =
        g.runs.program("PUBLISH fresh:a 1\r\nPUBLISH chat:a 2\r\nPUBLISH news:a 3\r\nPUBLISH mine:a 4\r\n");
    EXPECT_EQ(read_until(publisher, ":1\r\n:0\r\n:0\r\n"), ":8\r\n:1\r\n:0\r\n:0\r\n");
    EXPECT_EQ(hear(talker, 1), (words{R"({"push":{"channel":"chat:a","pub":{"data":2}}})"}));
    EXPECT_EQ(g.runs.metric("carillon_connections_open", R"(kind="websocket")"), 10);
    EXPECT_EQ(g.reload(), std::string{R"(200 {"result":{"changed":[])"} + nothing_else);
}

TEST_P(reload_of_every_size, who_is_in_a_channel_is_known_from_then_on_or_forgotten) {
    config::settings how = settings_to_change(GetParam());
    how.namespaces = {open_space("room")};
    how.namespaces[0].presence_for = {party::anonymous};
    changing g{how};
    ws_client one = g.runs.browser("room:a");
    const auto presence = [&] { return g.runs.post("/api/presence_stats", R"({"channel":"room:a"})"); };
    EXPECT_NE(presence().find("108"), std::string::npos);
    g.now.namespaces[0].presence = true;
    g.reload();
    while (presence().find(R"("num_clients":1)") == std::string::npos) {}
    g.now.namespaces[0].presence = false;
    g.reload();
    while (g.runs.metric("carillon_presence_entries") > 0) {}
    EXPECT_NE(presence().find("108"), std::string::npos);
}

TEST(reload, what_is_wrong_changes_nothing_and_what_needs_a_restart_is_named) {
    config::settings how = settings_to_change(1);
    changing g{how};
    EXPECT_EQ(g.fail("carillon.toml:3: it is all wrong"),
              "400 the configuration stays as it was: carillon.toml:3: it is all wrong\n");
    g.now.turn_time = 11ms;
    g.now.drain_window = 7ms;
    g.now.proxies.emplace_back();
    const std::string answer = R"(200 {"result":{"changed":["drain_window_ms"],)"
                               R"("restart_needed":["turn_time_ms","proxy"]}})"
                               "\n";
    EXPECT_EQ(g.reload(), answer);
    EXPECT_NE(g.reload().find(R"({"changed":[],"restart_needed":["turn_time_ms","proxy"]})"), std::string::npos)
        << "it still is";
    g.now.api_key.clear();
    EXPECT_NE(g.reload().find(R"("restart_needed":["turn_time_ms","api_key","proxy"])"), std::string::npos);
    const std::string metrics = g.runs.get("/metrics");
    EXPECT_NE(metrics.find("\ncarillon_reloads_total{result=\"ok\"} 3\n"), metrics.npos);
    EXPECT_NE(metrics.find("\ncarillon_reloads_total{result=\"refused\"} 1\n"), metrics.npos);
}

TEST(reload, namespaces_with_a_history_on_a_bus_outside_need_a_restart) {
    config::settings now;
    now.namespaces = {open_space("chat")};
    config::settings wanted = now;
    wanted.namespaces[0].history_size = 10;
    const auto found = [&] { return config::changes_between(now, wanted); };
    EXPECT_EQ(found().at_once, words{"namespace"});
    now.bus = wanted.bus = config::redis_address{"127.0.0.1", 6379, "default", ""};
    EXPECT_EQ(found().after_restart, words{"namespace"});
    EXPECT_EQ(config::with_reloadable(now, wanted).namespaces, now.namespaces);
    wanted.namespaces[0].history_size = 0;
    wanted.namespaces[0].presence = true;
    EXPECT_EQ(found().at_once, words{"namespace"});
    EXPECT_EQ(config::with_reloadable(now, wanted).namespaces, wanted.namespaces);
}

TEST(reload, keys_of_the_api_are_changed_one_after_the_other) {
    config::settings how = settings_to_change(1);
    changing g{how};
    g.now.api_key = "open-sesame\nsecond";
    EXPECT_TRUE(g.reload().starts_with("200 "));
    g.key = "second";
    g.now.api_key = "second";
    EXPECT_TRUE(g.reload().starts_with("200 "));
    EXPECT_TRUE(g.runs.post("/api/info", "{}", "open-sesame").starts_with("401 "));
    EXPECT_TRUE(g.runs.post("/api/info", "{}", "second").starts_with("200 "));
    EXPECT_TRUE(g.runs.post("/api/rebalance", R"({"above":9})", "open-sesame").starts_with("401 "));
}

std::string closed_with(const running_gateway& to, const std::string& connect, std::string_view origin = {}) {
    ws_client client{to.raw()};
    std::string request{test::upgrade_request};
    if (!origin.empty()) request.insert(request.size() - 2, fmt::format("Origin: {}\r\n", origin));
    client.write(request);
    const std::string answer = read_until(client, "\r\n\r\n");
    if (!client.response().starts_with("HTTP/1.1 101 ")) return answer.substr(9, 3);
    client.say(connect);
    return hear(client, 1).front();
}

TEST(reload, tokens_origins_and_who_needs_no_token_are_as_the_new_configuration_says) {
    config::settings how = settings_to_change(1);
    how.dev = false;
    how.anonymous = true;
    changing g{how};
    const std::string nobody = R"({"id":1,"connect":{}})";
    const auto token = [](const char* secret) {
        const std::string claims = R"({"sub":"ann"})";
        return R"({"id":1,"connect":{"token":")" +
               *keys::signer::from_secret(secret, "test")->sign(keys::algorithm::hs256, claims) + R"("}})";
    };
    const std::string first(32, 'a'), second(32, 'b');
    const auto is_in = [](const std::string& said) { return said.find(R"("connect":{"client")") != said.npos; };
    ws_client early{g.runs.raw()};
    early.write(test::upgrade_request);
    read_until(early, "\r\n\r\n");
    early.response();
    early.say(nobody);
    EXPECT_TRUE(is_in(hear(early, 1).front()));
    EXPECT_EQ(closed_with(g.runs, token(first.c_str())), "close 3500 invalid token");
    EXPECT_EQ(closed_with(g.runs, nobody, "https://a.example"), "403");

    g.now.anonymous = false;
    g.now.token_hmac_secret = first;
    g.now.allowed_origins = {"https://a.example"};
    EXPECT_EQ(g.reload(),
              std::string{R"(200 {"result":{"changed":["allowed_origins","anonymous","token_hmac_secret"])"} +
                  nothing_else);
    EXPECT_TRUE(is_in(closed_with(g.runs, token(first.c_str()), "https://a.example")));
    EXPECT_EQ(closed_with(g.runs, nobody), "close 3501 bad request");

    g.now.token_hmac_secret = second;
    g.now.token_audience = "ours";
    g.reload();
    EXPECT_EQ(closed_with(g.runs, token(first.c_str())), "close 3500 invalid token");
    EXPECT_EQ(closed_with(g.runs, token(second.c_str())), "close 3500 invalid token") << "for somebody else";
    g.now.token_audience.clear();
    g.reload();
    EXPECT_TRUE(is_in(closed_with(g.runs, token(second.c_str()))));

    early.say(R"({"id":2,"unsubscribe":{"channel":"news"}})");
    EXPECT_EQ(hear(early, 1), words{R"({"id":2,"unsubscribe":{}})"}) << "who was in stays in";
    g.now.token_hmac_secret.clear();
    g.reload();
    EXPECT_EQ(closed_with(g.runs, token(second.c_str())), "close 3500 invalid token");
}

TEST(reload, what_can_change_at_once_is_in_the_documents) {
    std::ifstream file{CARILLON_DOCS "/operations.md"};
    const std::string text{std::istreambuf_iterator<char>{file}, {}};
    for (const std::string_view each : config::reloadable())
        EXPECT_NE(text.find(fmt::format("`{}`", each)), text.npos) << each;
}

} // namespace
} // namespace carillon::gateway
