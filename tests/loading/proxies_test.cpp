#include "loading/loading.hpp"
#include "loading/proxies.hpp"

#include <fmt/format.h>

#include <fstream>
#include <sstream>

namespace carillon::loading {
namespace {

TEST(proxies, are_read_with_all_their_keys) {
    const folder here;
    const auto path = here.file("c.toml", R"(
[[namespace]]
name = "chat"
[[proxy]]
event = ["connect", "subscribe"]
url = "http://app:8080/carillon"
namespaces = ["chat", ""]
timeout_ms = 250
headers = ["Cookie"]
emulated_headers = ["Authorization"]
static_headers = { X-Key = "secret" }
ca_file = "ca.pem"
connections_max = 2
queue_max = 3
response_bytes_max = 4096
failures_max = 6
open_ms = 700
[[proxy]]
event = ["rpc"]
url = "https://app/"
)");
    const auto all = valid({"--config", path}).proxies;
    ASSERT_EQ(all.size(), 2u);
    EXPECT_EQ(all[0].event, (std::vector{hooks::event::connect, hooks::event::subscribe}));
    EXPECT_EQ(all[0].url, "http://app:8080/carillon");
    EXPECT_EQ(all[0].namespaces, (std::vector<std::string>{"chat", ""}));
    EXPECT_EQ(all[0].timeout, std::chrono::milliseconds{250});
    EXPECT_EQ(all[0].headers, std::vector<std::string>{"Cookie"});
    EXPECT_EQ(all[0].emulated_headers, std::vector<std::string>{"Authorization"});
    ASSERT_EQ(all[0].static_headers.size(), 1u);
    EXPECT_EQ(all[0].static_headers[0].second, "secret");
    EXPECT_EQ(all[0].ca_file, "ca.pem");
    EXPECT_EQ(all[0].connections_max, 2u);
    EXPECT_EQ(all[0].queue_max, 3u);
    EXPECT_EQ(all[0].response_bytes_max, 4096u);
    EXPECT_EQ(all[0].failures_max, 6u);
    EXPECT_EQ(all[0].open, std::chrono::milliseconds{700});
    EXPECT_EQ(all[1].timeout, std::chrono::milliseconds{1'000});
}

TEST(proxies, that_are_wrong_are_refused_with_the_line) {
    const folder here;
    const std::string good = "event = [\"rpc\"]\nurl = \"http://a\"\n";
    const std::pair<std::string, std::string> rows[] = {
        {"proxy = 1", ":1: there can be several proxies; write [[proxy]] above the keys of each"},
        {"[proxy]\n" + good, ":1: there can be several proxies; write [[proxy]] above the keys of each"},
        {"[[proxy]]\nurl = \"http://a\"", ":1: the proxy has no event"},
        {"[[proxy]]\nevent = [\"rpc\"]", ":1: the proxy has no url"},
        {"[[proxy]]\nevent = [\"rpc\"]\nurl = \"app\"", ":1: url: the URL must begin with http:// or https://"},
        {"[[proxy]]\nevent = [\"subscribed\"]", ":2: event: 'subscribed' is not known; give an array, any of connect, "
                                                "refresh, subscribe, publish, rpc, sub_refresh, connected, "
                                                "disconnected, occupied, vacated; "
                                                "did you mean subscribe?"},
        {"[[proxy]]\nevent = [\"rpc\", \"rpc\"]", ":2: event: 'rpc' is there twice"},
        {"[[proxy]]\nevent = [\"occupied\"]\nurl = \"http://a\"",
         ":1: occupied and vacated are told of namespaces with occupancy_events; there is none"},
        {"[[proxy]]\ntimeout_ms = 9", ":2: timeout_ms: 9 is not a whole number from 10 to 60000 (milliseconds)"},
        {"[[proxy]]\ntimeout_ms = -1", ":2: timeout_ms: -1 is not a whole number from 10 to 60000 (milliseconds)"},
        {"[[proxy]]\ntimeout_ms = \"9\"",
         ":2: timeout_ms: give a whole number from 10 to 60000 (milliseconds), without quotes"},
        {"[[proxy]]\nheaders = [\"a b\"]", ":2: headers: 'a b' is no name of a header field"},
        {"[[proxy]]\nstatic_headers = { X = \"a\\nb\" }",
         ":2: static_headers: the value of 'X' must be a text without line breaks"},
        {"[[proxy]]\nhaeders = []", ":2: 'haeders' is no key of a proxy; did you mean headers?"},
        {"[[proxy]]\ndev = true", ":2: 'dev' is no key of a proxy; write it above the first [[proxy]]"},
        {"[[proxy]]\nnamespaces = [\"\"]\n" + good, ":1: namespaces: none of its events is about a channel"},
        {"[[proxy]]\nevent = [\"publish\"]\nurl = \"http://a\"\nnamespaces = [\"chat\"]",
         ":1: namespaces: there is no namespace 'chat'"},
    };
    for (const auto& [text, why] : rows) {
        const auto path = here.file("c.toml", text);
        EXPECT_EQ(refused({"--config", path}), path + why) << text;
    }
    const auto path = here.file("c.toml", "[[proxy]]\n" + good + "[[proxy]]\n" + good);
    EXPECT_EQ(refused({"--config", path}), path + ":4: " + path + ":1 is asked about the same event already");
}

TEST(proxies, comings_and_goings_are_told_to_one) {
    const folder here;
    const auto path = here.file("c.toml", "[[proxy]]\nevent = [\"connected\"]\nurl = \"http://a\"\n"
                                          "[[proxy]]\nevent = [\"disconnected\"]\nurl = \"http://a\"\n");
    EXPECT_EQ(refused({"--config", path}),
              path + ":4: connected and disconnected go to one proxy; one of them is at " + path + ":1");
}

std::string documentation() {
    std::ifstream file{CARILLON_PROXY_PAGE};
    return {std::istreambuf_iterator<char>{file}, {}};
}

TEST(proxies, are_documented_key_by_key) {
    const auto page = documentation();
    for (const auto& row : proxy_keys()) {
        const auto line =
            fmt::format("\n| `{}` | {} | {} | {} |\n", row.key, values_of(row), default_of(row), row.help);
        EXPECT_NE(page.find(line), page.npos) << line;
    }
}

TEST(proxies, of_the_documentation_are_valid) {
    const folder here;
    const auto page = documentation();
    const std::string_view fence = "```toml\n";
    std::size_t examples = 0;
    for (auto at = page.find(fence); at != page.npos; at = page.find(fence, at + 1), ++examples) {
        const auto begin = at + fence.size();
        const auto path = here.file("c.toml", page.substr(begin, page.find("```", begin) - begin));
        EXPECT_GE(valid({"--config", path}).proxies.size(), 1u) << "example " << examples;
    }
    EXPECT_GE(examples, 1u);
}

} // namespace
} // namespace carillon::loading
