#include "nodes/exchange.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace carillon::nodes {
namespace {

namespace asio = boost::asio;

const std::string first_uid = "00000000-0000-0000-0000-000000000001";
const std::string second_uid = "00000000-0000-0000-0000-000000000002";
constexpr std::chrono::milliseconds short_patience{20};

// A bus between exchanges on one thread.
struct bus {
    asio::io_context context{1};
    std::map<std::string, std::vector<exchange*>> listeners{};
    std::vector<std::unique_ptr<exchange>> all{};
    std::vector<std::pair<std::string, std::string>> heard{}; // what clients said: session and data
    std::vector<std::string> done{};                          // by whom
    std::uint32_t deaf = 0;                                   // that are counted, and do not answer
    bool away = false;

    exchange& add(const std::string& uid, exchange_options how = {}) {
        how.uid = uid;
        exchange_ends ends;
        ends.say = [this](const std::string& channel, const std::string& text, const auto& then) {
            const std::size_t count = away ? 0 : listeners[channel].size();
            if (count > 0)
                for (exchange* each : listeners[channel]) each->heard(text);
            const bool to_all = channel == "carillon.control";
            if (then) then(static_cast<std::uint32_t>(count) + (to_all ? deaf : 0));
        };
        ends.carry_out = [this, uid](api::command what) { return carry_out(uid, std::move(what)); };
        ends.hear = [this](std::string session, std::string data) {
            heard.emplace_back(std::move(session), std::move(data));
        };
        all.push_back(std::make_unique<exchange>(context, how, std::move(ends)));
        for (const std::string& each : all.back()->channels()) listeners[each].push_back(all.back().get());
        return *all.back();
    }

    asio::awaitable<api::reply> carry_out(std::string uid, api::command what) {
        done.push_back(uid);
        if (std::holds_alternative<api::info_request>(what))
            co_return api::info_result{{api::node_info{.uid = uid, .name = "n", .version = "1"}}};
        co_return api::done{};
    }

    exchange::tally ask(exchange& who, api::command what, std::string uid = {}) {
        exchange::tally found;
        asio::co_spawn(context, who.ask(std::move(what), std::move(uid)),
                       [&found](const std::exception_ptr&, exchange::tally said) { found = std::move(said); });
        context.restart();
        context.run();
        return found;
    }
};

std::set<std::string> names_in(const exchange::tally& all) {
    std::set<std::string> names;
    for (const answer& each : all.said) names.insert(each.from);
    return names;
}

TEST(exchange, all_are_asked_and_all_answer) {
    bus between;
    exchange& first = between.add(first_uid);
    between.add(second_uid);
    const auto found = between.ask(first, api::info_request{});
    EXPECT_TRUE(found.all());
    EXPECT_EQ(found.asked, 2u);
    EXPECT_EQ(names_in(found), (std::set{first_uid, second_uid}));
    EXPECT_TRUE(std::holds_alternative<api::info_result>(found.said.front().said));
    EXPECT_EQ(first.counts().nodes, 2u);
    EXPECT_EQ(first.counts().incomplete, 0u);
}

TEST(exchange, one_is_asked_alone) {
    bus between;
    exchange& first = between.add(first_uid);
    between.add(second_uid);
    const auto found = between.ask(first, api::info_request{}, second_uid);
    EXPECT_TRUE(found.all());
    EXPECT_EQ(between.done, std::vector{second_uid});
    EXPECT_EQ(between.ask(first, api::info_request{}, "nobody").asked, 0u);
}

TEST(exchange, who_does_not_answer_is_waited_for_no_longer_than_patience_lasts) {
    bus between;
    exchange& first = between.add(first_uid, {.patience = short_patience});
    between.deaf = 1;
    const auto found = between.ask(first, api::info_request{});
    EXPECT_FALSE(found.all());
    EXPECT_EQ(found.asked, 2u);
    EXPECT_EQ(found.said.size(), 1u);
    EXPECT_EQ(first.counts().incomplete, 1u);
}

TEST(exchange, a_bus_that_is_away_asks_nobody) {
    bus between;
    exchange& first = between.add(first_uid);
    between.away = true;
    const auto found = between.ask(first, api::info_request{});
    EXPECT_EQ(found.asked, 0u);
    EXPECT_FALSE(found.all());
}

TEST(exchange, an_order_too_many_is_refused) {
    bus between;
    exchange& first = between.add(first_uid, {.orders_max = 1, .patience = short_patience});
    between.deaf = 1;
    std::vector<bool> refused;
    for (int i = 0; i < 2; ++i) {
        asio::co_spawn(
            between.context, first.ask(api::info_request{}),
            [&](const std::exception_ptr&, const exchange::tally& said) { refused.push_back(said.too_many); });
    }
    between.context.run();
    EXPECT_EQ(refused, (std::vector{true, false}));
    EXPECT_EQ(first.counts().refused, 1u);
}

TEST(exchange, an_answer_that_is_too_large_is_an_error) {
    bus between;
    exchange& first = between.add(first_uid);
    between.add(second_uid, {.bytes_max = 200});
    const auto found = between.ask(first, api::info_request{}, second_uid);
    ASSERT_EQ(found.said.size(), 1u);
    EXPECT_TRUE(std::holds_alternative<api::error>(found.said.front().said));
}

TEST(exchange, an_order_of_a_later_version_is_answered_and_not_done) {
    bus between;
    exchange& first = between.add(first_uid);
    std::vector<std::string> answered;
    exchange_ends ends;
    ends.say = [&](const std::string&, const std::string& text, const auto&) { answered.push_back(text); };
    exchange second{between.context, {.uid = second_uid}, std::move(ends)};
    second.heard(R"({"v":1,"id":5,"node":")" + first_uid + R"(","method":"fly","params":{}})");
    second.heard(R"({"v":2,"whatever":1})");
    second.heard(R"({"v":1,"id":5,"node":"somewhere else","method":"fly","params":{}})");
    between.context.run();
    EXPECT_EQ(answered, std::vector<std::string>{R"({"v":1,"id":5,"node":")" + second_uid +
                                                 R"(","reply":{"error":{"code":104,"message":"not found"}}})"});
    EXPECT_EQ(second.counts().ignored, 3u);
    EXPECT_EQ(first.counts().ignored, 0u);
}

