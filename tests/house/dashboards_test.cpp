#include "house/dashboards.hpp"
#include "house/documents.hpp"

#include <gtest/gtest.h>

#include <ostream>

namespace carillon::house {
namespace {

using names = std::set<std::string>;

// --- the house as it stands

TEST(dashboards, are_what_grafana_can_show) {
    std::size_t seen = 0;
    for (const source_file& file : read_tree("docker/grafana/dashboards")) {
        ++seen;
        const complaints found = check_dashboard(file);
        EXPECT_TRUE(found.empty()) << joined(found);
    }
    EXPECT_GT(seen, 0u);
}

// That they show nothing else is for documents.name_only_metrics_that_are_exposed.
TEST(dashboards, show_every_metric_that_is_exposed) {
    names shown;
    for (const source_file& file : read_tree("docker/grafana/dashboards")) shown.merge(metrics_shown_by(file));
    for (const std::string& name :
         exposed_metrics(read_file("lib/metrics/shard_metrics.def").text, read_file("lib/metrics/expose.cpp").text)) {
        if (name.ends_with("_sum") || name.ends_with("_count")) continue; // the buckets show the histogram
        EXPECT_TRUE(shown.contains(name)) << "no panel shows " << name;
    }
}

TEST(alerts, are_those_that_the_document_explains) {
    const names rules = alerts_in(read_file("docker/alerts.yml").text);
    EXPECT_FALSE(rules.empty());
    EXPECT_EQ(rules, alerts_named_in(read_file("docs/operations.md").text));
}

// --- the checks themselves

std::string panel_with(std::string_view id, std::string_view place, std::string_view targets) {
    return R"({"type":"timeseries","title":"a","id":)" + std::string{id} + R"(,"gridPos":)" + std::string{place} +
           R"(,"targets":[)" + std::string{targets} + "]}";
}

std::string target(std::string_view expression, std::string_view reference = "A") {
    return R"({"refId":")" + std::string{reference} + R"(","expr":")" + std::string{expression} + "\"}";
}

const std::string left = R"({"x":0,"y":1,"w":12,"h":7})", right = R"({"x":12,"y":1,"w":12,"h":7})";
const std::string gauge = R"(sum(carillon_outboxes{instance=~\"$instance\"}))";
const std::string counter = R"(rate(carillon_sends_total{instance=~\"$instance\"}[$__rate_interval]))";
const std::string row = R"({"type":"row","title":"r","id":9,"gridPos":{"x":0,"y":0,"w":24,"h":1}})";
const std::string good = panel_with("1", left, target(gauge));

struct sample {
    const char* name;
    std::string panels;
    std::size_t complaints_expected;
};

void PrintTo(const sample& each, std::ostream* out) { *out << each.name; }

class checks_of_dashboards : public testing::TestWithParam<sample> {};

TEST_P(checks_of_dashboards, complain_where_they_should) {
    const complaints found = check_dashboard({"a.json", R"({"panels":[)" + GetParam().panels + "]}"});
    EXPECT_EQ(found.size(), GetParam().complaints_expected) << joined(found);
}

const sample samples[] = {
    {"panels_beside_each_other_are_fine", row + "," + good + "," + panel_with("2", right, target(counter)), 0},
    {"what_is_no_JSON_is_found", good + ",", 1},
    {"a_dashboard_without_panels_is_found", "", 1},
    {"two_panels_with_one_id_are_found", good + "," + panel_with("1", right, target(gauge)), 1},
    {"panels_over_each_other_are_found", good + "," + panel_with("2", R"({"x":11,"y":7,"w":12,"h":7})", target(gauge)),
     1},
    {"panels_that_touch_are_fine", good + "," + panel_with("2", R"({"x":0,"y":8,"w":12,"h":7})", target(gauge)), 0},
    {"a_panel_over_the_width_is_found", panel_with("1", R"({"x":13,"y":1,"w":12,"h":7})", target(gauge)), 1},
    {"a_panel_without_a_place_is_found", panel_with("1", "null", target(gauge)), 1},
    {"a_panel_without_queries_is_found", panel_with("1", left, ""), 1},
    {"two_queries_of_one_name_are_found", panel_with("1", left, target(gauge) + "," + target(gauge)), 1},
    {"two_queries_are_fine", panel_with("1", left, target(gauge) + "," + target(gauge, "B")), 0},
    {"a_panel_without_a_title_is_found", R"({"type":"row","id":9,"gridPos":{"x":0,"y":0,"w":24,"h":1}})", 1},
    {"a_query_without_a_metric_is_found", panel_with("1", left, target("time()")), 1},
    {"a_query_of_all_gateways_is_found", panel_with("1", left, target("sum(carillon_outboxes)")), 1},
    {"one_that_is_so_in_part_is_found", panel_with("1", left, target(gauge + " / carillon_channels")), 1},
    {"a_counter_without_rate_is_found",
     panel_with("1", left, target(R"(sum(carillon_sends_total{instance=~\"$instance\"}))")), 1},
    {"a_rate_over_a_fixed_time_is_found",
     panel_with("1", left, target(R"(rate(carillon_sends_total{instance=~\"$instance\"}[5m]))")), 2},
    {"the_rate_of_a_gauge_is_found",
     panel_with("1", left, target(R"(rate(carillon_outboxes{instance=~\"$instance\"}[$__rate_interval]))")), 1},
};

INSTANTIATE_TEST_SUITE_P(samples, checks_of_dashboards, testing::ValuesIn(samples),
                         [](const auto& each) { return std::string{each.param.name}; });

TEST(checks_of_what_is_shown, metrics_are_those_of_queries) {
    const std::string text = R"({"panels":[)" + row + "," + panel_with("1", left, target(counter + " / " + gauge)) +
                             R"(],"description":"carillon_channels"})";
    EXPECT_EQ(metrics_shown_by({"a.json", text}), (names{"carillon_outboxes", "carillon_sends_total"}));
    EXPECT_EQ(metrics_shown_by({"a.json", "no JSON"}), names{});
}

TEST(checks_of_what_is_shown, names_are_found_where_they_stand) {
    EXPECT_EQ(alerts_in("  - alert: CarillonLate\n    expr: x\n  - alert: CarillonDown\n"),
              (names{"CarillonDown", "CarillonLate"}));
    EXPECT_EQ(alerts_named_in("| `CarillonLate` | `carillon_outboxes` | Carillon, CarillonDown"),
              names{"CarillonLate"});
}

} // namespace
} // namespace carillon::house
