#include "succession/predecessor.hpp"
#include "support/folder.hpp"
#include "takeover/reader.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

// Processes that one cannot take over from. Those that work are in tests/gateway.
namespace carillon::succession {
namespace {

using namespace std::chrono_literals;
using test::folder;
using clock = net::descriptor_channel::clock;

std::optional<takeover::message> first_of(net::descriptor_channel& from) {
    const auto got = from.receive(takeover::message_bytes_max, takeover::descriptors_max, clock::now() + 10s);
    if (!got) return std::nullopt;
    auto said = takeover::read(got->bytes);
    if (!said) return std::nullopt;
    return std::move(*said);
}

struct odd_predecessor {
    const char* name;
    std::vector<takeover::message> says;
    const char* why;
};

class upgrade_from : public testing::TestWithParam<odd_predecessor> {};
const odd_predecessor others[] = {
    {"one_that_ends", {}, "it has broken off"},
    {"one_that_refuses", {takeover::refusal{"not today"}}, "not today"},
    {"one_that_says_something_else", {takeover::end{}}, "it makes no offer"},
    {"one_that_listens_nowhere", {takeover::offer{}}, "it listens nowhere any more"},
    {"one_whose_listener_is_none", {takeover::offer{.listeners = 1}, takeover::listener{}}, "no listener"},
};
INSTANTIATE_TEST_SUITE_P(others, upgrade_from, testing::ValuesIn(others),
                         [](const auto& row) { return row.param.name; });

TEST_P(upgrade_from, comes_to_nothing_and_says_why) {
    const folder here;
    net::channel_listener door{here.path + "/upgrade"};
    std::thread other{[&] {
        auto to = door.accept();
        ASSERT_TRUE(to);
        const auto greeting = first_of(*to);
        EXPECT_TRUE(greeting && std::holds_alternative<takeover::greeting>(*greeting));
        for (const auto& each : GetParam().says) EXPECT_TRUE(to->send(takeover::write(each), {}, clock::now() + 10s));
    }};
    try {
        predecessor young{here.path + "/upgrade"};
        ADD_FAILURE() << "it is taken over";
    } catch (const std::runtime_error& why) {
        EXPECT_NE(std::string_view{why.what()}.find(GetParam().why), std::string_view::npos) << why.what();
    }
    other.join();
}

} // namespace
} // namespace carillon::succession
