#include "load/publisher.hpp"

#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <array>
#include <functional>
#include <netinet/in.h>
#include <poll.h>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

namespace carillon::load {
namespace {

using namespace std::chrono_literals;

// A server that reads one thing after the other and answers as it was told, each answer in pieces of `step` bytes.
class scripted_server {
public:
    // `request_end`: what a request ends with; "" as an answer: close the connection and accept another.
    scripted_server(std::string request_end, std::vector<std::string> answers, std::size_t step)
        : request_end_{std::move(request_end)}, answers_{std::move(answers)}, step_{step},
          door_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)} {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        EXPECT_EQ(::bind(door_.number(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
        EXPECT_EQ(::listen(door_.number(), 16), 0);
        socklen_t bytes = sizeof address;
        ::getsockname(door_.number(), reinterpret_cast<sockaddr*>(&address), &bytes);
        port_ = ntohs(address.sin_port);
        thread_ = std::thread{[this] { serve(); }};
    }
    ~scripted_server() { join(); }

    std::uint16_t port() const { return port_; }
    void join() {
        if (thread_.joinable()) thread_.join();
    }
    const std::string& heard() {
        join();
        return heard_;
    }

private:
    void serve() {
        int socket = -1;
        std::string in;
        for (const std::string& answer : answers_) {
            if (socket < 0) socket = ::accept4(door_.number(), nullptr, nullptr, SOCK_CLOEXEC);
            std::size_t end = 0;
            while ((end = in.find(request_end_)) == in.npos) {
                std::array<char, 4096> buffer;
                const ssize_t count = ::recv(socket, buffer.data(), buffer.size(), 0);
                if (count <= 0) return;
                in.append(buffer.data(), static_cast<std::size_t>(count));
            }
            end += request_end_.size();
            heard_ += in.substr(0, end);
            in.erase(0, end);
            for (std::size_t at = 0; at < answer.size(); at += step_)
                ::send(socket, answer.data() + at, std::min(step_, answer.size() - at), MSG_NOSIGNAL);
            if (!answer.empty() && answer.find("close") == answer.npos) continue;
            ::close(socket);
            socket = -1;
            in.clear();
        }
        if (socket >= 0) ::close(socket);
    }

    const std::string request_end_;
    const std::vector<std::string> answers_;
    const std::size_t step_;
    descriptor door_;
    std::uint16_t port_ = 0;
    std::string heard_;
    std::thread thread_;
};

options to_server(const std::string& where) {
    options what;
    what.scene = scene::unicast;
    what.own_channels = true;
    what.channels = what.connections;
    what.channel = "c";
    what.publish = parse_url(where);
    what.publishers = 1;
    return what;
}

void wait_for_answers(publisher& to) {
    while (to.in_flight() > 0 && to.trouble().empty()) to.wait(clock::now() + 1s);
}

TEST(resp_publisher, logs_in_and_counts_what_is_acknowledged_and_what_is_refused) {
    for (const std::size_t step : {std::size_t{1}, std::size_t{1000}}) {
        scripted_server server{"\r\nEND\r\n", {"+OK\r\n:3\r\n-ERR no\r\n:0\r\n"}, step};
        options what = to_server("redis://u:p@127.0.0.1:" + std::to_string(server.port()));
        const auto to = make_publisher(what);
        ASSERT_EQ(to->trouble(), "");
        const clock::time_point due = clock::now() - 1h;
        to->publish(1, "one", due);
        to->publish(2, "two", due);
        to->publish(3, "END", due);
        EXPECT_EQ(to->in_flight(), 3u);
        wait_for_answers(*to);
        EXPECT_EQ(to->trouble(), "");
        EXPECT_EQ(to->figures().acknowledged, 2u);
        EXPECT_EQ(to->figures().refused, 1u);
        EXPECT_EQ(to->refusal(), "ERR no");
        EXPECT_GE(to->figures().latency.max(), 1h) << "counted from when it was due";
        EXPECT_EQ(server.heard(), "*3\r\n$4\r\nAUTH\r\n$1\r\nu\r\n$1\r\np\r\n"
                                  "*3\r\n$7\r\nPUBLISH\r\n$3\r\nc-1\r\n$3\r\none\r\n"
                                  "*3\r\n$7\r\nPUBLISH\r\n$3\r\nc-2\r\n$3\r\ntwo\r\n"
                                  "*3\r\n$7\r\nPUBLISH\r\n$3\r\nc-3\r\n$3\r\nEND\r\n");
    }
}

struct broken_case {
    const char* name;
    const char* answer;
    const char* trouble;
};

TEST(resp_publisher, ends_with_a_sentence) {
    const broken_case cases[] = {
        {"a wrong password", "-WRONGPASS no\r\n", "publishing: WRONGPASS no"},
        {"the end", "", "publishing: the server closed the connection"},
        {"an answer too many", "+OK\r\n:1\r\n:1\r\n", "publishing: an answer to nothing"},
        {"no RESP", "HTTP/1.1 400\r\n", "publishing: "},
    };
    for (const auto& [name, answer, trouble] : cases) {
        scripted_server server{"END\r\n", {answer}, 1000};
        const options what = to_server("redis://:p@127.0.0.1:" + std::to_string(server.port()));
        const auto to = make_publisher(what);
        to->publish(0, "END", clock::now());
        while (to->trouble().empty()) to->wait(clock::now() + 1s);
        EXPECT_TRUE(to->trouble().starts_with(trouble)) << name << ": " << to->trouble();
        EXPECT_FALSE(to->is_ready());
        to->wait(clock::now() + 1h); // returns
    }
}

TEST(publisher, is_full_at_its_limit) {
    scripted_server server{"END\r\n", {":1\r\n"}, 1000};
    options what = to_server("redis://127.0.0.1:" + std::to_string(server.port()));
    what.in_flight = 1;
    const auto to = make_publisher(what);
    EXPECT_TRUE(to->is_ready());
    to->publish(0, "END", clock::now());
    EXPECT_FALSE(to->is_ready());
    wait_for_answers(*to);
    EXPECT_TRUE(to->is_ready());
}

TEST(publisher, that_cannot_connect_says_so) {
    descriptor door{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ASSERT_EQ(::bind(door.number(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    socklen_t bytes = sizeof address;
    ::getsockname(door.number(), reinterpret_cast<sockaddr*>(&address), &bytes); // bound, and nobody listens
    const std::string where = "127.0.0.1:" + std::to_string(ntohs(address.sin_port));
    for (const char* scheme : {"redis://", "http://"}) {
        const options what = to_server(scheme + where);
        EXPECT_EQ(make_publisher(what)->trouble(), "cannot connect to " + where + " to publish: Connection refused");
    }
}

TEST(http_publisher, posts_one_after_the_other_and_reads_every_kind_of_answer) {
    const std::vector<std::string> answers{
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        "HTTP/1.1 204 No Content\r\n\r\n",
        "HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    };
    for (const std::size_t step : {std::size_t{1}, std::size_t{7}, std::size_t{1000}}) {
        scripted_server server{"END", answers, step};
        options what = to_server("http://127.0.0.1:" + std::to_string(server.port()) + "/pub?id={channel}");
        what.publish_body = "{channel}: {payload}";
        what.publish_headers = {"X-Key: k"};
        const auto to = make_publisher(what);
        ASSERT_EQ(to->trouble(), "");
        for (std::uint32_t i = 0; i < answers.size(); ++i) to->publish(i, std::to_string(i) + "END", clock::now());
        wait_for_answers(*to);
        EXPECT_EQ(to->trouble(), "") << step;
        EXPECT_EQ(to->figures().acknowledged, answers.size() - 1);
        EXPECT_EQ(to->figures().refused, 1u);
        EXPECT_EQ(to->refusal(), "500 Oh");
        EXPECT_TRUE(server.heard().starts_with("POST /pub?id=c-0 HTTP/1.1\r\nHost: 127.0.0.1:")) << server.heard();
        EXPECT_NE(server.heard().find("X-Key: k\r\n\r\nc-0: 0END"), std::string::npos);
    }
}

TEST(http_publisher, that_gets_no_answer_says_so) {
    for (const char* answer : {"", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\nX: close\r\n\r\nhalf"}) {
        scripted_server server{"END", {answer}, 1000};
        const options what = to_server("http://127.0.0.1:" + std::to_string(server.port()) + "/");
        const auto to = make_publisher(what);
        to->publish(0, "END", clock::now());
        wait_for_answers(*to);
        EXPECT_EQ(to->trouble(), "publishing: the server closed the connection");
    }
}

} // namespace
} // namespace carillon::load
