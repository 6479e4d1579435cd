#include "running_gateway.hpp"
#include "support/folder.hpp"
#include "takeover/reader.hpp"

#include <chrono>
#include <deque>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <sys/resource.h>
#include <thread>
#include <vector>

// One process takes the place of another; here both are in one.
namespace carillon::gateway {
namespace {

using namespace std::chrono_literals;
using test::folder;
using test::hear;
using test::peer;
using test::ws_client;
using words = std::vector<std::string>;
using clock = net::descriptor_channel::clock;

config::settings settings_of_bus() {
    config::settings how = settings_for_tests(1);
    how.dev = false;
    return how;
}

// A carillon-bus, and gateways on it.
struct town {
    town() : bus{settings_of_bus(), role::bus}, runs{[this] { bus.run(); }} {}
    ~town() { bus.stop(); }

    config::settings settings(std::size_t shards = 2) const {
        config::settings how = settings_for_tests(shards);
        how.bus_listen.reset();
        how.bus = config::redis_address{.host = "127.0.0.1", .port = bus.where().bus};
        how.upgrade_socket = here.path + "/upgrade";
        how.upgrade_timeout = 10s;
        how.client_close_timeout = 100ms; // nobody here answers a Close
        return how;
    }
    std::string publish(std::string_view what) const {
        peer program{test::connected_to(bus.where().bus)};
        program.write(fmt::format("PUBLISH bell {}\r\n", what));
        return read_until(program, "\r\n");
    }

    folder here;
    gateway bus;
    std::jthread runs;
};

void wait_until_ready(const running_gateway& g) {
    while (!g.get("/readyz").starts_with("HTTP/1.1 200 ")) {}
}

// A client that has been told that it has the channel.
ws_client browser_on(const running_gateway& g, std::string_view channel) {
    ws_client client{g.raw()};
    client.write(test::upgrade_request);
    read_until(client, "\r\n\r\n");
    EXPECT_TRUE(client.response().starts_with("HTTP/1.1 101 "));
    client.say(fmt::format(R"({{"id":1,"connect":{{}}}})"
                           "\n"
                           R"({{"id":2,"subscribe":{{"channel":"{}"}}}})",
                           channel));
    for (std::string all; all.find(R"("id":2)") == all.npos;) {
        const words more = hear(client, 1);
        EXPECT_FALSE(more.empty());
        if (more.empty()) break;
        for (const std::string& each : more) all += each;
    }
    return client;
}

// One that takes the place of another.
struct successor {
    explicit successor(const config::settings& how)
        : whole{how, role::gateway, std::make_unique<predecessor>(how.upgrade_socket)}, runs{[this] { whole.run(); }} {}
    ~successor() { whole.stop(); }

