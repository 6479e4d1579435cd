#include "house/documents.hpp"

#include <gtest/gtest.h>

namespace carillon::house {
namespace {

// --- the house as it stands

TEST(documents, name_only_metrics_that_are_exposed) {
    const auto exposed =
        exposed_metrics(read_file("lib/metrics/shard_metrics.def").text, read_file("lib/metrics/expose.cpp").text);
    std::vector<source_file> files = read_tree("docker");
    files.push_back(read_file("docs/operations.md"));
    std::size_t named = 0;
    for (const source_file& file : files) {
        named += metrics_named_in(file.text).size();
        const complaints found = check_metrics(file, exposed);
        EXPECT_TRUE(found.empty()) << joined(found);
    }
    EXPECT_GT(named, 0u);
}

TEST(documents, tell_of_every_metric_that_is_exposed) {
    const auto exposed =
        exposed_metrics(read_file("lib/metrics/shard_metrics.def").text, read_file("lib/metrics/expose.cpp").text);
    const auto named = metrics_named_in(read_file("docs/operations.md").text);
    for (const std::string& name : exposed) {
        if (name.ends_with("_sum") || name.ends_with("_count")) continue; // the histogram is named by its buckets
        EXPECT_TRUE(named.contains(name)) << "docs/operations.md says nothing of " << name;
    }
}

TEST(documents, link_to_files_that_exist) {
    std::vector<source_file> files = read_tree("docs");
    for (const char* path : {"README.md", "CHANGELOG.md"}) files.push_back(read_file(path));
    for (const source_file& file : files) {
        if (!file.ends_in(".md")) continue;
        const complaints found = check_links(file, [](const std::string& path) { return exists(path); });
        EXPECT_TRUE(found.empty()) << joined(found);
    }
}

TEST(documents, are_all_in_the_index_of_their_folder) {
    for (const std::string folder : {"docs", "docs/guide"}) {
        const std::string index = read_file(folder + "/README.md").text;
        for (const source_file& file : read_tree(folder)) {
            const std::string name = file.path.substr(folder.size() + 1);
            if (!file.ends_in(".md") || name == "README.md" || name.find('/') != name.npos) continue;
            EXPECT_NE(index.find('(' + name), index.npos) << folder << "/README.md has no link to " << name;
        }
    }
}

// --- the checks themselves

TEST(checks_of_documents, exposed_names_follow_their_kind) {
    const auto names = exposed_metrics("// COUNTER(member, help)\n"
                                       "COUNTER(sends, \"...\")\n"
                                       "GAUGE(channels, \"...\")\n"
                                       "HISTOGRAM(lag, \"...\")\n"
                                       "LABELLED_COUNTER(by<command_method>, commands, \"...\", \"method\")\n"
                                       "LABELLED_GAUGE(open_counts, connections_open, \"...\", \"kind\")\n",
                                       "add(\"carillon_\" #member); fact(gauge, \"process_open_fds\", facts);");
    EXPECT_EQ(names,
              (std::set<std::string>{"carillon_sends_total", "carillon_channels", "carillon_lag_seconds_bucket",
                                     "carillon_lag_seconds_sum", "carillon_lag_seconds_count",
                                     "carillon_commands_total", "carillon_connections_open", "process_open_fds"}));
}

TEST(checks_of_documents, a_spelled_out_duration_is_a_histogram) {
    const auto names = exposed_metrics("", R"(add("carillon_x_duration_seconds"))");
    EXPECT_EQ(names, (std::set<std::string>{"carillon_x_duration_seconds_bucket", "carillon_x_duration_seconds_count",
                                            "carillon_x_duration_seconds_sum"}));
}

TEST(checks_of_documents, a_metric_that_nobody_exposes_is_found) {
    const std::set<std::string> exposed{"carillon_sends_total"};
    EXPECT_TRUE(check_metrics({"a.md", "rate(carillon_sends_total{shard=\"0\"}[5m])"}, exposed).empty());
    EXPECT_EQ(check_metrics({"a.md", "carillon_sends"}, exposed).size(), 1u);
    EXPECT_EQ(check_metrics({"a.md", "sum(process_open_fds)/carillon_sends_total"}, exposed).size(), 1u);
}

TEST(checks_of_documents, a_dead_link_is_found) {
    const auto only_this = [](const std::string& path) { return path == "docs/bus.md"; };
    const auto dead = [&](std::string path, std::string text) { return check_links({path, text}, only_this).size(); };
    EXPECT_EQ(dead("README.md", "[bus](docs/bus.md) and [part](docs/bus.md#limits), [web](https://example.org)"), 0u);
    EXPECT_EQ(dead("docs/style.md", "[bus](bus.md), [above](../docs/bus.md), [here](#limits)"), 0u);
    EXPECT_EQ(dead("docs/style.md", "[bus](docs/bus.md)"), 1u);
    EXPECT_EQ(dead("README.md", "[gone](docs/gone.md)"), 1u);
}

} // namespace
} // namespace carillon::house
