#include "control/pages.hpp"
#include "control/server_here.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <gtest/gtest.h>

#include <deque>
#include <string>
#include <sys/un.h>
#include <vector>

namespace carillon::control {
namespace {

struct request_case {
    const char* name;
    std::string request;
    std::vector<std::string> holds; ///< the first is its beginning
    const char* body;
    bool ends;
};

const request_case requests[] = {
    {"a page",
     "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n",
     {"HTTP/1.1 200 OK\r\n", "Content-Type: text/plain; charset=utf-8\r\n", "Content-Length: 6\r\n",
      "X-Field: value\r\n"},
     "\r\n\r\nhello\n",
     false},
    {"a page with a query",
     "GET /hello?a=1&b HTTP/1.1\r\nHost: a\r\n\r\n",
     {"HTTP/1.1 200 OK\r\n"},
     "\r\n\r\nhello\n",
     false},
    {"the status and type that a route gives",
     "GET /gone HTTP/1.1\r\nHost: a\r\n\r\n",
     {"HTTP/1.1 410 Gone\r\n", "Content-Type: application/json\r\n"},
     "\r\n\r\n{}",
     false},
    {"HEAD has the length and no body",
     "HEAD /hello HTTP/1.1\r\nHost: a\r\n\r\n",
     {"HTTP/1.1 200 OK\r\n", "Content-Length: 6\r\n"},
     "\r\n\r\n",
     false},
    {"an unknown path",
     "GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n",
     {"HTTP/1.1 404 Not Found\r\n"},
     "\r\n\r\nNot found.\n",
     false},
    {"a path is not a prefix",
     "GET /hello/ HTTP/1.1\r\nHost: a\r\n\r\n",
     {"HTTP/1.1 404 Not Found\r\n"},
     "\r\n\r\nNot found.\n",
     false},
    {"another method",
     "DELETE /hello HTTP/1.1\r\nHost: a\r\n\r\n",
     {"HTTP/1.1 405 Method Not Allowed\r\n", "Allow: GET, HEAD\r\n"},
     "\r\n\r\nOnly GET and HEAD are allowed here.\n",
     false},
    {"a client that wants to be left",
     "GET /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
     {"HTTP/1.1 200 OK\r\n", "Connection: close\r\n"},
     "\r\n\r\nhello\n",
     true},
    {"HTTP/1.0 ends after one answer", "GET /hello HTTP/1.0\r\n\r\n", {"HTTP/1.0 200 OK\r\n"}, "\r\n\r\nhello\n", true},
    {"what is no request",
     "hello\r\n\r\n",
     {"HTTP/1.1 400 Bad Request\r\n"},
     "\r\n\r\nThe request cannot be read.\n",
     true},
    {"a head that is too large",
     "GET /hello HTTP/1.1\r\nHost: a\r\nCookie: " + std::string(9000, 'x') + "\r\n\r\n",
     {"HTTP/1.1 431 Request Header Fields Too Large\r\n"},
     "\r\n\r\nThe request cannot be read.\n",
     true},
    {"another method with a body",
     "POST /hello HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
     {"HTTP/1.1 405 Method Not Allowed\r\n", "Connection: close\r\n"},
     "\r\n\r\nOnly GET and HEAD are allowed here.\n",
     true},
    {"a body for an unknown path",
     "POST /nothing HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
     {"HTTP/1.1 404 Not Found\r\n"},
     "\r\n\r\nNot found.\n",
     true},
    {"a page with a body, which nobody reads",
     "GET /hello HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
     {"HTTP/1.1 200 OK\r\n", "Connection: close\r\n"},
     "\r\n\r\nhello\n",
     true},
    {"an absolute target",
     "GET http://a.example:9000/hello?x HTTP/1.1\r\nHost: a\r\n\r\n",
     {"HTTP/1.1 200 OK\r\n", "\r\nDate: "},
     "\r\n\r\nhello\n",
     false},
    {"an absolute target with a bad authority",
     "GET http://u@a.example/hello HTTP/1.1\r\nHost: a\r\n\r\n",
     {"HTTP/1.1 400 Bad Request\r\n"},
     "\r\n\r\nThe request target is neither a path nor an http URI with a host.\n",
     false},
    {"an empty line before",
     "\r\nGET /hello HTTP/1.1\r\nHost: a\r\n\r\n",
     {"HTTP/1.1 200 OK\r\n"},
     "\r\n\r\nhello\n",
     false},
    {"two empty lines before",
     "\r\n\r\nGET /hello HTTP/1.1\r\nHost: a\r\n\r\n",
     {"HTTP/1.1 400 Bad Request\r\n"},
     "\r\n\r\nThe request cannot be read.\n",
     true},
};

TEST(http_server, answers_as_it_should) {
    for (const request_case& each : requests) {
        SCOPED_TRACE(each.name);
        server_here here;
        peer client = connected_to(here.port);
        client.write(each.request);
        const std::string answer = here.response_ending_in(client, each.body);
        EXPECT_TRUE(answer.starts_with(each.holds.front())) << answer;
        for (const std::string& part : each.holds) EXPECT_NE(answer.find(part), std::string::npos) << part;
        EXPECT_TRUE(answer.ends_with(each.body)) << answer;
        if (each.ends) {
            here.run_to_the_end(client);
            EXPECT_TRUE(client.ended());
        } else {
            // The connection is kept, and the next request answered.
            client.write("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
            EXPECT_TRUE(here.response_ending_in(client, "hello\n").ends_with("hello\n"));
            EXPECT_EQ(here.server.connections(), 1u);
        }
    }
}

TEST(http_server, pipelined_requests_are_answered_in_order) {
    server_here here;
    peer client = connected_to(here.port);
    client.write("GET /hello HTTP/1.1\r\nHost: a\r\n\r\nGET /x HTTP/1.1\r\nHost: a\r\n\r\nGET /gone HTTP/1.1\r\nHost: "
                 "a\r\n\r\n");
    const std::string answers = here.response_ending_in(client, "{}");
    const std::size_t first = answers.find("200 OK");
    const std::size_t second = answers.find("404 Not Found");
    const std::size_t third = answers.find("410 Gone");
    EXPECT_LT(first, second);
    EXPECT_LT(second, third);
    EXPECT_NE(third, std::string::npos);
}

TEST(http_server, takes_over_a_connection_with_the_bytes_that_were_read_wherever_they_are_cut) {
    const std::string request = "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n";
    server_here here;
    for (std::size_t cut = 0; cut <= request.size(); ++cut) {
        peer client = here.adopted(request.substr(0, cut));
        client.write(std::string_view{request}.substr(cut));
        here.run_to_the_end(client);
        EXPECT_TRUE(client.received().starts_with("HTTP/1.1 200 OK\r\n")) << "cut at " << cut;
        // One answer, which says that it is the last: the next request may be for whoever accepted the connection.
        EXPECT_NE(client.received().find("Connection: close\r\n"), std::string::npos);
        EXPECT_TRUE(client.ended());
    }
}

TEST(http_server, what_follows_on_a_connection_that_was_taken_over_is_dropped_and_resets_nothing) {
    server_here here;
    std::string pipeline;
    for (int i = 0; i < 1000; ++i) pipeline += "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"; // 32 KiB
    peer client = here.adopted(pipeline);
    client.write(pipeline);
    here.run_to_the_end(client);
    EXPECT_TRUE(client.received().ends_with("\r\n\r\nhello\n"));
    EXPECT_EQ(client.received().find("HTTP/1.1", 1), std::string::npos) << "more than one answer";
    // Until its peer ends, too, it is read and dropped.
    EXPECT_EQ(here.server.connections(), 1u);
    client.write(pipeline);
    client.hang_up();
    while (here.server.connections() > 0) {
        here.context.restart();
        here.context.run_one_for(std::chrono::milliseconds{20});
    }
}

TEST(http_server, a_request_whose_body_is_still_coming_gets_its_answer_and_no_reset) {
    server_here here;
    peer client = connected_to(here.port);
    client.write("POST /hello HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n");
    here.run_to_the_end(client);
    EXPECT_TRUE(client.received().starts_with("HTTP/1.1 405 "));
    for (int i = 0; i < 5; ++i) {
        client.write(std::string(20'000, 'x'));
        here.context.restart();
        here.context.poll();
    }
    client.read();
    EXPECT_TRUE(client.ended());
    EXPECT_EQ(here.server.connections(), 1u);
}

TEST(http_server, for_one_more_connection_than_allowed_the_longest_silent_one_is_closed) {
    server_here here{{.connections_max = 3}};
    std::deque<peer> clients;
    for (const char* begun : {"", "GET /hello HTTP/1.1\r\n", ""}) {
        clients.push_back(connected_to(here.port));
        clients.back().write(begun);
        while (here.server.connections() < clients.size()) here.context.run_one();
    }
    // Who asks becomes the youngest.
    clients[0].write("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_TRUE(here.response_ending_in(clients[0], "hello\n").ends_with("hello\n"));
    for (const std::size_t closed : {1U, 2U, 0U}) {
        clients.push_back(connected_to(here.port));
        clients.back().write("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
        EXPECT_TRUE(here.response_ending_in(clients.back(), "hello\n").ends_with("hello\n"));
        here.run_to_the_end(clients[closed]);
        EXPECT_TRUE(clients[closed].ended());
        while (here.server.connections() > 3) here.context.run_one();
    }
    for (std::size_t i = 3; i < clients.size(); ++i) {
        clients[i].read();
        EXPECT_FALSE(clients[i].ended());
    }
}

TEST(http_server, who_is_being_answered_is_not_closed_for_another) {
    server_here here{{.connections_max = 1}};
    boost::asio::steady_timer answered{here.context, std::chrono::steady_clock::time_point::max()};
    struct slow {
        static boost::asio::awaitable<response> answer(boost::asio::steady_timer& until) {
            boost::system::error_code ignored;
            co_await until.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, ignored));
            co_return response{.body = "at last\n", .fields = {}};
        }
    };
    here.routes.add("/slow", [&answered] { return slow::answer(answered); });
    peer first = connected_to(here.port);
    first.write("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
    while (here.server.connections() == 0) here.context.run_one();
    for (int i = 0; i < 20; ++i) here.context.poll_one();
    peer second = connected_to(here.port);
    here.run_to_the_end(second);
    EXPECT_TRUE(second.ended());
    answered.cancel();
    EXPECT_TRUE(here.response_ending_in(first, "at last\n").ends_with("at last\n"));
}

TEST(http_server, an_answer_may_take_longer_than_a_request) {
    server_here here{{.request_timeout = std::chrono::milliseconds{20}}};
    struct slow {
        static boost::asio::awaitable<response> answer(boost::asio::io_context& context) {
            boost::asio::steady_timer pause{context, std::chrono::milliseconds{60}};
            co_await pause.async_wait(boost::asio::use_awaitable);
            co_return response{.body = "at last\n", .fields = {}};
        }
    };
    here.routes.add("/slow", [&here] { return slow::answer(here.context); });
    peer silent = connected_to(here.port); // whose time is over meanwhile
    peer client = connected_to(here.port);
    client.write("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_TRUE(here.response_ending_in(client, "at last\n").ends_with("at last\n"));
    here.run_to_the_end(silent);
    EXPECT_TRUE(silent.ended());
}

// Shards hand over as many as they like before the control plane gets its turn.
TEST(http_server, the_limit_holds_for_connections_that_are_taken_over_all_at_once) {
    server_here here{{.connections_max = 2}};
    std::deque<peer> clients;
    for (int i = 0; i < 10; ++i) clients.push_back(here.adopted("GET /hello HTTP/1.1\r\n"));
    for (int i = 0; i < 100; ++i) here.context.poll_one();
    EXPECT_EQ(here.server.connections(), 2u);
    int ended = 0;
    for (peer& each : clients) {
        each.read();
        ended += each.ended() ? 1 : 0;
    }
    EXPECT_EQ(ended, 8);
}

TEST(http_server, a_request_that_does_not_arrive_in_time_ends_the_connection) {
    server_here here{{.request_timeout = std::chrono::milliseconds{20}}};
    for (const char* begun : {"", "GET /hello HTTP/1.1\r\n"}) {
        peer client = connected_to(here.port);
        client.write(begun);
        here.run_to_the_end(client);
        EXPECT_TRUE(client.ended());
        EXPECT_EQ(client.received(), "");
    }
    while (here.server.connections() > 0) here.context.run_one();
}

TEST(http_server, stop_ends_open_connections_and_the_listener) {
    server_here here;
    peer client = connected_to(here.port);
    client.write("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
    here.response_ending_in(client, "hello\n");
    here.server.stop();
    here.context.restart();
    here.context.run(); // returns: nothing is left
    EXPECT_EQ(here.server.connections(), 0u);
    client.read();
    EXPECT_TRUE(client.ended());
    // What is handed over now is closed.
    peer late = here.adopted("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
    here.context.restart();
    here.context.run();
    late.read();
    EXPECT_TRUE(late.ended());
}

TEST(http_server, an_address_that_is_taken_is_said_in_words) {
    server_here here;
    http_server other{here.context, {}};
    try {
        other.listen("127.0.0.1", here.port, here.routes);
        FAIL() << "two servers on one port";
    } catch (const boost::system::system_error& failure) {
        EXPECT_NE(std::string{failure.what()}.find("cannot listen on 127.0.0.1:" + std::to_string(here.port)),
                  std::string::npos);
    }
    EXPECT_THROW(other.listen("nonsense", 0, here.routes), boost::system::system_error);
}

TEST(pages, the_demo_page_brings_all_its_files) {
    server_here here;
    route_table pages;
    add_demo_page(pages);
    for (const char* path : {"/", "/mailbox.css", "/mailbox.js", "/favicon.svg", "/favicon.ico"}) {
        EXPECT_NE(pages.find(path), nullptr) << path;
    }
    EXPECT_EQ(pages.find("/index.html"), nullptr);
    EXPECT_FALSE(page_file("nothing").has_value());
    ASSERT_TRUE(page_file("index.html").has_value());
    EXPECT_NE(page_file("index.html")->find("</html>"), std::string_view::npos);
}

TEST(http_server, listens_on_a_unix_socket) {
    server_here here;
    const std::string path = testing::TempDir() + "control.sock";
    EXPECT_EQ(here.server.listen(path, 0, here.routes), 0);
    EXPECT_EQ(here.server.where().back(), "unix:" + path);
    const int descriptor = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    ASSERT_EQ(::connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    peer client{descriptor};
    client.write("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_TRUE(here.response_ending_in(client, "hello\n").starts_with("HTTP/1.1 200 OK\r\n"));
}

TEST(http_server, localhost_is_both_loopbacks_on_one_port) {
    server_here here;
    http_server both{here.context, {}};
    const std::uint16_t port = both.listen("localhost", 0, here.routes);
    std::vector<std::string> expected{"127.0.0.1:" + std::to_string(port)};
    if (net::hosts_of("localhost").size() == 2) expected.push_back("[::1]:" + std::to_string(port));
    EXPECT_EQ(both.where(), expected);
    both.stop();
    here.context.poll();
}

TEST(routes, a_path_is_found_as_it_is) {
    route_table routes;
    routes.add("/b", response{.body = {}, .fields = {}});
    routes.add("/a", response{.body = {}, .fields = {}});
    EXPECT_NE(routes.find("/a"), nullptr);
    EXPECT_EQ(routes.find("/a/"), nullptr);
    EXPECT_EQ(routes.find(""), nullptr);
    EXPECT_EQ(routes.paths(), (std::vector<std::string>{"/a", "/b"}));
}

} // namespace
} // namespace carillon::control
