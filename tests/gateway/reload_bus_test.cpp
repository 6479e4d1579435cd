#include "config/reload.hpp"
#include "endpoints/redis_address.hpp"
#include "gateway/running_gateway.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// Who logs in at the bus may change while the program runs, and nothing else about the bus.
namespace carillon::gateway {
namespace {

struct bus_change {
    const char* name;
    const char* before; // URLs; none: the bus inside
    const char* after;
    void (*change)(config::settings&);
    const char* at_once;
    const char* after_restart;
};
const bus_change bus_changes[] = {
    {"the password of its URL", "redis://:a@h", "redis://:b@h", [](config::settings&) {}, "bus", ""},
    {"the user", "redis://x:a@h", "redis://y:a@h", [](config::settings&) {}, "bus", ""},
    {"the server", "redis://:a@h", "redis://:b@i", [](config::settings&) {}, "", "bus"},
    {"TLS", "redis://h", "rediss://h", [](config::settings&) {}, "", "bus"},
    {"to a bus inside", "redis://h", "", [](config::settings&) {}, "", "bus"},
    {"to a bus outside", "", "redis://h", [](config::settings&) {}, "", "bus"},
    {"its password alone", "redis://h", "redis://:b@h", [](config::settings& how) { how.bus_password = "b"; },
     "bus_password", ""},
    {"its password and its server", "redis://h", "redis://:b@i", [](config::settings& how) { how.bus_password = "b"; },
     "bus_password", "bus"},
    {"the door's password", "", "", [](config::settings& how) { how.bus_password = "b"; }, "bus_password", ""},
    {"who asks the Sentinels", "redis-sentinel://s/m", "redis-sentinel://s/m",
     [](config::settings& how) { how.bus_sentinel_user = "u", how.bus_sentinel_password = "p"; },
     "bus_sentinel_password bus_sentinel_user", ""},
};

std::optional<config::redis_address> bus_at(std::string_view url) {
    if (url.empty()) return {};
    return *endpoints::parse_redis_address(url);
}

std::string in_order(std::vector<std::string> keys) {
    std::ranges::sort(keys);
    return fmt::format("{}", fmt::join(keys, " "));
}

TEST(reload, of_the_bus_its_logins_change_at_once_and_nothing_else) {
    for (const bus_change& each : bus_changes) {
        SCOPED_TRACE(each.name);
        config::settings before = settings_for_tests(1);
        config::settings after = before;
        before.bus = bus_at(each.before);
        after.bus = bus_at(each.after);
        each.change(after);
        const config::changes found = config::changes_between(before, after);
        EXPECT_EQ(in_order(found.at_once), each.at_once);
        EXPECT_EQ(in_order(found.after_restart), each.after_restart);
        const config::settings made = config::with_reloadable(before, after);
        EXPECT_EQ(made.bus == after.bus, *each.after_restart == '\0');
    }
}

TEST(reload, programs_show_the_new_password_and_those_that_are_in_stay_in) {
    config::settings how = settings_for_tests(1);
    how.api_key = "open-sesame";
    how.bus_password = "first";
    config::settings next = how;
    next.bus_password = "second";
    const running_gateway g{how, [next] { return loading::outcome{next, {}, {}, 0}; }};
    const auto says = [&](std::string_view words) {
        test::peer client = g.program(words);
        return read_until(client, "\r\n");
    };
    test::peer early = g.program("AUTH first\r\n");
    EXPECT_EQ(read_until(early, "\r\n"), "+OK\r\n");
    EXPECT_TRUE(g.post("/api/reload", "").starts_with(R"(200 {"result":{"changed":["bus_password"])"));
    EXPECT_TRUE(says("AUTH first\r\n").starts_with("-WRONGPASS"));
    EXPECT_EQ(says("AUTH second\r\n"), "+OK\r\n");
    early.write("PING\r\n");
    EXPECT_EQ(read_until(early, "PONG\r\n"), "+OK\r\n+PONG\r\n");
}

} // namespace
} // namespace carillon::gateway
