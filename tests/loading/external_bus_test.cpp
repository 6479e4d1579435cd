#include "config/option.hpp"
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
    EXPECT_EQ(defaults.bus_probe_interval, 5s);
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
    EXPECT_EQ(refused({"--bus=embeded"}),
              "flag --bus: the value is not a bus: it begins with none of redis://, rediss://, unix:, "
              "redis-sentinel://, rediss-sentinel://, redis-cluster:// and rediss-cluster://; give " +
                  values_of(*find_option("bus")));
    EXPECT_TRUE(refused({"--bus="}).starts_with("flag --bus: the value is not a bus: it begins with none of redis://"));
    const std::string longest = "redis://:" + std::string(2048 - 13, 'r') + "@bus";
    EXPECT_EQ(valid({"--bus", longest}).bus->password.size(), 2035u);
    EXPECT_EQ(refused({"--bus", longest + "x"}), "flag --bus: the value is longer than 2048 bytes");
}

struct wires_case {
    const char* name;
    arguments flags;
    std::string expected; // empty: valid
};

TEST(external_bus, tls_and_sentinels_have_what_they_need_and_others_have_none_of_it) {
    const folder here;
    const auto secret = here.file("password", "ring\n");
    const std::string tls = "--bus=rediss://bus", sentinels = "--bus=redis-sentinel://s1,s2/mymaster";
    const std::string for_tls = ": it is for a bus with TLS, rediss://, rediss-sentinel:// or rediss-cluster://",
                      for_sentinels = ": it is for Sentinels, redis-sentinel:// or rediss-sentinel://";
    const wires_case cases[] = {
        {"TLS", {tls, "--bus-tls-ca-file=/a", "--bus-tls-server-name=b"}, ""},
        {"TLS with a certificate", {tls, "--bus-tls-certificate-file=/a", "--bus-tls-key-file=/b"}, ""},
        {"TLS to Sentinels", {"--bus=rediss-sentinel://s1/m", "--bus-tls-ca-file=/a"}, ""},
        {"TLS to a cluster", {"--bus=rediss-cluster://a,b", "--bus-tls-ca-file=/a"}, ""},
        {"a cluster with a prefix", {"--bus=redis-cluster://a,b", "--bus-prefix=my}app"}, ""},
        {"one that would decide where keys are",
         {"--bus=redis-cluster://a,b", "--bus-prefix={app}"},
         "flag --bus-prefix: with a cluster or several servers it holds no {"},
        {"or which server has them",
         {"--bus=redis://a,b", "--bus-prefix={app}"},
         "flag --bus-prefix: with a cluster or several servers it holds no {"},
        {"several servers", {"--bus=redis://a,b,a:7"}, ""},
        {"a server twice", {"--bus=redis://a,b,a:6379"}, "flag --bus: a:6379 stands there twice"},
        {"a database of a cluster",
         {"--bus=redis-cluster://a,b/1"},
         "flag --bus: the value is not a bus: only / and a database number may follow the host and the port; a cluster "
         "has no database but 0; give " +
             values_of(*find_option("bus"))},
        {"which one server does not mind", {"--bus=redis://a", "--bus-prefix={app}"}, ""},
        {"no TLS", {"--bus=redis://bus", "--bus-tls-ca-file=/a"}, "flag --bus-tls-ca-file" + for_tls},
        {"no bus", {"--bus-tls-server-name=a"}, "flag --bus-tls-server-name" + for_tls},
        {"no TLS on a unix socket", {"--bus=unix:/a", "--bus-tls-key-file=/a"}, "flag --bus-tls-key-file" + for_tls},
        {"no key",
         {tls, "--bus-tls-certificate-file=/a"},
         "flag --bus-tls-certificate-file: a certificate and its key are given together, or neither"},
        {"no certificate",
         {tls, "--bus-tls-key-file=/a"},
         "flag --bus-tls-key-file: a certificate and its key are given together, or neither"},
        {"Sentinels", {sentinels, "--bus-sentinel-interval-ms=100"}, ""},
        {"Sentinels with a password", {sentinels, "--bus-sentinel-user=ann", "--bus-sentinel-password=ring"}, ""},
        {"Sentinels with a password in a file", {sentinels, "--bus-sentinel-password-file=" + secret}, ""},
        {"no Sentinels",
         {"--bus=redis://bus", "--bus-sentinel-password=ring"},
         "flag --bus-sentinel-password" + for_sentinels},
        {"no Sentinels for the file",
         {"--bus=redis://bus", "--bus-sentinel-password-file=" + secret},
         "flag --bus-sentinel-password-file" + for_sentinels},
        {"a user without a password",
         {sentinels, "--bus-sentinel-user=ann"},
         "flag --bus-sentinel-user: the user of the Sentinels has no password; give bus-sentinel-password"},
    };
    for (const auto& [name, flags, expected] : cases) {
        if (expected.empty()) {
            EXPECT_TRUE(valid(flags).bus.has_value()) << name;
        } else {
            EXPECT_EQ(refused(flags), expected) << name;
        }
    }
    EXPECT_EQ(valid({sentinels, "--bus-sentinel-password-file=" + secret}).bus_sentinel_password, "ring");
    EXPECT_EQ(valid({sentinels, "--bus-password=ring"}).bus->password, "ring") << "is the master's";
}

TEST(external_bus, no_text_shows_its_password) {
    const folder here;
    const std::string secret = "do-re-mi", url = "redis://ann:" + secret + "@bus";
    const std::string lines[] = {
        refused({"--bus", url + ":0"}),
        refused({"--bus", url + "/x"}),
        refused({"--bus", "rediss://ann:" + secret + "@bus/x"}),
        refused({"--bus", "redis-sentinel://ann:" + secret + "@s1"}),
        refused({"--bus", "unix:ann:" + secret + "@x"}),
        refused({"--bus=redis://bus", "--bus-sentinel-password", secret}),
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
