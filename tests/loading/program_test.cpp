#include "config/option.hpp"
#include "config/value.hpp"
#include "loading/loading.hpp"

#include <set>

namespace carillon::loading {
namespace {

TEST(program, the_bus_has_these_options_and_the_gateway_all) {
    const std::set<std::string_view> expected{
        "config",
        "control_listen",
        "bus_listen",
        "listen_backlog",
        "shards",
        "work_pool",
        "read_buffer_bytes",
        "accept_wait_ms",
        "connections_max",
        "shutdown_timeout_ms",
        "drain_delay_ms",
        "drain_window_ms",
        "turn_time_ms",
        "deliveries_per_turn",
        "deliveries_waiting_max",
        "delivery_bytes_waiting_max",
        "farewells_max",
        "client_channel_bytes_max",
        "client_close_timeout_ms",
        "bus_password",
        "bus_password_file",
        "bus_connections_max",
        "bus_query_bytes_max",
        "bus_arguments_max",
        "bus_subscriptions_max",
        "bus_transaction_commands_max",
        "bus_output_bytes_max",
        "bus_payload_bytes_max",
        "bus_auth_timeout_ms",
        "bus_keepalive_s",
        "control_connections_max",
        "control_request_timeout_ms",
        "livez_stall_ms",
        "log_level",
        "pin_shards",
        "log_format",
        "log_queue_bytes_max",
        "tls_certificate_files",
        "tls_key_files",
        "tls_ports",
        "tls_control_client_ca_file",
        "tls_bus_client_ca_file",
        "tls_min_version",
        "tls_handshakes_max",
    };
    std::set<std::string_view> found;
    for (const auto& row : options_of(program::bus)) found.insert(row.key);
    EXPECT_EQ(found, expected);
    for (const auto& row : options()) EXPECT_TRUE(has(program::gateway, row)) << row.key;
}

TEST(program, each_takes_its_own_options_and_no_others_from_every_source) {
    const folder here;
    for (const auto& row : options()) {
        if (row.key == "config" || row.key.ends_with("_file")) continue; // these name files
        const bool is_bus = row.key == "bus", quoted = !is_number(row) && !is_boolean(row);
        const std::string element = row.key == "client_transports"       ? "sse"
                                    : row.key == "trusted_proxies"       ? "10.0.0.0/8"
                                    : row.key == "trusted_proxy_headers" ? "X-Forwarded-For"
                                                                         : "https://a";
        const auto text = is_bus ? "redis://bus" : is_list(row) ? element : text_of(settings{}, row);
        const std::string value = is_list(row) ? "['" + element + "']" : quoted ? "'" + text + "'" : text;
        const auto path = here.file("c.toml", std::string{row.key} + " = " + value);
        const arguments flag{flag_of(row) + "=" + text}, file{"--config", path};
        const environment variable{{variable_of(row), text}};
        valid(flag);
        valid({}, variable);
        valid(file);
        if (has(program::bus, row)) {
            valid_for(program::bus, flag);
            valid_for(program::bus, {}, variable);
            valid_for(program::bus, file);
            continue;
        }
        const std::string why = "; carillon has it, carillon-bus has not";
        EXPECT_EQ(refused_by(program::bus, flag), "flag '" + flag_of(row) + "' is not known" + why);
        EXPECT_EQ(refused_by(program::bus, {}, variable),
                  "environment variable '" + variable_of(row) + "' is not an option" + why);
        EXPECT_EQ(refused_by(program::bus, file), path + ":1: '" + std::string{row.key} + "' is not an option" + why);
    }
}

TEST(program, the_bus_always_has_its_door) {
    const auto values = valid_for(program::bus, {});
    ASSERT_TRUE(values.bus_listen.has_value());
    EXPECT_EQ(to_string(*values.bus_listen), "127.0.0.1:6390");
    EXPECT_EQ(to_string(values.control_listen), "[::]:9000");
    EXPECT_FALSE(values.bus.has_value());
    EXPECT_EQ(refused_by(program::bus, {"--bus-listen=off"}),
              "bus-listen (off from flag --bus-listen) must be an address: without it carillon-bus does nothing");
    EXPECT_EQ(refused_by(program::bus, {}, {{"CARILLON_BUS_LISTEN", ""}}),
              "bus-listen (off from environment variable CARILLON_BUS_LISTEN) must be an address: without it "
              "carillon-bus does nothing");
    EXPECT_EQ(valid_for(program::bus, {"--bus-password=ring"}).bus_password, "ring");
}

struct rule_case {
    const char* name;
    arguments flags;
    bool bus_takes;
};

TEST(program, rules_about_options_that_the_bus_does_not_have_do_not_bind_it) {
    // The gateway refuses each of them.
    const rule_case cases[] = {
        {"the door where clients would connect", {"--bus-listen=:8000"}, true},
        {"the control door where clients would connect", {"--control-listen=:8000"}, true},
        {"publications larger than a client's outbox",
         {"--bus-payload-bytes-max=1048576", "--bus-query-bytes-max=2000000"},
         true},
        {"two doors at one address", {"--bus-listen=:9000"}, false},
        {"fewer leases than shards", {"--shards=9", "--work-pool=8"}, false},
        {"publications larger than a command", {"--bus-payload-bytes-max=65536", "--bus-query-bytes-max=65536"}, false},
        {"publications larger than the output queue", {"--bus-output-bytes-max=65536"}, false},
    };
    for (const auto& [name, flags, bus_takes] : cases) {
        refused(flags);
        const auto outcome = load_for(program::bus, flags);
        EXPECT_EQ(outcome.value.has_value(), bus_takes) << name << ": " << outcome.text;
    }
}

TEST(program, each_says_its_own_name) {
    EXPECT_EQ(load_for(program::gateway, {"--version"}).text, "carillon " CARILLON_VERSION);
    EXPECT_EQ(load_for(program::bus, {"--version"}).text, "carillon-bus " CARILLON_VERSION);
    EXPECT_TRUE(load_for(program::bus, {"-h"}).text.starts_with("carillon-bus " CARILLON_VERSION ": "));
    EXPECT_EQ(load_for(program::bus, {"--check-config"}).text, "configuration is valid");
    const char* argv[] = {"carillon-bus", "--version"}; // the name it is called by does not decide
    EXPECT_EQ(load(2, argv, {}).text, "carillon " CARILLON_VERSION);
}

struct health_case {
    const char* name;
    arguments flags;
    std::string page; ///< empty: refused
};

TEST(program, health_is_asked_of_the_program_that_runs_with_the_same_configuration) {
    const health_case cases[] = {
        {"the flag", {"--health"}, "readyz"},
        {"a word for it", {"health"}, "readyz"},
        {"with the address", {"health", "--control-listen=127.0.0.1:9001"}, "readyz"},
        {"another page", {"--health=livez"}, "livez"},
        {"the same page by its name", {"--health=readyz"}, "readyz"},
        {"no page", {"--health=metrics"}, ""},
        {"the word elsewhere", {"--dev", "health"}, ""},
    };
    for (const auto& [name, flags, page] : cases) {
        const auto outcome = load_for(program::gateway, flags);
        EXPECT_EQ(outcome.value.has_value(), !page.empty()) << name << ": " << outcome.text;
        EXPECT_EQ(outcome.health, page) << name;
    }
    EXPECT_EQ(valid_for(program::bus, {"--health", "--control-listen=127.0.0.1:9001"}).control_listen.port, 9001);
    EXPECT_EQ(refused({"--health=metrics"}), "flag --health: 'metrics' is not a page; give readyz or livez");
    EXPECT_EQ(load_for(program::gateway, {}).health, "");
}

TEST(program, a_suggestion_is_an_option_of_the_program) {
    EXPECT_EQ(refused({"--client-listne=x"}), "flag '--client-listne' is not known; did you mean --client-listen?");
    EXPECT_EQ(refused_by(program::bus, {"--client-listne=x"}), "flag '--client-listne' is not known");
    EXPECT_EQ(refused_by(program::bus, {"--bus-listne=x"}),
              "flag '--bus-listne' is not known; did you mean --bus-listen?");
    EXPECT_EQ(refused_by(program::bus, {"--versoin"}), "flag '--versoin' is not known; did you mean --version?");
}

} // namespace
} // namespace carillon::loading
