#include "outward/client.hpp"
#include "outward/error.hpp"
#include "outward/servers.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <thread>

namespace carillon::outward {
namespace {

using namespace std::chrono_literals;
using metrics::outward_outcome;

target_options options_for(std::uint16_t port) {
    target_options how;
    how.name = "app";
    how.where = {.host = "127.0.0.1", .port = port, .target = "/hook"};
    how.timeout = 20s; // far more than anything takes, unless a test is about it
    return how;
}

/// A client that runs, with one target.
struct running_client {
    explicit running_client(const target_options& how) {
        one.add(how);
        thread = std::thread{[this] { one.run(); }};
    }
    ~running_client() {
        one.stop();
        thread.join();
    }

    std::future<answer> send(std::string body, std::size_t target = 0) {
        const auto said = std::make_shared<std::promise<answer>>();
        one.send(target, {.body = std::move(body)}, [said](answer with) { said->set_value(std::move(with)); });
        return said->get_future();
    }
    answer ask(std::string body) { return send(std::move(body)).get(); }
    metrics::outward_facts facts() {
        std::promise<metrics::outward_facts> said;
        boost::asio::post(one.context(), [&] { said.set_value(one.snapshot().front()); });
        return said.get_future().get();
    }

    client one;
    std::thread thread;
};

// Answers each request with its own body.
void echo(test_server&, int descriptor, int) {
    for (;;) {
        const std::string text = test_server::read_request(descriptor);
        if (text.empty()) return;
        test_server::write(descriptor, test_server::ok(text.substr(text.find("\r\n\r\n") + 4)));
    }
}

TEST(client, requests_share_a_connection_one_after_the_other) {
    test_server server{echo};
    running_client asking{options_for(server.port)};
    for (int i = 0; i < 5; ++i) {
        const answer said = asking.ask("number " + std::to_string(i));
        ASSERT_TRUE(said) << said.error().message();
        EXPECT_EQ(said->status, 200u);
        EXPECT_EQ(said->body, "number " + std::to_string(i));
    }
    EXPECT_EQ(server.connections(), 1);
    const auto facts = asking.facts();
    EXPECT_EQ(facts.target, "app");
    EXPECT_EQ(facts.requests(outward_outcome::ok), 5u);
    EXPECT_EQ(facts.connects, 1u);
    EXPECT_EQ(facts.in_flight + facts.waiting, 0u);
}

TEST(client, many_at_once_wait_for_the_few_connections) {
    test_server server{echo};
    auto how = options_for(server.port);
    how.connections_max = 3;
    running_client asking{how};
    std::vector<std::future<answer>> all;
    for (int i = 0; i < 100; ++i) all.push_back(asking.send(std::to_string(i)));
    for (int i = 0; i < 100; ++i) {
        const answer said = all[static_cast<std::size_t>(i)].get();
        ASSERT_TRUE(said) << said.error().message();
        EXPECT_EQ(said->body, std::to_string(i));
    }
    EXPECT_LE(server.connections(), 3);
}

struct broken_server {
    std::string name;
    test_server::script does;
    error expected;
};

class a_server_that : public testing::TestWithParam<broken_server> {};

TEST_P(a_server_that, makes_the_request_fail) {
    test_server server{GetParam().does};
    auto how = options_for(server.port);
    how.response_bytes_max = 1024;
    if (GetParam().expected == error::timed_out) how.timeout = 50ms;
    running_client asking{how};
    const answer said = asking.ask("{}");
    ASSERT_FALSE(said);
    EXPECT_EQ(said.error(), GetParam().expected) << said.error().message();
    EXPECT_EQ(asking.facts().in_flight, 0u);
}

constexpr auto say(const char* what) {
    return [what](test_server&, int descriptor, int) {
        test_server::read_request(descriptor);
        test_server::write(descriptor, what);
    };
}

INSTANTIATE_TEST_SUITE_P(
    client, a_server_that,
    testing::Values(
        broken_server{"hangs", [](test_server& of, int, int) { of.wait_for_go(); }, error::timed_out},
        broken_server{"hangs_in_the_middle",
                      [](test_server& of, int descriptor, int) {
                          test_server::read_request(descriptor);
                          test_server::write(descriptor, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{");
                          of.wait_for_go();
                      },
                      error::timed_out},
        broken_server{"sends_a_byte_now_and_then",
                      [](test_server&, int descriptor, int) {
                          test_server::write(descriptor, "HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n");
                          while (test_server::write(descriptor, " ")) std::this_thread::sleep_for(5ms);
                      },
                      error::timed_out},
        broken_server{"ends_at_once", [](test_server&, int, int) {}, error::lost},
        broken_server{"ends_without_an_answer", say(""), error::lost},
        broken_server{"resets",
                      [](test_server&, int descriptor, int) {
                          test_server::read_request(descriptor);
                          const linger now{1, 0};
                          ::setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &now, sizeof now);
                      },
                      error::lost},
        broken_server{"ends_in_the_middle", say("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{"), error::lost},
        broken_server{"speaks_something_else", say("220 mail.example.com ESMTP\r\n"), error::malformed},
        broken_server{"answers_garbage", say("HTTP/1.1 \x01\x02\x03\r\n\r\n"), error::malformed},
        broken_server{"frames_it_in_two_ways",
                      say("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}"), error::malformed},
        broken_server{"goes_on_and_on",
                      [](test_server&, int descriptor, int) {
                          test_server::read_request(descriptor);
                          test_server::write(descriptor, "HTTP/1.1 200 OK\r\nContent-Length: 10485760\r\n\r\n");
                          const std::string part(65'536, ' ');
                          while (test_server::write(descriptor, part)) {}
                      },
                      error::too_big},
        broken_server{"goes_on_without_a_length",
                      [](test_server&, int descriptor, int) {
                          test_server::read_request(descriptor);
                          test_server::write(descriptor, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
                          const std::string part = "400\r\n" + std::string(1024, ' ') + "\r\n";
                          while (test_server::write(descriptor, part)) {}
                      },
                      error::too_big},
        broken_server{"has_a_head_without_end",
                      [](test_server&, int descriptor, int) {
                          test_server::read_request(descriptor);
                          test_server::write(descriptor, "HTTP/1.1 200 OK\r\n");
                          while (test_server::write(descriptor, "X: " + std::string(1000, 'x') + "\r\n")) {}
                      },
                      error::too_big}),
    [](const auto& of) { return of.param.name; });

TEST(client, nobody_listens_there) {
    std::uint16_t port = 0;
    { port = test_server{echo}.port; }
    running_client asking{options_for(port)};
    EXPECT_EQ(asking.ask("{}").error(), error::unreachable);
}

TEST(client, a_name_that_nobody_knows_is_unreachable) {
    auto how = options_for(80);
    how.where.host = "nobody.invalid";
    how.timeout = 5s;
    running_client asking{how};
    const answer said = asking.ask("{}");
    ASSERT_FALSE(said);
    EXPECT_TRUE(said.error() == error::unreachable || said.error() == error::timed_out) << said.error().message();
}

TEST(client, an_answer_of_any_status_is_an_answer) {
    test_server server{say("HTTP/1.1 500 Oh\r\nContent-Length: 2\r\n\r\nno")};
    running_client asking{options_for(server.port)};
    const answer said = asking.ask("{}");
    ASSERT_TRUE(said);
    EXPECT_EQ(said->status, 500u);
    EXPECT_EQ(said->body, "no");
    EXPECT_EQ(asking.facts().requests(outward_outcome::refused), 1u);
}

TEST(client, a_body_may_end_with_the_connection) {
    test_server server{say("HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\n\r\n{}")};
    running_client asking{options_for(server.port)};
    for (int i = 0; i < 2; ++i) {
        const answer said = asking.ask("{}");
        ASSERT_TRUE(said) << said.error().message();
        EXPECT_EQ(said->body, "{}");
        EXPECT_EQ(said->cache_control, "max-age=60");
    }
    EXPECT_EQ(server.connections(), 2);
}

TEST(client, the_largest_body_is_taken_and_one_byte_more_is_not) {
    test_server server{echo};
    auto how = options_for(server.port);
    how.response_bytes_max = 1000;
    running_client asking{how};
    EXPECT_TRUE(asking.ask(std::string(1000, 'x')));
    EXPECT_EQ(asking.ask(std::string(1001, 'x')).error(), error::too_big);
    EXPECT_TRUE(asking.ask("and it goes on"));
}

TEST(client, a_connection_that_dies_under_a_request_is_replaced_once) {
    // Reads the second request and ends: to the client it looks as if it had been too late.
    test_server server{[](test_server&, int descriptor, int) {
        test_server::read_request(descriptor);
        test_server::write(descriptor, test_server::ok("first"));
        test_server::read_request(descriptor);
    }};
    running_client asking{options_for(server.port)};
    for (int i = 0; i < 4; ++i) ASSERT_TRUE(asking.ask("{}")) << i;
    EXPECT_EQ(server.connections(), 4);
    EXPECT_EQ(asking.facts().requests(outward_outcome::ok), 4u);
}

TEST(client, half_an_answer_on_a_kept_connection_is_not_asked_for_again) {
    test_server server{[](test_server&, int descriptor, int) {
        test_server::read_request(descriptor);
        test_server::write(descriptor, test_server::ok("first"));
        test_server::read_request(descriptor);
        test_server::write(descriptor, "HTTP/1.1 200");
    }};
    running_client asking{options_for(server.port)};
    EXPECT_TRUE(asking.ask("{}"));
    EXPECT_EQ(asking.ask("{}").error(), error::lost);
    EXPECT_EQ(server.connections(), 1);
}

TEST(client, a_full_queue_refuses_at_once) {
    test_server server{[](test_server& of, int descriptor, int number) {
        of.wait_for_go();
        echo(of, descriptor, number);
    }};
    auto how = options_for(server.port);
    how.connections_max = 1;
    how.queue_max = 2;
    running_client asking{how};
    std::vector<std::future<answer>> taken;
    for (int i = 0; i < 3; ++i) taken.push_back(asking.send("{}"));
    bool refused = false;
    asking.one.send(0, {}, [&](const answer& with) { refused = !with && with.error() == error::busy; });
    EXPECT_TRUE(refused) << "before send returns";
    const auto facts = asking.facts();
    EXPECT_EQ(facts.in_flight, 1u);
    EXPECT_EQ(facts.waiting, 2u);
    EXPECT_EQ(facts.requests(outward_outcome::busy), 1u);
    server.go();
    for (auto& each : taken) EXPECT_TRUE(each.get());
    EXPECT_TRUE(asking.ask("{}"));
}

TEST(client, who_waits_in_the_queue_waits_no_longer_than_the_time_out) {
    test_server server{[](test_server& of, int, int) { of.wait_for_go(); }};
    auto how = options_for(server.port);
    how.connections_max = 1;
    how.failures_max = 100;
    how.timeout = 50ms;
    running_client asking{how};
    std::vector<std::future<answer>> all;
    for (int i = 0; i < 5; ++i) all.push_back(asking.send("{}"));
    for (auto& each : all) EXPECT_EQ(each.get().error(), error::timed_out);
    EXPECT_EQ(asking.facts().waiting, 0u);
}

TEST(client, a_target_that_fails_is_left_alone_and_tried_again) {
    std::atomic<bool> well = false;
    test_server server{[&](test_server& of, int descriptor, int number) {
        if (well) echo(of, descriptor, number);
    }};
    auto how = options_for(server.port);
    how.failures_max = 3;
    how.open_for = 50ms;
    running_client asking{how};
    for (int i = 0; i < 3; ++i) EXPECT_EQ(asking.ask("{}").error(), error::lost);
    EXPECT_EQ(asking.ask("{}").error(), error::broken);
    EXPECT_TRUE(asking.facts().broken);
    well = true;
    answer said = error::broken;
    while (!said && said.error() == error::broken) said = asking.ask("{}");
    ASSERT_TRUE(said) << said.error().message();
    EXPECT_FALSE(asking.facts().broken);
}

TEST(client, who_waits_fails_with_the_target_that_is_left_alone) {
    test_server server{[](test_server& of, int, int) { of.wait_for_go(); }};
    auto how = options_for(server.port);
    how.connections_max = 1;
    how.failures_max = 1;
    how.open_for = 1min;
    running_client asking{how};
    auto first = asking.send("{}");
    auto second = asking.send("{}");
    server.go();
    EXPECT_EQ(first.get().error(), error::lost);
    EXPECT_EQ(second.get().error(), error::broken);
}

TEST(client, one_that_hangs_holds_up_no_other) {
    test_server hangs{[](test_server& of, int, int) { of.wait_for_go(); }};
    test_server answers{echo};
    client one;
    one.add(options_for(hangs.port));
    one.add(options_for(answers.port));
    std::thread thread{[&] { one.run(); }};
    std::promise<answer> never;
    one.send(0, {.body = "{}"}, [&](answer with) { never.set_value(std::move(with)); });
    for (int i = 0; i < 20; ++i) {
        std::promise<answer> said;
        one.send(1, {.body = "{}"}, [&](answer with) { said.set_value(std::move(with)); });
        EXPECT_TRUE(said.get_future().get());
    }
    one.stop();
    EXPECT_EQ(never.get_future().get().error(), error::stopped);
    thread.join();
}

TEST(client, what_is_asked_for_while_it_ends_has_its_answer) {
    test_server server{echo};
    auto how = options_for(server.port);
    how.connections_max = 1;
    std::vector<std::future<answer>> all;
    {
        running_client asking{how};
        for (int i = 0; i < 50; ++i) all.push_back(asking.send("{}"));
    }
    for (auto& each : all) {
        const answer said = each.get();
        EXPECT_TRUE(said || said.error() == error::stopped);
    }
}

TEST(client, idle_connections_are_closed_after_a_while) {
    std::promise<void> ended;
    test_server server{[&](test_server&, int descriptor, int) {
        test_server::read_request(descriptor);
        test_server::write(descriptor, test_server::ok("{}"));
        if (test_server::read_request(descriptor).empty()) ended.set_value();
    }};
    auto how = options_for(server.port);
    how.idle_max = 20ms;
    running_client asking{how};
    ASSERT_TRUE(asking.ask("{}"));
    ended.get_future().get();
    EXPECT_EQ(asking.facts().connections, 0u);
}

} // namespace
} // namespace carillon::outward
