#include "gateway/gateway_here.hpp"

#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <regex>
#include <set>
#include <string>
#include <unistd.h>
#include <vector>

// On which ports the server API is, and what each key may do there.
namespace carillon::gateway {
namespace {

struct door_case {
    const char* name;
    const char* path;
    const char* fields;
    const char* with;    // what its answer begins with where the API is on the client port
    const char* without; // and where it is not
};

constexpr const char* no_key = "";

const door_case doors[] = {
    {"publish", "/api/publish", key_line, R"(200 {"result":{}})", "404 "},
    {"the older form", "/api", key_line, R"(200 {"error":{"code":104)", "404 "},
    {"a query", "/api/publish?x=1", key_line, R"(200 {"result":{}})", "404 "},
    {"no key", "/api/publish", no_key, "401 ", "404 "},
    {"nothing that there is", "/api/nothing", key_line, R"(200 {"error":{"code":104)", "404 "},
    {"only its beginning", "/apis", key_line, "404 ", "404 "},
    {"a port of its own", "/metrics", key_line, "404 ", "404 "},
};

TEST(api_doors, the_client_port_has_it_where_that_is_asked_for) {
    const gateway_here with{{"--shards=2", "--bus-listen=off", "--api-key=open-sesame", "--api-on-client-port",
                             "--api-body-bytes-max=70000"}};
    const gateway_here without{{"--shards=2", "--bus-listen=off", "--api-key=open-sesame"}};
    const auto ask = [](const gateway_here& of, const door_case& how) {
        const std::string body = R"({"channel":"c","data":1})";
        const std::string head = gateway_here::request(how.path, body, how.fields) + "\r\n";
        return gateway_here::brief(gateway_here::send_to(of.client, head + body));
    };
    for (const door_case& each : doors) {
        SCOPED_TRACE(each.name);
        EXPECT_TRUE(ask(with, each).starts_with(each.with)) << ask(with, each);
        EXPECT_TRUE(ask(without, each).starts_with(each.without)) << ask(without, each);
    }
}

// The head is read on the shard's thread and the body on the control plane's.
TEST(api_doors, a_long_body_comes_through_the_client_port_whole) {
    const gateway_here gateway{{"--shards=1", "--bus-listen=off", "--api-key=open-sesame", "--api-on-client-port",
                                "--api-body-bytes-max=70000"}};
    test::ws_client browser = gateway.subscribed("c");
    const std::string data(60'000, 'd');
    const std::string body = R"({"channel":"c","data":")" + data + "\"}";
    const std::string head = gateway_here::request("/api/publish", body) + "\r\n";
    EXPECT_EQ(gateway_here::brief(gateway_here::send_to(gateway.client, head + body)), R"(200 {"result":{}})");
    EXPECT_EQ(test::hear(browser, 1),
              std::vector<std::string>{R"({"push":{"channel":"c","pub":{"data":")" + data + R"("}}})"});
    const std::string longer = body + std::string(20'000, ' ');
    EXPECT_TRUE(gateway_here::brief(
                    gateway_here::send_to(gateway.client, gateway_here::request("/api/publish", longer) + "\r\n"))
                    .starts_with("413 "));
}

// --- keys that are for some methods

struct key_case {
    const char* name;
    const char* path;
    const char* body;
    const char* with_all;  // what the key for everything gets
    const char* with_some; // and the one for publish and info
};

TEST(api_doors, a_key_is_for_its_methods_only) {
    const std::string path = testing::TempDir() + "carillon-api-doors-" + std::to_string(::getpid()) + ".toml";
    std::ofstream{path} << "[[api_key]]\nkey = \"all\"\n"
                           "[[api_key]]\nkey = \"some\"\nmethods = [\"publish\", \"info\"]\n";
    const gateway_here gateway{{"--shards=2", "--bus-listen=off", "--config=" + path}};
    std::remove(path.c_str());
    const key_case rows[] = {
        {"publish", "/api/publish", R"({"channel":"c","data":1})", R"(200 {"result":{}})", R"(200 {"result":{}})"},
        {"info", "/api/info", "{}", R"(200 {"result":{"nodes":)", R"(200 {"result":{"nodes":)"},
        {"another", "/api/disconnect", R"({"user":"42"})", R"(200 {"result":{}})",
         "403 This key is not for disconnect."},
        {"in the older form", "/api", R"({"method":"channels","params":{}})", R"(200 {"result":{"channels":)",
         "403 This key is not for channels."},
        {"one of a batch", "/api/batch", R"({"commands":[{"publish":{"channel":"c","data":1}},{"channels":{}}]})",
         R"(200 {"replies":[{"publish":{}},{"channels":)", "403 This key is not for channels."},
        {"none of a batch", "/api/batch", R"({"commands":[{"publish":{"channel":"c","data":1}}]})",
         R"(200 {"replies":[{"publish":{}}]})", R"(200 {"replies":[{"publish":{}}]})"},
        {"none that there is", "/api/nothing", "{}", R"(200 {"error":{"code":104)", R"(200 {"error":{"code":104)"},
    };
    for (const key_case& each : rows) {
        SCOPED_TRACE(each.name);
        const auto said = [&](const char* key) {
            return gateway.post(each.path, each.body, "X-API-Key: " + std::string{key} + "\r\n");
        };
        EXPECT_TRUE(said("all").starts_with(each.with_all)) << said("all");
        EXPECT_TRUE(said("some").starts_with(each.with_some)) << said("some");
        EXPECT_TRUE(said("none").starts_with("401 ")) << said("none");
    }
}

// --- connections

std::vector<std::string> all_matches(const std::string& text, const char* pattern) {
    const std::regex wanted{pattern};
    std::vector<std::string> found;
    for (std::sregex_iterator at{text.begin(), text.end(), wanted}, end; at != end; ++at) found.push_back((*at)[1]);
    return found;
}

TEST(api_doors, connections_come_in_pages_from_all_shards) {
    const gateway_here gateway{{"--shards=3", "--bus-listen=off", "--api-key=open-sesame", "--api-connections-max=4"}};
    std::vector<test::ws_client> clients;
    for (int i = 0; i < 9; ++i) clients.push_back(gateway.subscribed("c" + std::to_string(i)));
    std::set<std::string> ids, channels;
    std::string cursor;
    int pages = 0;
    do {
        const std::string page = gateway.post("/api/connections", R"({"cursor":")" + cursor + "\"}");
        ASSERT_TRUE(page.starts_with(R"(200 {"result":{"node":")")) << page;
        const auto here = all_matches(page, R"re("client":"([^"]+)")re");
        EXPECT_LE(here.size(), 4u);
        ids.insert(here.begin(), here.end());
        for (const std::string& each : all_matches(page, R"re("channels":\["(c\d)"\])re")) channels.insert(each);
        const auto next = all_matches(page, R"re("next":"([^"]+)")re");
        cursor = next.empty() ? "" : next[0];
    } while (!cursor.empty() && ++pages < 20);
    EXPECT_EQ(ids.size(), 9u);
    EXPECT_EQ(channels.size(), 9u);
    EXPECT_GE(pages, 2);
    EXPECT_EQ(all_matches(gateway.post("/api/connections", R"({"limit":1})"), R"re("client":"([^"]+)")re").size(), 1u);
    EXPECT_TRUE(gateway.post("/api/connections", R"({"user":"nobody"})").find(R"("connections":[]})") !=
                std::string::npos);
    for (const char* wrong : {"x", "0", "0.", ".1", "0.x", "0.1x", "-1.0", "0.4294967295", "99999999999999999999.0"})
        EXPECT_TRUE(gateway.post("/api/connections", std::string{R"({"cursor":")"} + wrong + "\"}").find("107") !=
                    std::string::npos)
            << wrong;
    EXPECT_TRUE(gateway.post("/api/connections", R"({"cursor":"7.0"})").find(R"("connections":[]})") !=
                std::string::npos);
    EXPECT_NE(gateway.post("/api/info", "{}").find(R"("num_clients":9,"num_users":1,)"), std::string::npos);
}

} // namespace
} // namespace carillon::gateway
