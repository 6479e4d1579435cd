#include "control/server_here.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace carillon::control {
namespace {

// Answers with the body, and remembers how many requests it was given together.
struct echo_route final : post_route {
    std::optional<response> refuse(const request_facts& head) override {
        if (!head.field("X-Stranger").empty()) return response{.status = 401, .body = "who?", .fields = {}};
        if (head.body_bytes && *head.body_bytes > body_bytes_max()) return too_large(head);
        return std::nullopt;
    }
    std::size_t body_bytes_max() const noexcept override { return 100; }
    response too_large(const request_facts&) override { return {.status = 413, .body = "too large", .fields = {}}; }
    boost::asio::awaitable<response> answer(const request_facts&, std::string body) override {
        if (!several) together.push_back(1);
        co_return response{.body = std::move(body), .fields = {}};
    }
    bool joins(std::string_view path) const noexcept override { return path == "/echo"; }
    boost::asio::awaitable<std::vector<response>> answer_all(std::vector<asked> all) override {
        together.push_back(all.size());
        several = true;
        auto made = co_await post_route::answer_all(std::move(all));
        several = false;
        co_return made;
    }

    std::vector<std::size_t> together;
    bool several = false;
};

std::string post(const std::string& path, const std::string& body, const std::string& fields = {}) {
    return "POST " + path + " HTTP/1.1\r\nHost: a\r\n" + fields + "Content-Length: " + std::to_string(body.size()) +
           "\r\n\r\n" + body;
}

// Of all answers, one behind the other.
std::string statuses_and_bodies(std::string_view answers) {
    std::string all;
    for (std::size_t at = 0; (at = answers.find("HTTP/1.1 ", at)) != answers.npos;) {
        const std::size_t body = answers.find("\r\n\r\n", at);
        if (body == answers.npos) break;
        const std::size_t end = std::min(answers.find("HTTP/1.1 ", body), answers.size());
        all += std::string{answers.substr(at + 9, 4)} + std::string{answers.substr(body + 4, end - body - 4)} + "|";
        at = end;
    }
    return all;
}

struct together_case {
    const char* name;
    std::string requests;
    std::string answers;
    std::vector<std::size_t> together;
};

const std::string stranger = "X-Stranger: yes\r\n";
const std::string chunked = "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nb\r\n0\r\n\r\n";

const together_case bursts[] = {
    {"one", post("/echo", "a"), "200 a|", {1}},
    {"three", post("/echo", "a") + post("/echo", "b") + post("/echo", "c"), "200 a|200 b|200 c|", {3}},
    {"with an empty line between them", post("/echo", "a") + "\r\n" + post("/echo", "b"), "200 a|200 b|", {1, 1}},
    {"a path that may not",
     post("/echo", "a") + post("/echo/x", "b") + post("/echo", "c"),
     "200 a|200 b|200 c|",
     {1, 1, 1}},
    {"a page between them",
     post("/echo", "a") + "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n" + post("/echo", "c"),
     "200 a|200 hello\n|200 c|",
     {1, 1}},
    {"one that is refused",
     post("/echo", "a") + post("/echo", "", stranger) + post("/echo", "c"),
     "200 a|401 who?|200 c|",
     {2}},
    {"one that is refused before its body", post("/echo", "a") + post("/echo", "b", stranger), "200 a|401 who?|", {1}},
    {"one that is too large", post("/echo", "a") + post("/echo", std::string(101, 'b')), "200 a|413 too large|", {1}},
    {"one of a length that nobody knows begins anew",
     post("/echo", "a") + chunked + post("/echo", "c"),
     "200 a|200 b|200 c|",
     {1, 2}},
    {"one that wants to be told to go on",
     post("/echo", "a") + post("/echo", "b", "Expect: 100-continue\r\n"),
     "200 a|100 |200 b|",
     {1, 1}},
    {"the last one",
     post("/echo", "a") + post("/echo", "b", "Connection: close\r\n") + post("/echo", "c"),
     "200 a|200 b|",
     {2}},
    {"no request behind them",
     post("/echo", "a") + "nonsense\r\n\r\n",
     "200 a|400 The request cannot be read.\n|",
     {1}},
};

TEST(http_server, requests_that_come_together_are_answered_together_where_they_may_be) {
    for (const auto& [name, requests, answers, together] : bursts) {
        SCOPED_TRACE(name);
        server_here here;
        echo_route echo;
        here.routes.add("/echo", echo);
        peer client = connected_to(here.port);
        client.write(requests);
        client.end_sending();
        here.run_to_the_end(client);
        EXPECT_EQ(statuses_and_bodies(client.received()), answers);
        EXPECT_EQ(echo.together, together);
    }
}

TEST(http_server, a_request_that_is_not_whole_keeps_nobody_waiting) {
    const std::string request = post("/echo", "c");
    for (std::size_t cut = 0; cut < request.size(); ++cut) {
        server_here here;
        echo_route echo;
        here.routes.add("/echo", echo);
        peer client = connected_to(here.port);
        client.write(post("/echo", "a") + post("/echo", "b") + request.substr(0, cut));
        EXPECT_EQ(statuses_and_bodies(here.response_ending_in(client, "b")), "200 a|200 b|") << cut;
        client.write(request.substr(cut));
        EXPECT_EQ(statuses_and_bodies(here.response_ending_in(client, "c")), "200 c|") << cut;
        EXPECT_EQ(echo.together, (std::vector<std::size_t>{2, 1})) << cut;
    }
}

TEST(http_server, no_more_than_so_many_are_answered_together) {
    server_here here;
    echo_route echo;
    here.routes.add("/echo", echo);
    std::string requests, answers;
    for (int i = 0; i < 500; ++i) {
        requests += post("/echo", std::to_string(i));
        answers += "200 " + std::to_string(i) + "|";
    }
    peer client = connected_to(here.port);
    client.write(requests);
    client.end_sending();
    here.run_to_the_end(client);
    EXPECT_EQ(statuses_and_bodies(client.received()), answers);
    std::size_t sum = 0;
    for (const std::size_t each : echo.together) {
        EXPECT_LE(each, 64u);
        sum += each;
    }
    EXPECT_EQ(sum, 500u);
}

} // namespace
} // namespace carillon::control
