#include "gateway/gateway_here.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <memory>
#include <regex>
#include <string>
#include <unistd.h>
#include <utility>
#include <vector>

namespace carillon::gateway {
namespace {

using test::hear;
using test::peer;
using test::started;
using test::ws_client;

const std::string pushed(const std::string& channel, const std::string& data) {
    return R"({"push":{"channel":")" + channel + R"(","pub":{"data":)" + data + "}}}";
}

class server_api : public testing::TestWithParam<const char*> {
protected:
    gateway_here gateway{{GetParam(), "--bus-listen=off", "--api-key=open-sesame", "--api-body-bytes-max=70000",
                          "--api-channels-max=2", "--api-broadcast-channels-max=3", "--api-batch-commands-max=4"}};
};

INSTANTIATE_TEST_SUITE_P(on, server_api, testing::Values("--shards=1", "--shards=3"), [](const auto& of) {
    return std::string{of.param} == "--shards=1" ? "one_shard" : "three_shards";
});

struct post_case {
    const char* name;
    const char* path;
    std::string body;
    std::string expected;
};

const std::string fine = R"({"result":{}})";
const std::string bad = R"({"error":{"code":107,"message":"bad request"}})";
const std::string absent = R"({"error":{"code":108,"message":"not available"}})";
const std::string unknown = R"({"error":{"code":104,"message":"not found"}})";

const post_case posts[] = {
    {"publish", "/api/publish", R"({"channel":"c","data":{}})", "200 " + fine},
    {"publish, counted", "/api/publish", R"({"channel":"c","data":1,"count":true})",
     R"(200 {"result":{"receivers":0}})"},
    {"publish nothing", "/api/publish", R"({"channel":"c"})", "200 " + bad},
    {"publish to no channel", "/api/publish", R"({"data":1})", "200 " + bad},
    {"a channel too long", "/api/publish", R"({"data":1,"channel":")" + std::string(256, 'c') + "\"}", "200 " + bad},
    {"data too long", "/api/publish", R"({"channel":"c","data":")" + std::string(65'535, 'd') + "\"}", "200 " + bad},
    {"data that is no text", "/api/publish", R"({"channel":"c","b64data":"//79"})", R"(200 {"result":{}})"},
    {"base64 in lines", "/api/publish", R"({"channel":"c","b64data":"eyJh\nIjox\r\nfQ==\n"})", R"(200 {"result":{}})"},
    {"tags", "/api/publish", R"({"channel":"c","data":1,"tags":{"a":"b"}})", R"(200 {"result":{}})"},
    {"broadcast", "/api/broadcast", R"({"channels":["a","","b"],"data":1})",
     R"(200 {"result":{"responses":[{"result":{}},)" + bad + R"(,{"result":{}}]}})"},
    {"broadcast to nobody", "/api/broadcast", R"({"data":1})", "200 " + bad},
    {"a channel too many", "/api/broadcast", R"({"channels":["a","b","c","d"]})",
     "400 There are more than 3 channels.\n"},
    {"presence", "/api/presence", R"({"channel":"c"})", "200 " + absent},
    {"presence_stats", "/api/presence_stats", R"({"channel":"c"})", "200 " + absent},
    {"history", "/api/history", R"({"channel":"c"})", "200 " + absent},
    {"history of nothing", "/api/history", "{}", "200 " + bad},
    {"history_remove", "/api/history_remove", R"({"channel":"c"})", "200 " + absent},
    {"disconnect nobody", "/api/disconnect", "{}", "200 " + bad},
    {"no channels", "/api/channels", "{}", R"(200 {"result":{"channels":{}}})"},
    {"rpc", "/api/rpc", R"({"method":"m"})", "200 " + unknown},
    {"no such method", "/api/nothing/else", "{}", "200 " + unknown},
    {"the older form", "/api", R"({"method":"publish","params":{"channel":"c","data":1}})", "200 " + fine},
    {"the older form of nothing", "/api", R"({"method":"rpc"})", "200 " + unknown},
    {"a batch", "/api/batch",
     R"({"commands":[{"publish":{"channel":"a","data":1}},{"channels":{}},{"rpc":{}},)"
     R"({"broadcast":{"channels":["b","c"],"data":1}}]})",
     R"(200 {"replies":[{"publish":{}},{"channels":{"channels":{}}},)" + unknown +
         R"(,{"broadcast":{"responses":[{"result":{}},{"result":{}}]}}]})"},
    {"a parallel batch", "/api/batch",
     R"({"parallel":true,"commands":[{"history":{"channel":"h"}},{"publish":{"channel":"a","data":1}},)"
     R"({"publish":{"channel":"b"}},{"publish":{"channel":"c","data":1,"count":true}}]})",
     R"(200 {"replies":[)" + absent + R"(,{"publish":{}},)" + bad + R"(,{"publish":{"receivers":0}}]})"},
    {"a command too many", "/api/batch", R"({"commands":[{},{},{},{},{}]})", "400 There are more than 4 commands.\n"},
    {"what is no JSON", "/api/publish", R"({"channel":"c",})",
     "400 The body is not JSON: there is a mistake at byte 15.\n"},
    {"a wrong type", "/api/publish", R"({"channel":1})", "400 \"channel\" has the wrong type or value.\n"},
    {"a body too large", "/api/publish", std::string(70'001, ' '), "413 The body is larger than 70000 bytes.\n"},
};

TEST_P(server_api, answers) {
    for (const auto& [name, path, body, expected] : posts) EXPECT_EQ(gateway.post(path, body), expected) << name;
    EXPECT_EQ(gateway.post("/apis", "{}"), "404 Not found.\n");
}

TEST_P(server_api, commands_of_users_are_done_though_nobody_is_there) {
    for (const char* method : {"subscribe", "unsubscribe", "disconnect", "refresh"})
        EXPECT_EQ(gateway.post(std::string{"/api/"} + method, R"({"user":"42","channel":"c"})"), "200 {\"result\":{}}");
}

TEST_P(server_api, commands_of_users_that_cannot_be_are_bad_requests) {
    const std::pair<const char*, const char*> commands[] = {
        {"subscribe", R"({"user":"42"})"},
        {"subscribe", R"({"channel":"c"})"},
        {"subscribe", R"({"user":"42","channel":"c","b64info":"//8="})"},
        {"subscribe", R"({"user":"42","channel":"c","b64data":"//8="})"},
        {"unsubscribe", R"({"user":"42"})"},
        {"disconnect", R"({"user":"42","disconnect":{"code":1000,"reason":"x"}})"},
        {"disconnect", R"({"user":"42","disconnect":{"code":5000,"reason":"x"}})"},
        {"disconnect", R"({"user":"42","disconnect":{"reason":"no code"}})"},
    };
    for (const auto& [method, body] : commands)
        EXPECT_EQ(gateway.post(std::string{"/api/"} + method, body), "200 " + bad) << method << ' ' << body;
}

TEST_P(server_api, publishes_to_subscribers_in_order) {
    ws_client one = gateway.subscribed("one"), two = gateway.subscribed("two");
    EXPECT_EQ(gateway.post("/api/publish", R"({"channel":"one","data":{"n": 1.50},"count":true})"),
              R"(200 {"result":{"receivers":1}})");
    EXPECT_EQ(gateway.post("/api/broadcast", R"({"channels":["two","one"],"b64data":"aGk="})"),
              R"(200 {"result":{"responses":[{"result":{}},{"result":{}}]}})");
    EXPECT_EQ(gateway.post("/api/batch", R"({"commands":[{"publish":{"channel":"one","data":3}},)"
                                         R"({"publish":{"channel":"one","data":4}}]})"),
              R"(200 {"replies":[{"publish":{}},{"publish":{}}]})");
    EXPECT_EQ(hear(one, 4), (std::vector<std::string>{pushed("one", R"({"n": 1.50})"), pushed("one", R"("hi")"),
                                                      pushed("one", "3"), pushed("one", "4")}));
    EXPECT_EQ(hear(two, 1), std::vector<std::string>{pushed("two", R"("hi")")});
}

// Sent at once on one connection.
TEST_P(server_api, a_burst_of_requests_is_carried_out_and_answered_in_its_order) {
    ws_client one = gateway.subscribed("one");
    const std::string bodies[] = {
        R"({"channel":"one","data":1,"count":true})",
        R"({"channel":"one"})",
        R"({"channel":"one",})",
        R"({"channel":"two","data":2})",
        R"({"channel":"one","data":3})",
    };
    std::string requests;
    for (const std::string& body : bodies) requests += gateway_here::request("/api/publish", body) + "\r\n" + body;
    requests += gateway_here::request("/api/publish", "{}", "Connection: close\r\n") + "\r\n{}";
    std::string answers = gateway.send(requests);
    std::vector<std::string> briefly;
    for (std::size_t end = 0; !answers.empty(); answers.erase(0, end)) {
        end = std::min(answers.find("HTTP/1.1", 1), answers.size());
        briefly.push_back(gateway_here::brief(answers.substr(0, end)));
    }
    EXPECT_EQ(briefly, (std::vector<std::string>{
                           R"(200 {"result":{"receivers":1}})", "200 " + bad,
                           "400 The body is not JSON: there is a mistake at byte 17.\n", "200 " + fine, "200 " + fine,
                           "401 There is no valid key in X-API-Key, nor in Authorization after apikey.\n"}));
    EXPECT_EQ(hear(one, 2), (std::vector<std::string>{pushed("one", "1"), pushed("one", "3")}));
}

TEST_P(server_api, lists_channels_in_pages) {
    std::vector<ws_client> browsers;
    for (const char* channel : {"news:c", "news:a", "news:a", "other", "news:b"})
        browsers.push_back(gateway.subscribed(channel));
    EXPECT_EQ(gateway.post("/api/channels", R"({"pattern":"news:*"})"),
              R"(200 {"result":{"channels":{"news:a":{"num_clients":2},"news:b":{"num_clients":1}},"next":"news:b"}})");
    EXPECT_EQ(gateway.post("/api/channels", R"({"pattern":"news:*","after":"news:b"})"),
              R"(200 {"result":{"channels":{"news:c":{"num_clients":1}}}})");
    EXPECT_EQ(gateway.post("/api/channels", R"({"limit":1})"),
              R"(200 {"result":{"channels":{"news:a":{"num_clients":2}},"next":"news:a"}})");
    const std::string info = gateway.post("/api/info", "");
    const std::regex expected{
        R"re(200 \{"result":\{"nodes":\[\{"uid":"[0-9a-f-]{36}","name":"\S+_\d+","version":"\S+",)re"
        R"re("num_clients":5,"num_users":1,"num_channels":\d,"num_subs":5,"uptime":\d+,)re"
        R"re("process":\{"rss":\d+\}\}\]\}\})re"};
    EXPECT_TRUE(std::regex_match(info, expected)) << info;
}

struct fields_case {
    const char* name;
    const char* fields;
    const char* expected;
};

const fields_case fields[] = {
    {"no key", "", "401 "},
    {"a wrong key", "X-API-Key: open-sesami\r\n", "401 "},
    {"the beginning of the key", "X-API-Key: open-sesam\r\n", "401 "},
    {"more than the key", "X-API-Key: open-sesame1\r\n", "401 "},
    {"an empty key", "X-API-Key: \r\n", "401 "},
    {"the key in Authorization", "Authorization: apikey open-sesame\r\n", "200 {"},
    {"... in other letters", "authorization: APIKEY  open-sesame\r\n", "200 {"},
    {"... as another scheme", "Authorization: Bearer open-sesame\r\n", "401 "},
    {"... with nothing", "Authorization: apikey \r\n", "401 "},
    {"packed", "X-API-Key: open-sesame\r\nContent-Encoding: gzip\r\n", "415 "},
    {"not packed", "X-API-Key: open-sesame\r\nContent-Encoding: identity\r\n", "200 {"},
};

TEST_P(server_api, is_for_those_who_have_the_key) {
    for (const auto& [name, lines, expected] : fields)
        EXPECT_EQ(
            gateway.post("/api/publish", R"({"channel":"c","data":1})", lines).substr(0, std::string{expected}.size()),
            expected)
            << name;
    const std::string refused = gateway.send(gateway_here::request("/api/info", "", "") + "Connection: close\r\n\r\n");
    EXPECT_NE(refused.find("\r\nWWW-Authenticate: apikey\r\n"), refused.npos) << refused;
    const std::string fetched = gateway.fetch("/api/info");
    EXPECT_TRUE(fetched.starts_with("HTTP/1.1 405 ")) << fetched;
    EXPECT_NE(fetched.find("\r\nAllow: POST\r\n"), fetched.npos) << fetched;
    ::kill(gateway.program.process(), SIGTERM);
    const std::string log = gateway.log + test::read_all(gateway.program.err());
    EXPECT_EQ(log.find("sesame"), log.npos) << log;
}

TEST_P(server_api, says_errors_as_statuses_to_who_asks_for_it) {
    const std::string mode = std::string{key_line} + "X-Centrifugo-Error-Mode: transport\r\n";
    EXPECT_EQ(gateway.post("/api/publish", "{}", mode), R"(400 {"code":107,"message":"bad request"})");
    EXPECT_EQ(gateway.post("/api/rpc", "{}", mode), R"(404 {"code":104,"message":"not found"})");
    EXPECT_EQ(gateway.post("/api/publish", R"({"channel":"c","data":1})", mode), "200 " + fine);
}

TEST_P(server_api, takes_bodies_however_they_come) {
    const std::string body = R"({"channel":"c","data":1})", end = "Connection: close\r\n\r\n";
    const std::string chunked = "POST /api/publish HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n";
    EXPECT_EQ(gateway_here::brief(gateway.send(chunked + key_line + end + "5\r\n" + body.substr(0, 5) + "\r\n13\r\n" +
                                               body.substr(5) + "\r\n0\r\n\r\n")),
              "200 " + fine);
    EXPECT_EQ(gateway_here::brief(gateway.send(chunked + key_line + "\r\n20000\r\n" + std::string(100, ' '))),
              "413 The body is larger than 70000 bytes.\n");
    EXPECT_EQ(gateway_here::brief(gateway.send(chunked + key_line + "\r\nnothing\r\n")),
              "400 The body cannot be read.\n");
    const std::string two = gateway.send(gateway_here::request("/api/publish", body) + "\r\n" + body +
                                         gateway_here::request("/api/rpc", "{}") + end + "{}");
    EXPECT_NE(two.find(fine + "HTTP/1.1 200 OK"), two.npos) << two;
    EXPECT_TRUE(two.ends_with(unknown)) << two;
    const std::string asked =
        gateway.send(gateway_here::request("/api/publish", body) + "Expect: 100-continue\r\n" + end + body);
    EXPECT_TRUE(asked.starts_with("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n") || asked.ends_with(fine))
        << asked;
}

TEST_P(server_api, counts_what_it_is_asked_for) {
    gateway.post("/api/publish", R"({"channel":"c","data":1})");
    gateway.post("/api/publish", "{}");
    gateway.post("/api/publish", "{");
    gateway.post("/api/publish", "{}", "");
    gateway.post("/api/secret", "{}");
    gateway.post("/api/batch", R"({"commands":[{"publish":{"channel":"c","data":1}}]})");
    const std::string metrics = gateway.fetch("/metrics");
    for (const char* line :
         {R"(_requests_total{method="publish",outcome="ok"} 2)",
          R"(_requests_total{method="publish",outcome="error"} 1)",
          R"(_requests_total{method="publish",outcome="refused"} 1)",
          R"(_requests_total{method="publish",outcome="unauthorized"} 1)",
          R"(_requests_total{method="other",outcome="error"} 1)", R"(_requests_total{method="batch",outcome="ok"} 1)"})
        EXPECT_NE(metrics.find(std::string{"\ncarillon_api"} + line + "\n"), metrics.npos) << line << metrics;
}

TEST(server_api_alone, does_what_its_guide_says) {
    std::ifstream file{CARILLON_DOCS "/server-api.md"};
    const std::string guide{std::istreambuf_iterator<char>{file}, {}};
    const gateway_here gateway{{"--shards=1", "--bus-listen=off", "--api-key=open-sesame"}};
    const ws_client browser = gateway.subscribed("news");
    const std::regex line{
        R"re(curl -H '(X-API-Key: \S+)' http://localhost:9000(\S+) -d '(.*)'\n```\n(?:```json\n(.*)\n)?)re"};
    int tried = 0;
    for (std::sregex_iterator at{guide.begin(), guide.end(), line}, end; at != end; ++at, ++tried) {
        const std::smatch& told = *at;
        const std::string answer = gateway.post(told[2], told[3], told[1].str() + "\r\n");
        EXPECT_TRUE(answer.starts_with("200 {\"re") || answer.starts_with("200 {\"error")) << told[0] << answer;
        if (told[4].matched) { EXPECT_EQ(answer, "200 " + told[4].str()) << told[0]; }
    }
    EXPECT_EQ(tried, 16);
}

TEST(server_api_alone, is_not_there_without_a_key) {
    const gateway_here gateway{{"--shards=1", "--bus-listen=off"}};
    EXPECT_TRUE(gateway.post("/api/publish", R"({"channel":"c","data":1})").starts_with("404 "));
    EXPECT_TRUE(gateway.post("/api", "{}").starts_with("404 "));
    const std::string metrics = gateway.fetch("/metrics");
    EXPECT_EQ(metrics.find("carillon_api_requests"), metrics.npos);
}

TEST(server_api_alone, takes_each_key_of_a_file) {
    const std::string path = testing::TempDir() + "carillon-keys-" + std::to_string(::getpid());
    std::ofstream{path} << "first-key\r\n\nsecond-key\n";
    const gateway_here gateway{{"--shards=1", "--bus-listen=off", "--api-key-file=" + path}};
    std::remove(path.c_str());
    for (const char* key : {"first-key", "second-key"})
        EXPECT_TRUE(gateway.post("/api/info", "{}", "X-API-Key: " + std::string{key} + "\r\n").starts_with("200 "));
    EXPECT_TRUE(gateway.post("/api/info", "{}", "X-API-Key: third-key\r\n").starts_with("401 "));
}

TEST(server_api_alone, publishes_on_an_external_bus) {
    const gateway_here bus{{"--shards=1", "--bus-listen=127.0.0.1:0"}};
    const std::string where = "--bus=redis://127.0.0.1:" + std::to_string(port_in(bus.log, "bus"));
    gateway_here gateway{{"--shards=2", "--api-key=open-sesame", where}};
    while (!gateway.fetch("/readyz").starts_with("HTTP/1.1 200 ")) {}
    ws_client here = gateway.subscribed("bell"), there = bus.subscribed("bell");
    EXPECT_EQ(gateway.post("/api/publish", R"({"channel":"bell","data":[1],"count":true})"),
              R"(200 {"result":{"receivers":2}})");
    EXPECT_EQ(hear(here, 1), std::vector<std::string>{pushed("bell", "[1]")});
    EXPECT_EQ(hear(there, 1), std::vector<std::string>{pushed("bell", "[1]")});
}

TEST(server_api_alone, says_when_the_bus_is_away) {
    const gateway_here gateway{{"--shards=1", "--api-key=open-sesame", "--bus=redis://127.0.0.1:1"}};
    EXPECT_EQ(gateway.post("/api/publish", R"({"channel":"bell","data":[1]})"),
              R"(200 {"error":{"code":100,"message":"internal server error"}})");
}

} // namespace
} // namespace carillon::gateway