    gateway whole;
    std::jthread runs;
};

void expect_alive(ws_client& client, int id) {
    client.say(fmt::format(R"({{"id":{},"presence_stats":{{"channel":"bell"}}}})", id));
    const words answer = hear(client, 1);
    ASSERT_EQ(answer.size(), 1u);
    EXPECT_TRUE(answer[0].starts_with(fmt::format(R"({{"id":{},)", id))) << answer[0];
}

void expect_published(const town& t, std::deque<ws_client>& browsers, std::string_view what) {
    EXPECT_EQ(t.publish(what), ":1\r\n") << "one gateway has subscribed";
    for (ws_client& each : browsers)
        EXPECT_EQ(hear(each, 1), words{fmt::format(R"({{"push":{{"channel":"bell","pub":{{"data":{}}}}}}})", what)});
}

struct sizes {
    const char* name;
    std::size_t before;
    std::size_t after;
};

class upgrade : public testing::TestWithParam<sizes> {};
INSTANTIATE_TEST_SUITE_P(shards, upgrade,
                         testing::Values(sizes{"one_to_one", 1, 1}, sizes{"two_to_one", 2, 1},
                                         sizes{"one_to_three", 1, 3}, sizes{"two_to_two", 2, 2}),
                         [](const auto& row) { return row.param.name; });

TEST_P(upgrade, hands_over_clients_and_listeners) {
    const town t;
    std::optional<running_gateway> old{std::in_place, t.settings(GetParam().before)};
    wait_until_ready(*old);
    const auto where = old->whole.where();
    std::deque<ws_client> browsers;
    for (int i = 0; i < 300; ++i) browsers.push_back(browser_on(*old, "bell"));
    expect_published(t, browsers, "1");
    // Two who are in the middle of something.
    peer half = old->raw();
    half.write("GET /connection/websocket HTTP/1.1\r\n");
    while (old->metric("carillon_partial_bytes") == 0) {}
    const double of_half = old->metric("carillon_partial_bytes");
    ws_client torn = browser_on(*old, "other");
    torn.write(std::string_view{test::text_frame(R"({"id":9,"ping":{}})")}.substr(0, 8));
    while (old->metric("carillon_partial_bytes") == of_half) {}
    successor young{t.settings(GetParam().after)};
    old->runs.join();
    old.reset();
    EXPECT_EQ(young.whole.where().client, where.client);
    EXPECT_EQ(young.whole.where().control, where.control);
    EXPECT_EQ(read_to_the_end(half), "");
    EXPECT_EQ(hear(torn, 2), (words{"close 3001 shutdown", "end"}));
    expect_published(t, browsers, "2");
    for (int i = 0; ws_client & each : browsers) expect_alive(each, 10 + i++);
    peer asks{test::connected_to(where.control)};
    asks.write("GET /readyz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    EXPECT_TRUE(read_to_the_end(asks).starts_with("HTTP/1.1 200 "));
    young.whole.stop();
    for (ws_client& each : browsers) EXPECT_EQ(hear(each, 2), (words{"close 3001 shutdown", "end"}));
}

// --- one that breaks off

net::descriptor_channel come(const config::settings& how) {
    auto connected = net::descriptor_channel::connect(how.upgrade_socket);
    EXPECT_TRUE(connected);
    return std::move(*connected);
}

void say(net::descriptor_channel& to, const takeover::message& what) {
    EXPECT_TRUE(to.send(takeover::write(what), {}, clock::now() + 10s));
}

// The next message, whose descriptors are closed at once. Empty: it has ended.
std::optional<takeover::message> next(net::descriptor_channel& from) {
    auto got = from.receive(takeover::message_bytes_max, takeover::descriptors_max, clock::now() + 10s);
    EXPECT_TRUE(got);
    if (!got || got->bytes.empty()) return std::nullopt;
    auto said = takeover::read(got->bytes);
    EXPECT_TRUE(said);
    return std::move(*said);
}

std::string refused(net::descriptor_channel& from) {
    const auto said = next(from);
    const auto* const refusal = said ? std::get_if<takeover::refusal>(&*said) : nullptr;
    return refusal == nullptr ? "it does not refuse" : refusal->reason;
}

std::uint32_t take_listeners(net::descriptor_channel& from) {
    say(from, takeover::greeting{});
    const auto said = next(from);
    const auto* const offer = said ? std::get_if<takeover::offer>(&*said) : nullptr;
    EXPECT_NE(offer, nullptr);
    for (std::uint32_t i = 0; offer != nullptr && i < offer->listeners; ++i) {
        const auto listener = next(from);
        EXPECT_TRUE(listener && std::holds_alternative<takeover::listener>(*listener));
    }
    return offer == nullptr ? 0 : offer->listeners;
}

std::uint64_t take_all(net::descriptor_channel& from) {
    EXPECT_GT(take_listeners(from), 0u);
    say(from, takeover::readiness{});
    for (std::uint64_t taken = 0;;) {
        const auto said = next(from);
        if (!said) return 0;
        if (const auto* const some = std::get_if<takeover::clients>(&*said)) taken += some->all.size();
        if (const auto* const over = std::get_if<takeover::end>(&*said)) {
            EXPECT_EQ(over->clients, taken);
            return taken;
        }
    }
}

struct broken_off {
    const char* name;
    std::function<void(net::descriptor_channel&)> what;
};

class upgrade_that_breaks_off : public testing::TestWithParam<broken_off> {};
const broken_off ways[] = {
    {"at_once", [](auto&) {}},
    {"with_another_version",
     [](auto& c) {
         say(c, takeover::greeting{.version = 2});
         EXPECT_EQ(refused(c), "it speaks version 2 of the hand-over, and this process version 1");
     }},
    {"with_bytes_that_are_no_message",
     [](auto& c) {
         EXPECT_TRUE(c.send("\x7f", {}, clock::now() + 10s));
         EXPECT_EQ(refused(c), "it said something that makes no sense: nobody knows this kind of message");
     }},
    {"without_a_greeting",
     [](auto& c) {
         say(c, takeover::readiness{});
         EXPECT_EQ(refused(c), "it does not greet");
     }},
    {"when_it_has_the_listeners", [](auto& c) { EXPECT_GT(take_listeners(c), 0u); }},
    {"when_it_is_ready",
     [](auto& c) {
         EXPECT_GT(take_listeners(c), 0u);
         say(c, takeover::readiness{});
     }},
    {"when_it_has_all_clients", [](auto& c) { EXPECT_EQ(take_all(c), 200u); }},
    {"when_it_has_lost_one",
     [](auto& c) {
         EXPECT_EQ(take_all(c), 200u);
         say(c, takeover::acceptance{199});
         EXPECT_EQ(refused(c), "it has not taken all clients");
     }},
    {"when_it_has_no_room",
     [](auto& c) {
         EXPECT_EQ(take_all(c), 200u);
         say(c, takeover::refusal{"no room"});
         EXPECT_EQ(refused(c), "no room");
     }},
};
INSTANTIATE_TEST_SUITE_P(ways, upgrade_that_breaks_off, testing::ValuesIn(ways),
                         [](const auto& row) { return row.param.name; });

TEST_P(upgrade_that_breaks_off, leaves_everything_as_it_was) {
    const town t;
    const config::settings how = t.settings();
    running_gateway old{how};
    wait_until_ready(old);
    std::deque<ws_client> browsers;
    for (int i = 0; i < 200; ++i) browsers.push_back(browser_on(old, "bell"));
    {
        net::descriptor_channel other = come(how);
        GetParam().what(other);
        // What is said now comes when it has gone.
        browsers[0].say(R"({"id":5,"unsubscribe":{"channel":"bell"}})");
    }
    EXPECT_EQ(hear(browsers[0], 1), words{R"({"id":5,"unsubscribe":{}})"});
    browsers.pop_front();
    expect_published(t, browsers, "1");
    for (int i = 0; ws_client & each : browsers) expect_alive(each, 10 + i++);
    browsers.push_back(browser_on(old, "bell"));
    // And then somebody can.
    successor young{how};
    old.runs.join();
    expect_published(t, browsers, "2");
}

TEST(upgrade_refusals, a_gateway_with_its_own_bus_is_not_taken_over) {
    const folder here;
    config::settings how = settings_for_tests(1);
    how.upgrade_socket = here.path + "/upgrade";
    running_gateway old{how};
    while (!std::filesystem::exists(how.upgrade_socket)) {}
    ws_client browser = browser_on(old, "bell");
    try {
        predecessor young{how.upgrade_socket};
        FAIL() << "it is taken over";
    } catch (const std::runtime_error& why) {
        EXPECT_NE(std::string_view{why.what()}.find("the bus inside of the process"), std::string_view::npos)
            << why.what();
    }
    peer publisher = old.program("PUBLISH bell 1\r\n");
    EXPECT_EQ(read_until(publisher, "\r\n"), ":1\r\n");
    EXPECT_EQ(hear(browser, 1).size(), 1u);
}

TEST(upgrade_refusals, another_bus_is_not_taken) {
    const town t;
    config::settings how = t.settings();
    running_gateway old{how};
    wait_until_ready(old);
    ++how.bus->port;
    auto before = std::make_unique<predecessor>(how.upgrade_socket);
    EXPECT_THROW((gateway{how, role::gateway, std::move(before)}), std::runtime_error);
    std::deque<ws_client> browsers;
    browsers.push_back(browser_on(old, "bell"));
    expect_published(t, browsers, "1");
}

} // namespace
} // namespace carillon::gateway