TEST(exchange, what_a_client_says_reaches_the_gateway_of_its_stream) {
    bus between;
    exchange& first = between.add(first_uid);
    between.add(second_uid);
    EXPECT_EQ(first.pass_on(second_uid, {"ab12", "hi"}), passing::taken);
    EXPECT_EQ(first.pass_on("control", {"ab12", "hi"}), passing::nobody);
    EXPECT_EQ(first.pass_on(second_uid, {"\xff", "hi"}), passing::nobody);
    EXPECT_EQ(first.pass_on(second_uid, {"ab12", std::string(70'000, 'a')}), passing::too_large);
    EXPECT_EQ(first.pass_on("00000000-0000-0000-0000-000000000003", {"ab12", "hi"}), passing::taken);
    between.context.run();
    EXPECT_EQ(between.heard, (std::vector<std::pair<std::string, std::string>>{{"ab12", "hi"}}));
    EXPECT_EQ(first.counts().sayings, 2u);
    EXPECT_EQ(first.counts().sayings_lost, 1u);
}

TEST(exchange, what_clients_say_waits_in_bounds) {
    asio::io_context context{1};
    std::vector<std::function<void(std::uint32_t)>> waiting;
    exchange_ends ends;
    ends.say = [&](const std::string&, const std::string&, auto then) { waiting.push_back(std::move(then)); };
    exchange of{context, {.uid = first_uid, .sayings_max = 1}, std::move(ends)};
    EXPECT_EQ(of.pass_on(second_uid, {"ab", "1"}), passing::taken);
    EXPECT_EQ(of.pass_on(second_uid, {"ab", "2"}), passing::too_many);
    waiting.front()(1);
    EXPECT_EQ(of.pass_on(second_uid, {"ab", "3"}), passing::taken);
}

TEST(exchange, messages_that_come_faster_than_they_are_looked_at_are_dropped) {
    asio::io_context context{1};
    exchange of{context, {.uid = first_uid, .orders_max = 1, .sayings_max = 1}, {}};
    for (int i = 0; i < 3; ++i) of.heard("nothing");
    EXPECT_EQ(of.counts().refused, 1u);
    context.run();
    EXPECT_EQ(of.counts().ignored, 2u);
}

TEST(exchange, its_channels_are_nobody_elses) {
    EXPECT_TRUE(exchange::is_ours("carillon", "carillon.control"));
    EXPECT_TRUE(exchange::is_ours("carillon", "carillon.node." + first_uid));
    EXPECT_FALSE(exchange::is_ours("carillon", "carillon.controls"));
    EXPECT_FALSE(exchange::is_ours("carillon", "carillon"));
    EXPECT_FALSE(exchange::is_ours("shop", "carillon.control"));
}

} // namespace
} // namespace carillon::nodes
