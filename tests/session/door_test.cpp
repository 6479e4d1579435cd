#include "peer/admission.hpp"
#include "peer/network.hpp"
#include "support/test_shard.hpp"

#include <string>
#include <utility>
#include <vector>

namespace carillon::test {
namespace {

using namespace std::chrono_literals;
using words = std::vector<std::string>;
using metrics::connection_refusal;

const std::string header_1 = "PROXY TCP4 192.0.2.7 10.0.0.1 4711 443\r\n";
const std::string header_2{"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x08\x0a\0\0\x01\x12\x67\x01\xbb", 28};
const std::string local{"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0", 16};

const std::vector<std::string> on_this_machine{"unix"}; // as the sockets of these tests
const carillon::peer::trusted proxies{on_this_machine};

shard_options behind_a_proxy(bool header, carillon::peer::admission* limits = nullptr) {
    shard_options how;
    how.clients.door.proxy_header = header;
    how.clients.door.proxies = &proxies;
    how.clients.door.admission = limits;
    how.clients.door.forwardings = {carillon::peer::forwarding::x_forwarded_for, carillon::peer::forwarding::forwarded};
    return how;
}

std::string request_with(std::string_view field) {
    std::string made{upgrade_request};
    return made.insert(made.size() - 2, std::string{field} + "\r\n");
}

std::vector<std::string> addresses(test_shard& shard) {
    std::vector<api::connection_info> all;
    EXPECT_EQ(shard.sessions.talks().connected().list_connections(0, {}, 100, all), net::no_index);
    std::vector<std::string> made;
    for (const auto& each : all) made.push_back(each.address);
    return made;
}

std::uint64_t refused(test_shard& shard, connection_refusal why) {
    return std::as_const(shard.counters).connections_refused(why);
}

ws_client connect(test_shard& shard, std::string_view before, std::string_view request = upgrade_request) {
    ws_client client{shard.open(shard.sessions, std::string{before} + std::string{request})};
    client.read();
    if (!client.received().starts_with("HTTP/1.1 101 ")) return client;
    EXPECT_FALSE(client.response().empty());
    client.say(R"({"id":1,"connect":{}})");
    shard.settle();
    EXPECT_EQ(client.heard().size(), 1u);
    return client;
}

TEST(proxy_protocol, the_header_says_whose_connection_it_is_wherever_it_is_cut) {
    struct row {
        const char* name;
        std::string header;
        std::string address;
    };
    const row rows[] = {
        {"version 1", header_1, "192.0.2.7"}, {"version 2", header_2, "192.0.2.8"}, {"local", local, ""}};
    for (const row& each : rows) {
        SCOPED_TRACE(each.name);
        const std::string whole = each.header + std::string{upgrade_request};
        for (std::size_t cut = 0; cut <= each.header.size() + 1; ++cut) {
            test_shard shard{behind_a_proxy(true)};
            ws_client client{shard.open(shard.sessions, std::string_view{whole}.substr(0, cut))};
            client.write(std::string_view{whole}.substr(cut));
            shard.settle();
            ASSERT_TRUE(client.response().starts_with("HTTP/1.1 101 ")) << cut;
            client.say(R"({"id":1,"connect":{}})");
            shard.settle();
            EXPECT_EQ(client.heard().size(), 1u);
            EXPECT_EQ(addresses(shard), words{each.address});
            EXPECT_EQ(shard.counters.partial_bytes, 0);
        }
    }
}

TEST(proxy_protocol, byte_by_byte) {
    test_shard shard{behind_a_proxy(true)};
    ws_client client{shard.open(shard.sessions)};
    for (const char each : header_2 + std::string{upgrade_request}) {
        client.write({&each, 1});
        shard.settle();
    }
    EXPECT_TRUE(client.response().starts_with("HTTP/1.1 101 "));
}

TEST(proxy_protocol, who_begins_otherwise_is_closed_and_counted) {
    const std::string rows[] = {std::string{upgrade_request}, "PROXY TCP4 nobody\r\n", std::string(200, 'x'),
                                header_2.substr(0, 12) + "\x31", std::string(16, '\0')};
    for (const std::string& each : rows) {
        test_shard shard{behind_a_proxy(true)};
        std::vector<std::string> told;
        ws_client client{shard.open(shard.sessions, each)};
        client.read();
        EXPECT_TRUE(client.ended());
        EXPECT_EQ(client.received(), "");
        EXPECT_EQ(refused(shard, connection_refusal::proxy_header), 1u);
        shard.expect_empty();
    }
}

TEST(proxy_protocol, who_ends_in_the_middle_or_says_nothing_goes) {
    for (std::size_t cut = 0; cut < header_1.size(); ++cut) {
        test_shard shard{behind_a_proxy(true)};
        {
            ws_client client{shard.open(shard.sessions, std::string_view{header_1}.substr(0, cut))};
            client.end_sending();
            shard.settle();
            EXPECT_EQ(shard.sessions.open(), 0u) << cut;
        }
        shard.expect_empty();
    }
    test_shard shard{behind_a_proxy(true)};
    const ws_client silent{shard.open(shard.sessions, "PROXY ")};
    shard.advance(10'101ms);
    shard.expect_empty();
    EXPECT_EQ(refused(shard, connection_refusal::proxy_header), 0u);
}

TEST(proxy_protocol, whatever_goes_wrong_at_a_call_the_connection_goes_on_or_ends) {
    for (const mishap what : mishaps) {
        for (std::uint64_t at = 1; at <= 4; ++at) {
            SCOPED_TRACE(fmt::format("{} at call {}", name_of(what), at));
            test_shard shard{behind_a_proxy(true)};
            auto [mine, near] = socket_pair();
            ws_client client{std::move(near)};
            client.write(header_1 + std::string{upgrade_request});
            script = {.victim = mine, .strike_at = at, .what = what, .taken = 7};
            shard.accept(shard.sessions, mine);
            shard.settle();
            const bool struck = script.struck;
            script = {};
            if (shard.sessions.open() > 0) shard.nudge(mine);
            client.read();
            EXPECT_TRUE(client.ended() || client.received().starts_with("HTTP/1.1 101 ")) << client.received();
            EXPECT_TRUE(struck || !client.ended());
            client.hang_up();
            shard.expect_empty();
        }
    }
}

TEST(proxy_protocol, a_proxy_that_is_not_trusted_may_send_none) {
    const std::vector<std::string> others{"10.0.0.0/8"};
    const carillon::peer::trusted elsewhere{others};
    shard_options how = behind_a_proxy(true);
    how.clients.door.proxies = &elsewhere;
    test_shard shard{how};
    ws_client client{shard.open(shard.sessions, header_1 + std::string{upgrade_request})};
    EXPECT_TRUE(client.take().starts_with("HTTP/1.1 503 "));
    EXPECT_EQ(refused(shard, connection_refusal::untrusted_proxy), 1u);
    EXPECT_EQ(shard.sessions.open(), 0u);
}

TEST(forwarded, is_believed_of_a_trusted_proxy_only) {
    struct row {
        const char* name;
        std::string field;
        std::string address;
    };
    const row rows[] = {
        {"nothing is said", "X-Other: 192.0.2.7", ""},
        {"x-forwarded-for", "X-Forwarded-For: 1.1.1.1, 192.0.2.7", "192.0.2.7"},
        {"forwarded", "forwarded: for=192.0.2.7", "192.0.2.7"},
        {"the first kind of field that is named counts", "Forwarded: for=1.1.1.1\r\nX-FORWARDED-FOR: 192.0.2.7",
         "192.0.2.7"},
        {"a kind that is not named does not", "X-Real-IP: 192.0.2.7", ""},
        {"garbage", "X-Forwarded-For: <>", ""},
    };
    for (const row& each : rows) {
        SCOPED_TRACE(each.name);
        {
            test_shard shard{behind_a_proxy(false)};
            const ws_client client = connect(shard, {}, request_with(each.field));
            EXPECT_EQ(addresses(shard), words{each.address});
        }
        test_shard shard;
        const ws_client client = connect(shard, {}, request_with(each.field));
        EXPECT_EQ(addresses(shard), words{""});
    }
}

TEST(forwarded, the_address_is_told_with_a_refusal) {
    shard_options how = behind_a_proxy(false);
    std::vector<std::string> told;
    how.clients.on_refusal = [&](const session::refusal& what) {
        told.push_back(fmt::format("{} {}", what.code, carillon::peer::to_text(what.whose)));
    };
    test_shard shard{how};
    const ws_client client =
        connect(shard, {}, request_with("X-Forwarded-For: 192.0.2.7\r\nOrigin: null\r\nContent-Length: 3"));
    ws_client other = connect(shard, {}, request_with("X-Forwarded-For: 192.0.2.8"));
    other.say("nonsense");
    shard.settle();
    EXPECT_EQ(told, (words{"400 192.0.2.7", "3501 192.0.2.8"}));
}

TEST(limits, an_address_behind_a_proxy_has_as_many_connections_as_it_may) {
    for (const bool header : {true, false}) {
        carillon::peer::admission limits{{.address_connections_max = 2}};
        std::vector<std::string> told;
        shard_options how = behind_a_proxy(header, &limits);
        how.clients.on_refusal = [&](const session::refusal& what) {
            told.push_back(fmt::format("{} {}", what.code, carillon::peer::to_text(what.whose)));
        };
        test_shard shard{how};
        const auto come = [&] {
            return header ? connect(shard, header_1) : connect(shard, {}, request_with("X-Forwarded-For: 192.0.2.7"));
        };
        ws_client one = come(), two = come(), three = come();
        EXPECT_EQ(addresses(shard), (words{"192.0.2.7", "192.0.2.7"}));
        const std::string answer = three.response();
        EXPECT_TRUE(answer.starts_with("HTTP/1.1 503 ")) << answer;
        EXPECT_NE(answer.find("\r\nRetry-After: 5\r\n"), answer.npos) << answer;
        EXPECT_EQ(refused(shard, connection_refusal::connections_of_address), 1u);
        EXPECT_EQ(told, words{"503 192.0.2.7"});
        three.hang_up();
        const ws_client other =
            header ? connect(shard, header_2) : connect(shard, {}, request_with("X-Forwarded-For: 192.0.2.8"));
        EXPECT_EQ(addresses(shard).size(), 3u);
        one.hang_up();
        shard.settle();
        const ws_client again = come();
        EXPECT_EQ(addresses(shard).size(), 3u);
        EXPECT_EQ(limits.addresses(), 2u);
        // A proxy that wants to know whether we are there has no limit.
        for (int i = 0; i < 5; ++i) EXPECT_TRUE(connect(shard, header ? local : "").response().empty());
        shard.sessions.drop_all();
        EXPECT_EQ(limits.addresses(), 0u);
    }
}

TEST(limits, so_many_come_in_a_second) {
    carillon::peer::admission limits{{.handshakes_per_second_max = 2}};
    shard_options how;
    how.clients.door.admission = &limits;
    test_shard shard{how};
    const ws_client one = connect(shard, {}), two = connect(shard, {});
    ws_client three = connect(shard, {});
    const std::string answer = three.response();
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 503 ")) << answer;
    EXPECT_NE(answer.find("\r\nRetry-After: 1\r\n"), answer.npos) << answer;
    EXPECT_EQ(refused(shard, connection_refusal::handshakes), 1u);
    EXPECT_EQ(shard.counters.connections_accepted(metrics::connection_kind::websocket), 2u); // nothing was made for it
}

TEST(limits, with_too_little_memory_nobody_is_let_in_and_who_is_there_stays) {
    carillon::peer::admission limits{{}};
    for (const bool header : {false, true}) {
        test_shard shard{behind_a_proxy(header, &limits)};
        ws_client one = connect(shard, header ? header_1 : "");
        limits.close(true);
        ws_client two = connect(shard, header ? header_1 : "");
        EXPECT_TRUE(two.response().starts_with("HTTP/1.1 503 "));
        EXPECT_EQ(refused(shard, connection_refusal::memory), 1u);
        one.say(R"({"id":2,"subscribe":{"channel":"a"}})");
        shard.settle();
        EXPECT_EQ(one.heard(), words{R"({"id":2,"subscribe":{}})"});
        limits.close(false);
        EXPECT_FALSE(connect(shard, header ? header_1 : "").response().starts_with("HTTP/1.1 503 "));
    }
}

} // namespace
} // namespace carillon::test
