#include "loading/loading.hpp"

namespace carillon::loading {
namespace {

using namespace std::chrono_literals;

TEST(external_bus, without_one_the_bus_is_embedded) {
    for (const auto& values : {valid({}), valid({"--bus=embedded"}), valid({"--bus", "embedded", "--bus-listen=:1"}),
                               valid({"--bus=embedded"}, {{"CARILLON_BUS", "redis://bus"}})}) {
        EXPECT_FALSE(values.bus.has_value());
        EXPECT_TRUE(values.bus_listen.has_value());
    }
}

TEST(external_bus, it_is_read_from_every_source_and_closes_the_bus_door) {
    const folder here;
    const std::string url = "redis://ann:r%40ng@bus.example.com:7/0";
    const auto path = here.file("c.toml", "bus = '" + url + "'\n");
    for (const auto& values : {valid({"--config", path}), valid({}, {{"CARILLON_BUS", url}}), valid({"--bus", url})}) {
        ASSERT_TRUE(values.bus.has_value());
        EXPECT_EQ(*values.bus, (redis_address{"bus.example.com", 7, "ann", "r@ng"}));
        EXPECT_FALSE(values.bus_listen.has_value());
    }
}

TEST(external_bus, its_connection_has_limits_and_times_of_its_own) {
    const auto defaults = valid({"--bus=redis://bus"});
    EXPECT_EQ(defaults.bus_connect_timeout, 2s);
    EXPECT_EQ(defaults.bus_reply_timeout, 2s);
    EXPECT_EQ(defaults.bus_ping_interval, 1s);
    EXPECT_EQ(defaults.bus_backoff_min, 50ms);
    EXPECT_EQ(defaults.bus_backoff_max, 5s);
    EXPECT_EQ(defaults.bus_linger, 1s);
    EXPECT_EQ(defaults.bus_subscribe_timeout, 4s);
    EXPECT_EQ(defaults.bus_in_flight_max, 16'384u);
    EXPECT_EQ(defaults.bus_upstream_output_bytes_max, 33'554'432u);

    const auto chosen =
        valid({"--bus-linger-ms=0", "--bus-in-flight-max=1"}, {{"CARILLON_BUS_REPLY_TIMEOUT_MS", "10"}});
    EXPECT_EQ(chosen.bus_linger, 0ms);
    EXPECT_EQ(chosen.bus_in_flight_max, 1u);
    EXPECT_EQ(chosen.bus_reply_timeout, 10ms);
}

struct door_case {
    const char* name;
    std::string file;
    environment variables;
    arguments flags;
    std::string expected; // empty: valid, and the door is closed. FILE stands for the file's path.
};

TEST(external_bus, a_bus_door_that_is_asked_for_next_to_it_is_refused_with_both_sources) {
    const folder here;
    const door_case cases[] = {
        {"two flags",
         "",
         {},
         {"--bus=redis://bus", "--bus-listen=:1"},
         "bus-listen ([::]:1 from flag --bus-listen) must not be given together with an external bus (from flag "
         "--bus)"},
        {"the default, but written down",
         "",
         {{"CARILLON_BUS", "redis://:ring@bus"}, {"CARILLON_BUS_LISTEN", "127.0.0.1:6390"}},
         {},
         "bus-listen (127.0.0.1:6390 from environment variable CARILLON_BUS_LISTEN) must not be given together with an "
         "external bus (from environment variable CARILLON_BUS)"},
        {"a file and a flag",
         "bus_listen = '[::1]:1'",
         {},
         {"--bus=redis://bus"},
         "bus-listen ([::1]:1 from FILE:1: bus_listen) must not be given together with an external bus (from flag "
         "--bus)"},
        {"a door that is off", "bus_listen = 'off'", {}, {"--bus=redis://bus"}, ""},
        {"a door that a flag closes", "bus_listen = ':1'", {}, {"--bus=redis://bus", "--bus-listen=off"}, ""},
        {"another door on the default address of the bus",
         "",
         {},
         {"--bus=redis://bus", "--client-listen=127.0.0.1:6390"},
         ""},
    };
    for (auto [name, file, variables, flags, expected] : cases) {
        const auto path = here.file("c.toml", file);
        flags.insert(flags.end(), {"--config", path});
        if (expected.empty()) {
            EXPECT_FALSE(valid(flags, variables).bus_listen.has_value()) << name;
            continue;
        }
        if (const auto at = expected.find("FILE"); at != std::string::npos) expected.replace(at, 4, path);
        EXPECT_EQ(refused(flags, variables), expected) << name;
    }
}

TEST(external_bus, its_password_may_be_the_bus_password) {
    const folder here;
    const auto path = here.file("password", "ring\n");
    const redis_address ann{"bus", 6379, "ann", "ring"}, anyone{"bus", 6379, "default", "ring"};
    EXPECT_EQ(valid({"--bus=redis://bus"}, {{"CARILLON_BUS_PASSWORD", "ring"}}).bus, anyone);
    EXPECT_EQ(valid({"--bus=redis://ann@bus", "--bus-password-file", path}).bus, ann);
    EXPECT_EQ(valid({"--bus=redis://ann:@bus", "--bus-password=ring"}).bus, ann);
    EXPECT_EQ(valid({"--bus=redis://bus"}).bus->password, "");

    EXPECT_EQ(refused({"--bus=redis://:a@bus", "--bus-password=b"}),
              "flag --bus: the password in it is also given by flag --bus-password; give only one");
    EXPECT_EQ(refused({"--bus-password-file", path}, {{"CARILLON_BUS", "redis://:a@bus"}}),
              "environment variable CARILLON_BUS: the password in it is also given by flag --bus-password-file; give "
              "only one");
    EXPECT_EQ(refused({"--bus=redis://ann@bus"}),
              "flag --bus: the user has no password; write USER:PASSWORD or give bus-password");
}

TEST(external_bus, a_wrong_one_is_refused_with_the_reason) {
    const std::string give = "; give embedded or redis://[USER[:PASSWORD]@]HOST[:PORT][/DATABASE]";
    EXPECT_EQ(refused({"--bus=embeded"}),
              "flag --bus: the value is not a bus: it does not begin with redis://, and TLS and other ways are not "
              "supported" +
                  give);
    EXPECT_EQ(
        refused({}, {{"CARILLON_BUS", "rediss://bus"}}),
        "environment variable CARILLON_BUS: the value is not a bus: TLS is not supported, so rediss:// is not; it "
        "must begin with redis://" +
            give);
    EXPECT_TRUE(refused({"--bus="}).starts_with("flag --bus: the value is not a bus: it does not begin with redis://"));
    const std::string longest = "redis://:" + std::string(2048 - 13, 'r') + "@bus";
    EXPECT_EQ(valid({"--bus", longest}).bus->password.size(), 2035u);
    EXPECT_EQ(refused({"--bus", longest + "x"}), "flag --bus: the value is longer than 2048 bytes");
}

TEST(external_bus, no_text_shows_its_password) {
    const folder here;
    const std::string secret = "do-re-mi", url = "redis://ann:" + secret + "@bus";
    const std::string lines[] = {
        refused({"--bus", url + ":0"}),
        refused({"--bus", url + "/x"}),
        refused({"--bus", "rediss://ann:" + secret + "@bus"}),
        refused({"--bus", "redis://ann:" + secret + "/@bus"}),
        refused({"--bus", "redis://ann:" + secret}),
        refused({"--bus", secret}),
        refused({"--bus", url + std::string(2048, 'x')}),
        refused({"--bus", url, "--bus", url}),
        refused({"--bus", url, "--bus-password=x"}),
        refused({"--bus", "redis://bus", "--bus-listen=:1", "--bus-password", secret}),
        refused({"--bus", url, "--bus-listen=:1"}),
        refused({"--bux=" + url}),
        refused({}, {{"CARILLON_BUSS", url}}),
        refused({"--config", here.file("1", "bus = ['" + url + "']")}),
        refused({"--config", here.file("2", "bus = " + url)}),
        refused({"--config", here.file("3", "bus = '" + url)}),
        refused({"--config", here.file("4", "bus = '" + url + "/x'")}),
        load_with({"--help"}, {{"CARILLON_BUS", url}}).text,
        load_with({"--check-config"}, {{"CARILLON_BUS", url}}).text,
    };
    for (const auto& line : lines) EXPECT_EQ(line.find(secret), std::string::npos) << line;
}

} // namespace
} // namespace carillon::loading
