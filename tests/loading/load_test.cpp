#include "config/rules.hpp"
#include "loading/loading.hpp"

#include <cstdlib>

namespace carillon::loading {
namespace {

using namespace std::chrono_literals;

TEST(load, without_any_source_the_defaults_hold) {
    const auto values = valid({});
    EXPECT_EQ(to_string(values.client_listen), "[::]:8000");
    EXPECT_EQ(to_string(values.control_listen), "[::]:9000");
    ASSERT_TRUE(values.bus_listen.has_value());
    EXPECT_EQ(to_string(*values.bus_listen), "127.0.0.1:6390");
    EXPECT_EQ(values.client_ping_interval, 25s);
    EXPECT_EQ(values.work_pool, 128u);
    EXPECT_FALSE(values.dev);
}

TEST(load, a_flag_wins_over_the_environment_and_the_environment_over_the_file) {
    const folder here;
    const auto path = here.file("c.toml", "shards = 3\nwork_pool = 30\nlisten_backlog = 300\n");
    const auto values =
        valid({"--config", path, "--shards=1"}, {{"CARILLON_SHARDS", "2"}, {"CARILLON_WORK_POOL", "20"}});
    EXPECT_EQ(values.shards, 1u);
    EXPECT_EQ(values.work_pool, 20u);
    EXPECT_EQ(values.listen_backlog, 300u);
    EXPECT_EQ(values.config, path);
}

TEST(load, the_environment_names_the_file_unless_a_flag_does) {
    const folder here;
    const auto one = here.file("1.toml", "shards = 1"), two = here.file("2.toml", "shards = 2");
    EXPECT_EQ(valid({}, {{"CARILLON_CONFIG", one}}).shards, 1u);
    EXPECT_EQ(valid({"--config", two}, {{"CARILLON_CONFIG", one}}).shards, 2u);
    EXPECT_EQ(valid({"--config="}, {{"CARILLON_CONFIG", one}}).shards, 0u);
}

TEST(load, every_kind_of_value_is_read_from_every_source) {
    const folder here;
    const auto path =
        here.file("c.toml", "client_listen = '[::1]:1'\nbus_listen = 'off'\ndev = true\n"
                            "client_pong_timeout_ms = 1_000\nallowed_origins = ['https://a', 'https://b']\n"
                            "log_level = 'debug'\nlog_format = 'json'\nbus_password = 'ring'\n");
    const environment variables{{"CARILLON_CLIENT_LISTEN", "[::1]:1"},
                                {"CARILLON_BUS_LISTEN", ""},
                                {"CARILLON_DEV", "1"},
                                {"CARILLON_CLIENT_PONG_TIMEOUT_MS", "1000"},
                                {"CARILLON_ALLOWED_ORIGINS", "https://a, https://b"},
                                {"CARILLON_LOG_LEVEL", "debug"},
                                {"CARILLON_LOG_FORMAT", "json"},
                                {"CARILLON_BUS_PASSWORD", "ring"}};
    const arguments flags{"--client-listen",
                          "[::1]:1",
                          "--bus-listen=",
                          "--dev",
                          "--client-pong-timeout-ms=1000",
                          "--allowed-origins",
                          "https://a",
                          "--allowed-origins=https://b",
                          "--log-level",
                          "debug",
                          "--log-format=json",
                          "--bus-password",
                          "ring"};
    for (const auto& values : {valid({"--config", path}), valid({}, variables), valid(flags)}) {
        EXPECT_EQ(values.client_listen, (address{"::1", 1}));
        EXPECT_FALSE(values.bus_listen.has_value());
        EXPECT_TRUE(values.dev);
        EXPECT_EQ(values.client_pong_timeout, 1s);
        EXPECT_EQ(values.allowed_origins, (std::vector<std::string>{"https://a", "https://b"}));
        EXPECT_EQ(values.log_level, log_level::debug);
        EXPECT_EQ(values.log_format, log_format::json);
        EXPECT_EQ(values.bus_password, "ring");
    }
    EXPECT_FALSE(valid({"--dev=false"}, {{"CARILLON_DEV", "true"}}).dev);
    EXPECT_TRUE(valid({}, {{"CARILLON_ALLOWED_ORIGINS", " "}}).allowed_origins.empty());
}

struct flag_case {
    const char* name;
    arguments flags;
    std::string expected;
};

TEST(load, a_wrong_flag_is_refused_in_one_line) {
    const flag_case cases[] = {
        {"an unknown flag with a near name",
         {"--client-listne", "x"},
         "flag '--client-listne' is not known; did you mean --client-listen?"},
        {"an unknown flag does not show its value", {"--bus-pass=ring"}, "flag '--bus-pass' is not known"},
        {"an argument", {"8000"}, "argument '8000' is not expected; every option is given by a flag, see --help"},
        {"a value that is missing",
         {"--shards"},
         "flag --shards: it needs a value; give a whole number from 0 to 256 (shards)"},
        {"a number out of range",
         {"--shards", "257"},
         "flag --shards: '257' is out of range; give a whole number from 0 to 256 (shards)"},
        {"a flag given twice", {"--shards=1", "--shards=2"}, "flag --shards: it is given 2 times; give it once"},
        {"no boolean", {"--dev=perhaps"}, "flag --dev: 'perhaps' is neither; give true or false"},
        {"an address without port",
         {"--client-listen", "::1"},
         "flag --client-listen: '::1' is not an address: there is no :PORT at the end, or an IPv6 host is not in "
         "brackets; give HOST:PORT or unix:PATH"},
        {"an empty address where one is needed",
         {"--client-listen="},
         "flag --client-listen: '' is not an address: there is no :PORT at the end, or an IPv6 host is not in "
         "brackets; "
         "give HOST:PORT or unix:PATH"},
        {"an unknown word", {"--log-format", "xml"}, "flag --log-format: 'xml' is not known; give one of text, json"},
        {"a pattern no origin matches",
         {"--allowed-origins", "https://a/"},
         "flag --allowed-origins: 'https://a/' ends with a slash, which no origin does; give 'https://a'"},
        {"an empty pattern",
         {"--allowed-origins", ""},
         "flag --allowed-origins: an empty pattern matches nothing; give one like https://*.example.com"},
        {"bytes that are no text",
         {"--log-level", "\x1b[31m\n\xff"},
         "flag --log-level: '?[31m?"
         "?' is not known; give one of trace, debug, info, warn, error, critical, off"},
    };
    for (const auto& [name, flags, expected] : cases) EXPECT_EQ(refused(flags), expected) << name;
}

struct file_case {
    const char* name;
    std::string_view content;
    std::string expected; // after the path
};

TEST(load, a_wrong_file_is_refused_with_its_line) {
    const folder here;
    const file_case cases[] = {
        {"an unknown key", "\n\nshard = 1", ":3: 'shard' is not an option; did you mean shards?"},
        {"a key with dashes", "work-pool = 1", ":1: 'work-pool' is not an option; did you mean work_pool?"},
        {"a table", "[client]\nlisten = ':1'",
         ":1: 'client' is a table; write every option at the top of the file as key = value"},
        {"another file", "config = 'x'", ":1: a configuration file cannot name another one"},
        {"a number in quotes", "\nshards = '1'",
         ":2: shards: give a whole number from 0 to 256 (shards), without quotes"},
        {"a fraction", "shards = 1.5", ":1: shards: give a whole number from 0 to 256 (shards), without quotes"},
        {"a number out of range", "shards = 257",
         ":1: shards: '257' is out of range; give a whole number from 0 to 256 (shards)"},
        {"a number below zero", "shards = -1",
         ":1: shards: '-1' is not a whole number; give a whole number from 0 to 256 (shards)"},
        {"a number for an address", "client_listen = 8000",
         ":1: client_listen: give HOST:PORT or unix:PATH, in quotes"},
        {"a word for a boolean", "dev = 'true'", ":1: dev: give true or false, without quotes"},
        {"a text for a list", "allowed_origins = '*'",
         ":1: allowed_origins: give an array of texts like [\"https://*.example.com\"]"},
        {"a number in a list", "allowed_origins = [\n'*',\n1]",
         ":1: allowed_origins: every item of the array must be a text in quotes"},
        {"a wrong value that a flag would replace", "work_pool = 0",
         ":1: work_pool: '0' is out of range; give a whole number from 1 to 65536 (leases)"},
    };
    for (const auto& [name, content, expected] : cases) {
        const auto path = here.file("c.toml", content);
        EXPECT_EQ(refused({"--config", path, "--work-pool=7"}), path + expected) << name;
    }
}

TEST(load, a_file_that_is_not_toml_is_refused_with_its_line) {
    const folder here;
    for (const std::string_view content : {"shards = 1\nshards = 2", "\nshards 1", "\nbus_password = ring"}) {
        const auto path = here.file("c.toml", content);
        const auto line = refused({"--config", path});
        EXPECT_TRUE(line.starts_with(path + ":2: not TOML: ")) << line;
        EXPECT_EQ(line.find("ring"), std::string::npos) << line;
    }
    // toml++ decodes some characters ahead of the place it knows, so that line may be a little early.
    const auto path = here.file("c.toml", "\xff\xfe");
    EXPECT_EQ(refused({"--config", path}), path + ":1: not TOML: Encountered invalid utf-8 sequence");
}

TEST(load, a_file_that_cannot_be_read_is_refused_with_the_reason) {
    const folder here;
    EXPECT_EQ(refused({"--config", "/nowhere/c.toml"}),
              "configuration file /nowhere/c.toml cannot be opened: No such file or directory");
    EXPECT_EQ(refused({"--config", "/"}), "configuration file / cannot be read: Is a directory");
    const auto path = here.file("large.toml", std::string(1024 * 1024 + 1, '\n'));
    EXPECT_EQ(refused({"--config", path}), "configuration file " + path + " is larger than 1048576 bytes");
    EXPECT_TRUE(load_with({"--config", here.file("full.toml", std::string(1024 * 1024, '\n'))}).value.has_value());
}

TEST(load, every_beginning_of_a_file_is_valid_or_refused_in_one_line) {
    const folder here;
    const std::string content =
        "client_listen = \"[::1]:81\" # ring\nshards = 12\nallowed_origins = ['https://a', '*']\n"
        "[[namespace]]\nname = 'ab'\nsubscribe = ['client', 'token']\n[[namespace]]\nchannel_pattern = '[a-z]+'\n";
    for (std::size_t size = 0; size <= content.size(); ++size) {
        const auto path = here.file("c.toml", content.substr(0, size));
        const auto outcome = load_with({"--config", path});
        EXPECT_TRUE(outcome.value || outcome.text.starts_with(path + ":")) << outcome.text;
        EXPECT_EQ(outcome.text.find('\n'), std::string::npos);
    }
}

struct variable_case {
    const char* name;
    environment variables;
    std::string expected; // empty: valid
};

TEST(load, unknown_variables_are_refused_but_not_those_of_other_programs) {
    const variable_case cases[] = {
        {"another program's", {{"PATH", "/bin"}, {"CARILLONX", "1"}, {"carillon_shards", "x"}}, ""},
        {"a typing mistake",
         {{"CARILLON_SHARD", "1"}},
         "environment variable 'CARILLON_SHARD' is not an option; did you mean CARILLON_SHARDS?"},
        {"a wrong value",
         {{"CARILLON_SHARDS", "many"}},
         "environment variable CARILLON_SHARDS: 'many' is not a whole number; give a whole number from 0 to 256 "
         "(shards)"},
        {"no value",
         {{"CARILLON_SHARDS", ""}},
         "environment variable CARILLON_SHARDS: '' is not a whole number; give a whole number from 0 to 256 (shards)"},
        {"nothing after the prefix",
         {{"CARILLON_", ""}},
         "environment variable 'CARILLON_' is not an option; did you mean CARILLON_DEV?"},
        {"the service of Kubernetes",
         {{"CARILLON_SERVICE_HOST", "10.0.0.1"},
          {"CARILLON_SERVICE_PORT", "8000"},
          {"CARILLON_SERVICE_PORT_HTTP", "8000"},
          {"CARILLON_PORT", "tcp://10.0.0.1:8000"},
          {"CARILLON_PORT_8000_TCP", "tcp://10.0.0.1:8000"},
          {"CARILLON_PORT_8000_TCP_PROTO", "tcp"},
          {"CARILLON_PORT_8000_TCP_PORT", "8000"},
          {"CARILLON_PORT_8000_TCP_ADDR", "10.0.0.1"}},
         ""},
        {"a second service of Kubernetes",
         {{"CARILLON_CONTROL_SERVICE_HOST", "10.0.0.1"},
          {"CARILLON_CONTROL_SERVICE_PORT_METRICS", "9000"},
          {"CARILLON_CONTROL_PORT", "tcp://10.0.0.1:9000"},
          {"CARILLON_CONTROL_PORT_9000_TCP_ADDR", "10.0.0.1"}},
         ""},
        {"a port that Kubernetes would not write",
         {{"CARILLON_PORT", "8000"}},
         "environment variable 'CARILLON_PORT' is not an option"},
        {"a port without its protocol",
         {{"CARILLON_PORT_8000", "8000"}},
         "environment variable 'CARILLON_PORT_8000' is not an option"},
        {"a port with another protocol",
         {{"CARILLON_PORT_8000_QUIC", "quic://10.0.0.1:8000"}},
         "environment variable 'CARILLON_PORT_8000_QUIC' is not an option"},
        {"a port with another part",
         {{"CARILLON_PORT_8000_TCP_NAME", "x"}},
         "environment variable 'CARILLON_PORT_8000_TCP_NAME' is not an option"},
        {"a port without digits",
         {{"CARILLON_PORT_TCP", "tcp://10.0.0.1:8000"}},
         "environment variable 'CARILLON_PORT_TCP' is not an option"},
        {"a very long name",
         {{"CARILLON_" + std::string(100'000, 'A'), ""}},
         "environment variable 'CARILLON_" + std::string(71, 'A') + "...' is not an option"},
    };
    for (const auto& [name, variables, expected] : cases) {
        if (expected.empty())
            valid({}, variables);
        else
            EXPECT_EQ(refused({}, variables), expected) << name;
    }
}

TEST(load, development_mode_does_not_spread_the_closes_of_a_shutdown_unless_told_to) {
    EXPECT_EQ(valid({}).drain_window, std::chrono::milliseconds{5000});
    EXPECT_EQ(valid({"--dev"}).drain_window, std::chrono::milliseconds{0});
    EXPECT_EQ(valid({"--dev", "--drain-window-ms=7"}).drain_window, std::chrono::milliseconds{7});
}

TEST(load, development_mode_listens_on_loopback_unless_told_otherwise) {
    const auto listens = [](const settings& values) {
        return to_string(values.client_listen) + " " + to_string(values.control_listen) + " " +
               to_string(*values.bus_listen);
    };
    EXPECT_EQ(listens(valid({"--dev"})), "localhost:8000 localhost:9000 127.0.0.1:6390");
    EXPECT_EQ(listens(valid({}, {{"CARILLON_DEV", "1"}})), "localhost:8000 localhost:9000 127.0.0.1:6390");
    EXPECT_EQ(listens(valid({"--dev", "--client-listen=:8000"})), "[::]:8000 localhost:9000 127.0.0.1:6390");
    EXPECT_EQ(listens(valid({"--dev"}, {{"CARILLON_CONTROL_LISTEN", "[::]:1"}})),
              "localhost:8000 [::]:1 127.0.0.1:6390");
}

TEST(load, values_that_do_not_fit_together_are_refused_with_both_sources) {
    const folder here;
    const auto path = here.file("c.toml", "client_ping_interval_ms = 8_000\n");
    EXPECT_EQ(refused({"--config", path}),
              "client-pong-timeout-ms (8000, the default) must be less than client-ping-interval-ms (8000 from " +
                  path + ":1: client_ping_interval_ms)");
    EXPECT_EQ(valid({"--config", path, "--client-pong-timeout-ms=7999"}).client_pong_timeout, 7999ms);
    EXPECT_EQ(refused({"--bus-listen=127.0.0.1:1"}, {{"CARILLON_CONTROL_LISTEN", ":1"}}),
              "control-listen ([::]:1 from environment variable CARILLON_CONTROL_LISTEN) must not take the address of "
              "bus-listen (127.0.0.1:1 from flag --bus-listen)");
    EXPECT_TRUE(
        refused({"--client-listen=unix:/run/a", "--bus-listen=unix:/run/a"}).starts_with("client-listen (unix:"));
    valid({"--client-listen=unix:/run/a", "--control-listen=unix:/run/b", "--bus-listen=unix:/run/c"});
    valid({"--client-listen=:0", "--control-listen=:0", "--bus-listen=:0"});
    valid({"--client-listen=127.0.0.1:6390", "--bus-listen=off"});
    EXPECT_EQ(refused({"--shards=9", "--work-pool=8"}),
              "work-pool (8 from flag --work-pool) must have a lease for each of shards (9 from flag --shards)");
    EXPECT_EQ(refused({"--client-outbox-bytes-max=135167"}),
              "client-outbox-bytes-max (135167 from flag --client-outbox-bytes-max) must be at least 135168, room for "
              "65536 bytes of small publications and one of bus-payload-bytes-max (65536, the default)");
    valid({"--client-outbox-bytes-max=135168"});
    valid({"--client-outbox-bytes-max=69633", "--bus-payload-bytes-max=1"});
    refused({"--client-outbox-bytes-max=69632", "--bus-payload-bytes-max=1"});
    EXPECT_TRUE(refused({"--bus-query-bytes-max=65536"}).starts_with("bus-query-bytes-max (65536 from flag"));
    EXPECT_TRUE(
        refused({"--bus-upstream-output-bytes-max=65536"}).starts_with("bus-upstream-output-bytes-max (65536 "));
    EXPECT_EQ(refused({"--bus-backoff-min-ms=5001"}),
              "bus-backoff-max-ms (5000, the default) must not be less than bus-backoff-min-ms (5001 from flag "
              "--bus-backoff-min-ms)");
    valid({"--bus-backoff-min-ms=5000"});
    EXPECT_TRUE(refused({"--bus-output-bytes-max=65536"}).starts_with("bus-output-bytes-max (65536 from flag"));
}

outcome load_on(std::size_t cores, std::vector<const char*> flags, program which = program::gateway) {
    flags.insert(flags.begin(), "carillon");
    return load(which, static_cast<int>(flags.size()), flags.data(), {}, cores);
}

struct machine_case {
    const char* name;
    std::vector<const char*> flags;
};

TEST(load, what_is_not_given_fits_every_machine) {
    const machine_case cases[] = {
        {"nothing given", {}},
        {"few leases", {"--work-pool=8"}},
        {"many leases", {"--work-pool=1024"}},
        {"few connections", {"--connections-max=4"}},
        {"pinned", {"--pin-shards"}},
        {"as many shards as there may be", {"--shards=256"}},
        {"one shard", {"--shards=1"}},
    };
    for (const auto which : {program::gateway, program::bus}) {
        for (const auto& [name, flags] : cases) {
            for (std::size_t cores = 1; cores <= 1'024; cores += cores < 20 ? 1 : 59) {
                const auto loaded = load_on(cores, flags, which);
                ASSERT_TRUE(loaded.value.has_value()) << name << " on " << cores << ": " << loaded.text;
                const std::size_t shards = shards_of(*loaded.value, cores);
                ASSERT_GE(shards, 1u) << name << " on " << cores;
                ASSERT_LE(shards, 256u) << name << " on " << cores;
                ASSERT_LE(shards, loaded.value->work_pool) << name << " on " << cores;
                if (loaded.value->shards == 0) { ASSERT_LE(shards, cores) << name << " on " << cores; }
            }
        }
    }
}

TEST(load, shards_are_as_many_as_processors_leases_and_connections_allow) {
    const auto shards_on = [](std::size_t cores, std::vector<const char*> flags) {
        return shards_of(*load_on(cores, std::move(flags)).value, cores);
    };
    EXPECT_EQ(shards_on(7, {}), 7u);
    EXPECT_EQ(shards_on(192, {}), 192u);
    EXPECT_EQ(shards_on(384, {}), 256u);
    EXPECT_EQ(shards_on(9, {"--work-pool=8"}), 8u);
    EXPECT_EQ(shards_on(384, {"--work-pool=1024"}), 256u);
    EXPECT_EQ(shards_on(9, {"--connections-max=4"}), 4u);
    EXPECT_EQ(shards_on(9, {"--shards=12"}), 12u);
    EXPECT_EQ(load_on(64, {}).value->work_pool, 128u);
    EXPECT_EQ(load_on(192, {}).value->work_pool, 192u);
    EXPECT_EQ(load_on(2, {"--shards=200"}).value->work_pool, 200u);
}

TEST(load, pinned_shards_have_a_processor_each) {
    EXPECT_EQ(load_on(2, {"--pin-shards", "--shards=3"}).text,
              "shards (3 from flag --shards) must not be more than the 2 processors that the process may use, with "
              "pin-shards (true from flag --pin-shards)");
    EXPECT_TRUE(load_on(2, {"--pin-shards", "--shards=2"}).value.has_value());
}

TEST(load, help_version_and_check_end_the_program_with_a_text) {
    for (const auto* flag : {"--help", "-h"}) {
        const auto help = load_with({flag, "--unknown"});
        EXPECT_FALSE(help.value.has_value());
        EXPECT_EQ(help.exit_code, 0);
        EXPECT_NE(help.text.find("--client-listen"), std::string::npos);
    }
    const auto version = load_with({"--version"}, {{"CARILLON_SHARDS", "wrong"}});
    EXPECT_EQ(version.text, "carillon " CARILLON_VERSION);
    EXPECT_EQ(version.exit_code, 0);
    const auto check = load_with({"--check-config", "--shards=1"});
    EXPECT_FALSE(check.value.has_value());
    EXPECT_EQ(check.text, "configuration is valid");
    EXPECT_EQ(check.exit_code, 0);
    EXPECT_TRUE(refused({"--check-config", "--shards=x"}).starts_with("flag --shards: "));
    EXPECT_TRUE(load_with({"--check-config=false"}).value.has_value());
}

TEST(environment, the_process_gives_its_carillon_variables_only) {
    ASSERT_EQ(setenv("CARILLON_SHARDS", "2=two", 1), 0);
    ASSERT_EQ(setenv("NOT_CARILLON_SHARDS", "2", 1), 0);
    const auto variables = process_environment();
    ASSERT_EQ(unsetenv("CARILLON_SHARDS"), 0);
    EXPECT_EQ(variables.at("CARILLON_SHARDS"), "2=two");
    for (const auto& [name, value] : variables) EXPECT_TRUE(name.starts_with("CARILLON_")) << name;
}

} // namespace
} // namespace carillon::loading
