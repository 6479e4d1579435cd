#include "metrics/expose.hpp"
#include "metrics/exposition_reader.hpp"
#include "support/allocations.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <random>
#include <set>
#include <type_traits>

namespace carillon::metrics {
namespace {

using testing::exposition;
using testing::labels;
using testing::read_exposition;

exposition exposed(std::span<const shard_counters> shards, const process_facts& facts = {}) {
    const std::vector<std::optional<shard_counters>> answers(shards.begin(), shards.end());
    auto read = read_exposition(expose(answers, facts));
    EXPECT_EQ(read.problem, "");
    return read;
}

process_facts known_facts() {
    process_facts facts;
    facts.resident_memory_bytes = 1 << 20;
    facts.open_fds = 7;
    facts.fds_max = 1024;
    facts.start_time_seconds = 1.5e9 + 0.25;
    facts.cpu_seconds = 0.5;
    facts.connections_limit = 1000;
    facts.memory_used_bytes = 1 << 20;
    facts.memory_limit_bytes = 1 << 30;
    facts.control_tls_handshakes.emplace();
    return facts;
}

TEST(exposition, a_shard_that_does_not_answer_leaves_the_others_their_numbers) {
    std::vector<std::optional<shard_counters>> answers(3);
    answers[2].emplace();
    answers[2]->sends = 7;
    const auto read = read_exposition(expose(answers, {}));
    ASSERT_EQ(read.problem, "");
    EXPECT_EQ(read.value("carillon_sends_total", {{"shard", "2"}}), 7);
    EXPECT_FALSE(read.value("carillon_sends_total", {{"shard", "0"}}).has_value());
    EXPECT_FALSE(read.value("carillon_sends_total", {{"shard", "1"}}).has_value());
}

TEST(exposition, targets_outside_have_a_series_each) {
    outward_facts some[2];
    some[0].target = "jwks";
    some[0].requests(outward_outcome::ok) = 3;
    some[0].durations.observe(std::chrono::milliseconds{2});
    some[1].target = "proxy_1";
    some[1].waiting = 5;
    some[1].broken = true;
    some[1].events = {.told = 7, .dropped = 1, .waiting = 2};
    const auto read = read_exposition(expose({}, {}, nullptr, nullptr, some));
    ASSERT_EQ(read.problem, "");
    EXPECT_EQ(read.value("carillon_outward_requests_total", {{"target", "jwks"}, {"outcome", "ok"}}), 3);
    EXPECT_EQ(read.value("carillon_outward_requests_total", {{"target", "proxy_1"}, {"outcome", "broken"}}), 0);
    EXPECT_EQ(read.value("carillon_outward_duration_seconds_count", {{"target", "jwks"}}), 1);
    EXPECT_EQ(read.value("carillon_outward_waiting", {{"target", "proxy_1"}}), 5);
    EXPECT_EQ(read.value("carillon_outward_broken", {{"target", "jwks"}}), 0);
    EXPECT_EQ(read.value("carillon_outward_broken", {{"target", "proxy_1"}}), 1);
    EXPECT_EQ(read.value("carillon_events_told_total", {{"target", "proxy_1"}}), 7);
    EXPECT_EQ(read.value("carillon_events_dropped_total", {{"target", "proxy_1"}}), 1);
    EXPECT_EQ(read.value("carillon_events_waiting", {{"target", "proxy_1"}}), 2);
    EXPECT_FALSE(read.value("carillon_events_waiting", {{"target", "jwks"}}).has_value());
}

TEST(exposition, every_family_has_help_a_known_type_and_a_name_that_follows_the_rules) {
    const shard_counters shards[2];
    const auto read = exposed(shards, known_facts());
    EXPECT_GT(read.families.size(), 40u);
    for (const auto& [name, family] : read.families) {
        EXPECT_TRUE(name.starts_with("carillon_") || name.starts_with("process_")) << name;
        EXPECT_EQ(name.find_first_not_of("abcdefghijklmnopqrstuvwxyz_"), std::string::npos) << name;
        EXPECT_EQ((name + '_').find("__"), std::string::npos) << name;
        EXPECT_GT(family.help.size(), 10u) << name;
        EXPECT_TRUE(family.help.ends_with('.')) << name << ": " << family.help;
        EXPECT_TRUE((std::set<std::string>{"counter", "gauge", "histogram"}.contains(family.type))) << name;
        EXPECT_EQ(name.ends_with("_total"), family.type == "counter") << name;
        EXPECT_EQ(name.starts_with("carillon_") && name.ends_with("_seconds"), family.type == "histogram") << name;
        EXPECT_FALSE(family.samples.empty()) << name;
    }
}

TEST(exposition, the_families_are_those_that_dashboards_ask_for) {
    std::string_view expected[] = {"carillon_accept_errors_total",
                                   "carillon_addresses",
                                   "carillon_addresses_uncounted_total",
                                   "carillon_connections_refused_total",
                                   "carillon_connections_taken_over_total",
                                   "carillon_memory_limit_bytes",
                                   "carillon_memory_used_bytes",
                                   "carillon_auth_timeouts_total",
                                   "carillon_build_info",
                                   "carillon_bus_tls_handshakes_total",
                                   "carillon_control_tls_handshakes_total",
                                   "carillon_bytes_received_total",
                                   "carillon_bytes_sent_total",
                                   "carillon_channels",
                                   "carillon_command_errors_total",
                                   "carillon_commands_total",
                                   "carillon_connections_accepted_total",
                                   "carillon_connections_closed_total",
                                   "carillon_compressions_agreed_total",
                                   "carillon_messages_deflated_total",
                                   "carillon_deflated_bytes_before_total",
                                   "carillon_deflated_bytes_after_total",
                                   "carillon_messages_inflated_total",
                                   "carillon_inflated_bytes_before_total",
                                   "carillon_inflated_bytes_after_total",
                                   "carillon_connections_limit",
                                   "carillon_connections_open",
                                   "carillon_deliveries_total",
                                   "carillon_deliveries_waiting",
                                   "carillon_delivery_bytes_waiting",
                                   "carillon_farewells",
                                   "carillon_farewells_cut_short_total",
                                   "carillon_idempotency_keys",
                                   "carillon_idempotency_keys_evicted_total",
                                   "carillon_joins_and_leaves_not_told_total",
                                   "carillon_joins_and_leaves_total",
                                   "carillon_leaves_waiting",
                                   "carillon_leaves_taken_back_total",
                                   "carillon_deltas_total",
                                   "carillon_publications_without_delta_total",
                                   "carillon_delta_bytes_before_total",
                                   "carillon_delta_bytes_after_total",
                                   "carillon_delta_memory_bytes",
                                   "carillon_filters",
                                   "carillon_filters_refused_total",
                                   "carillon_publications_filtered_total",
                                   "carillon_log_lines_dropped_total",
                                   "carillon_drain_clients_left",
                                   "carillon_reloads_total",
                                   "carillon_drain_closes_per_second",
                                   "carillon_drain_seconds_left",
                                   "carillon_messages_received_total",
                                   "carillon_netpoll_events_total",
                                   "carillon_netpoll_wakeups_total",
                                   "carillon_outbox_bytes",
                                   "carillon_outboxes",
                                   "carillon_partial_bytes",
                                   "carillon_patterns",
                                   "carillon_pings_sent_total",
                                   "carillon_pong_timeouts_total",
                                   "carillon_pongs_received_total",
                                   "carillon_presence_entries",
                                   "carillon_protocol_failures_total",
                                   "carillon_publications_as_text_total",
                                   "carillon_publications_dropped_total",
                                   "carillon_publications_refused_total",
                                   "carillon_publications_total",
                                   "carillon_recoveries_total",
                                   "carillon_refusals_not_logged_total",
                                   "carillon_resp_commands_total",
                                   "carillon_resp_errors_total",
                                   "carillon_send_again_total",
                                   "carillon_sends_total",
                                   "carillon_shard_loop_lag_seconds",
                                   "carillon_slow_consumers_total",
                                   "carillon_stream_bytes",
                                   "carillon_stream_publications",
                                   "carillon_stream_publications_evicted_total",
                                   "carillon_streams",
                                   "carillon_streams_evicted_total",
                                   "carillon_subscriptions",
                                   "carillon_subscriptions_cut_total",
                                   "carillon_subscriptions_expired_total",
                                   "carillon_tls_connections",
                                   "carillon_tls_handshakes_in_flight",
                                   "carillon_tls_handshakes_total",
                                   "carillon_tls_relays",
                                   "carillon_token_memory_bytes",
                                   "carillon_token_memory_entries",
                                   "carillon_token_memory_evictions_total",
                                   "carillon_token_memory_hits_total",
                                   "carillon_token_memory_misses_total",
                                   "carillon_tokens_accepted_total",
                                   "carillon_tokens_refused_total",
                                   "carillon_turn_waiting",
                                   "carillon_turn_waits_total",
                                   "carillon_turns_cut_short_total",
                                   "carillon_upgrade_refused_total",
                                   "carillon_upgrades_total",
                                   "carillon_wildcards",
                                   "carillon_work_pool_leases",
                                   "carillon_work_pool_leases_used",
                                   "carillon_work_pool_waiting",
                                   "carillon_work_pool_waits_total",
                                   "process_cpu_seconds_total",
                                   "process_max_fds",
                                   "process_open_fds",
                                   "process_resident_memory_bytes",
                                   "process_start_time_seconds"};
    const auto read = exposed(std::vector<shard_counters>(1), known_facts());
    for (const auto name : expected) EXPECT_TRUE(read.families.contains(std::string{name})) << name;
    EXPECT_EQ(read.families.size(), std::size(expected)) << "a new metric is missing from this list";
}

TEST(exposition, labels_are_few_and_no_series_appears_twice) {
    const shard_counters shards[3];
    for (const auto& [name, family] : exposed(shards).families) {
        std::set<std::pair<std::string, labels>> seen;
        for (const auto& sample : family.samples) {
            EXPECT_TRUE(seen.emplace(sample.name, sample.with).second) << name;
            EXPECT_LE(sample.with.size(), 3u) << name;
            for (const auto& [label, value] : sample.with) {
                EXPECT_TRUE(
                    (std::set<std::string>{"shard", "kind", "code", "reason", "status", "method", "source", "command",
                                           "outcome", "result", "le", "version", "compiler", "namespace"}
                         .contains(label)))
                    << name << ' ' << label;
                EXPECT_NE(value, "") << name << ' ' << label;
            }
        }
        EXPECT_LE(seen.size(), 3u * 40u) << name;
    }
}

TEST(exposition, a_shard_is_told_by_its_label) {
    shard_counters shards[3];
    ++shards[0].upgrades;
    shards[2].upgrades += 5;
    shards[1].outbox_bytes = 70;
    shards[1].outbox_bytes -= 30;
    const auto read = exposed(shards);
    EXPECT_EQ(read.value("carillon_upgrades_total", {{"shard", "0"}}), 1);
    EXPECT_EQ(read.value("carillon_upgrades_total", {{"shard", "1"}}), 0);
    EXPECT_EQ(read.value("carillon_upgrades_total", {{"shard", "2"}}), 5);
    EXPECT_EQ(read.value("carillon_outbox_bytes", {{"shard", "1"}}), 40);
    EXPECT_EQ(read.sum("carillon_upgrades_total"), 6);
}

TEST(exposition, labelled_counters_count_under_their_own_label) {
    shard_counters shard;
    ++shard.connections_open(connection_kind::websocket);
    --shard.connections_open(connection_kind::resp);
    ++shard.connections_closed(1001);
    shard.connections_closed(3012) += 2;
    ++shard.connections_closed.resp();
    ++shard.accept_errors(accept_error::no_lease);
    ++shard.upgrade_refused(426);
    ++shard.commands(command_method::sub_refresh);
    ++shard.command_errors(113);
    ++shard.resp_commands("publish");
    const auto read = exposed({&shard, 1});
    EXPECT_EQ(read.value("carillon_connections_open", {{"shard", "0"}, {"kind", "websocket"}}), 1);
    EXPECT_EQ(read.value("carillon_connections_open", {{"shard", "0"}, {"kind", "resp"}}), -1);
    const std::string closed = "carillon_connections_closed_total";
    EXPECT_EQ(read.value(closed, {{"shard", "0"}, {"kind", "websocket"}, {"code", "1001"}}), 1);
    EXPECT_EQ(read.value(closed, {{"shard", "0"}, {"kind", "websocket"}, {"code", "3012"}}), 2);
    EXPECT_EQ(read.value(closed, {{"shard", "0"}, {"kind", "resp"}, {"code", "none"}}), 1);
    EXPECT_EQ(read.sum(closed), 4);
    EXPECT_EQ(read.value("carillon_accept_errors_total", {{"shard", "0"}, {"reason", "no_lease"}}), 1);
    EXPECT_EQ(read.value("carillon_upgrade_refused_total", {{"shard", "0"}, {"status", "426"}}), 1);
    EXPECT_EQ(read.value("carillon_commands_total", {{"shard", "0"}, {"method", "sub_refresh"}}), 1);
    EXPECT_EQ(read.value("carillon_command_errors_total", {{"shard", "0"}, {"code", "113"}}), 1);
    EXPECT_EQ(read.value("carillon_resp_commands_total", {{"shard", "0"}, {"command", "publish"}}), 1);
}

TEST(exposition, codes_and_names_that_peers_made_up_land_in_other) {
    shard_counters shard;
    const auto series = exposed({&shard, 1}).families.at("carillon_connections_closed_total").samples.size();
    for (int code = -5; code < 70'000; ++code) ++shard.connections_closed(code);
    for (const int code : {0, 99, 114, 400, 1'000'000, std::numeric_limits<int>::min()}) ++shard.command_errors(code);
    for (const auto* name : {"", "PUBLISH", "publis", "publishh", "flushall"}) ++shard.resp_commands(name);
    ++shard.upgrade_refused(200);
    const auto read = exposed({&shard, 1});
    const auto& closed = read.families.at("carillon_connections_closed_total");
    EXPECT_EQ(closed.samples.size(), series);
    EXPECT_EQ(read.sum("carillon_connections_closed_total"), 70'005);
    EXPECT_EQ(read.sum("carillon_connections_closed_total", {{"code", "3500"}}), 1);
    EXPECT_EQ(read.sum("carillon_connections_closed_total", {{"code", "other"}}),
              70'005 - static_cast<double>(series - 2));
    EXPECT_EQ(read.sum("carillon_command_errors_total", {{"code", "other"}}), 6);
    EXPECT_EQ(read.sum("carillon_resp_commands_total", {{"command", "other"}}), 5);
    EXPECT_EQ(read.sum("carillon_upgrade_refused_total", {{"status", "other"}}), 1);
}

TEST(exposition, large_counts_and_fractions_keep_their_digits) {
    shard_counters shard;
    shard.bytes_sent = (std::uint64_t{1} << 53) - 1;
    const auto read = exposed({&shard, 1}, known_facts());
    EXPECT_EQ(read.sum("carillon_bytes_sent_total"), 9007199254740991.0);
    EXPECT_EQ(read.value("process_start_time_seconds", {}), 1.5e9 + 0.25);
}

TEST(exposition, a_fact_that_is_not_known_is_left_out) {
    const shard_counters shard;
    auto facts = known_facts();
    EXPECT_EQ(exposed({&shard, 1}, facts).value("process_open_fds", {}), 7);
    facts.open_fds = 0;
    EXPECT_FALSE(exposed({&shard, 1}, facts).families.contains("process_open_fds"));
}

TEST(exposition, build_info_names_version_and_compiler_whatever_is_in_them) {
    auto facts = known_facts();
    facts.version = "1.2.3";
    facts.compiler = "a \"quoted\" back\\slash\nand a second line";
    const auto read = exposed({}, facts);
    EXPECT_EQ(read.value("carillon_build_info", {{"version", "1.2.3"}, {"compiler", facts.compiler}}), 1);
}

TEST(exposition, sums_agree_with_a_simple_model_after_a_random_history) {
    std::mt19937 random{17};
    std::vector<shard_counters> shards(4);
    std::map<std::pair<std::size_t, int>, double> errors;
    double bytes = 0, open = 0;
    for (int step = 0; step < 10'000; ++step) {
        const std::size_t index = random() % shards.size();
        const int code = 98 + static_cast<int>(random() % 18);
        const std::uint64_t size = random() % 1'000;
        ++shards[index].command_errors(code);
        ++errors[{index, code < 100 || code > 113 ? -1 : code}];
        shards[index].bytes_received += size;
        bytes += static_cast<double>(size);
        const int change = size % 2 == 0 ? 1 : -1;
        shards[index].connections_open(connection_kind::websocket) += change;
        open += change;
    }
    const auto read = exposed(shards);
    EXPECT_EQ(read.sum("carillon_bytes_received_total"), bytes);
    EXPECT_EQ(read.sum("carillon_connections_open"), open);
    EXPECT_EQ(read.sum("carillon_command_errors_total"), 10'000);
    for (const auto& [key, count] : errors) {
        const auto code = key.second == -1 ? std::string{"other"} : std::to_string(key.second);
        const labels with{{"shard", std::to_string(key.first)}, {"code", code}};
        EXPECT_EQ(read.value("carillon_command_errors_total", with), count) << code;
    }
}

TEST(counters, a_copy_is_a_snapshot) {
    static_assert(std::is_trivially_copyable_v<shard_counters>);
    shard_counters live;
    ++live.sends;
    const shard_counters snapshot = live;
    ++live.sends;
    EXPECT_EQ(snapshot.sends, 1u);
    EXPECT_EQ(live.sends, 2u);
}

TEST(counters, counting_allocates_nothing) {
    shard_counters shard;
    EXPECT_EQ(test::allocations_during([&] {
                  ++shard.upgrades;
                  ++shard.connections_closed(4999);
                  ++shard.commands(command_method::publish);
                  ++shard.resp_commands("publish");
                  shard.shard_loop_lag.observe(std::chrono::milliseconds{3});
              }),
              0u);
}

TEST(counters, an_enumerator_that_does_not_exist_is_a_bug_of_ours) {
    shard_counters shard;
    EXPECT_DEATH(++shard.commands(static_cast<command_method>(200)), "check failed");
}

} // namespace
} // namespace carillon::metrics
