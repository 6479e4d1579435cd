#include "config/option.hpp"
#include "config/value.hpp"
#include "loading/sources.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <sstream>

namespace carillon::loading {
namespace {

TEST(options, names_are_unlike_each_other_and_have_three_regular_forms) {
    std::set<std::string_view> keys;
    for (const auto& row : options()) {
        EXPECT_TRUE(keys.insert(row.key).second) << row.key;
        EXPECT_EQ(row.key.find_first_not_of("abcdefghijklmnopqrstuvwxyz_"), std::string_view::npos) << row.key;
        EXPECT_EQ(find_option(row.key), &row);
        EXPECT_TRUE(row.help.ends_with('.')) << row.key;
    }
    const auto* row = find_option("client_ping_interval_ms");
    ASSERT_NE(row, nullptr);
    EXPECT_EQ(flag_of(*row), "--client-ping-interval-ms");
    EXPECT_EQ(variable_of(*row), "CARILLON_CLIENT_PING_INTERVAL_MS");
    EXPECT_EQ(find_option("client_ping_interval"), nullptr);
}

TEST(options, the_settings_are_all_in_the_table) {
    // Every member has at least one place; a new member without a row changes the size and not the sum.
    struct size_of {
        std::size_t operator()(bool settings::*) const { return 8; } // with its padding
        std::size_t operator()(log_level settings::*) const { return 1; }
        std::size_t operator()(log_format settings::*) const { return 7; }
        std::size_t operator()(std::size_t settings::*) const { return sizeof(std::size_t); }
        std::size_t operator()(std::chrono::milliseconds settings::*) const {
            return sizeof(std::chrono::milliseconds);
        }
        std::size_t operator()(std::string settings::*) const { return sizeof(std::string); }
        std::size_t operator()(address settings::*) const { return sizeof(address); }
        std::size_t operator()(std::optional<address> settings::*) const { return sizeof(std::optional<address>); }
        std::size_t operator()(std::optional<redis_address> settings::*) const {
            return sizeof(std::optional<redis_address>);
        }
        std::size_t operator()(std::vector<std::string> settings::*) const { return sizeof(std::vector<std::string>); }
    };
    std::size_t sum =
        sizeof(settings::namespaces) + sizeof(settings::proxies) + sizeof(settings::api_keys); // tables of the file
    for (const auto& row : options()) sum += std::visit(size_of{}, row.target);
    EXPECT_EQ(sum, sizeof(settings));
}

TEST(options, every_default_is_a_value_that_may_be_given) {
    for (const auto& row : options()) {
        const auto text = text_of(settings{}, row);
        settings read;
        const std::string texts[] = {text};
        const bool empty_list = is_list(row) && text.empty();
        EXPECT_EQ(assign(read, row, std::span{texts, empty_list ? 0u : 1u}), std::nullopt) << row.key;
        EXPECT_EQ(text_of(read, row), text) << row.key;
    }
}

TEST(options, a_number_is_taken_from_its_least_to_its_most_and_nothing_beyond) {
    for (const auto& row : options()) {
        if (!is_number(row)) continue;
        const auto takes = [&](const std::string& text) {
            settings read;
            const auto before = text_of(read, row);
            const bool taken = !assign(read, row, std::span{&text, 1});
            EXPECT_EQ(text_of(read, row), taken ? text : before) << row.key;
            return taken;
        };
        EXPECT_LT(row.least, row.most) << row.key;
        EXPECT_NE(row.unit, "") << row.key;
        EXPECT_TRUE(takes(std::to_string(row.least))) << row.key;
        EXPECT_TRUE(takes(std::to_string(row.most))) << row.key;
        EXPECT_FALSE(takes(std::to_string(row.most + 1))) << row.key;
        EXPECT_FALSE(row.least > 0 && takes(std::to_string(row.least - 1))) << row.key;
        for (const auto* text : {"", "-1", "+1", " 1", "1 ", "1k", "0x10", "1.0", "one", "99999999999999999999999"})
            EXPECT_FALSE(takes(text)) << row.key << ' ' << text;
    }
}

TEST(help, names_every_option_of_the_program_its_default_and_its_values_in_lines_that_fit) {
    for (const auto which : {program::gateway, program::bus}) {
        const auto text = help_text(which);
        EXPECT_TRUE(text.starts_with(fmt::format("{} {}: ", name_of(which), CARILLON_VERSION))) << text;
        EXPECT_NE(text.find(fmt::format("Usage: {} [flags]\n", name_of(which))), std::string::npos) << text;
        std::istringstream lines{text};
        for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 100u) << line;
        std::string flat;
        for (const char letter : text)
            if (letter != '\n' && !(letter == ' ' && flat.ends_with(' ')))
                flat += letter;
            else if (!flat.ends_with(' '))
                flat += ' ';
        for (const auto& row : options()) {
            const auto entry =
                fmt::format(" {} {} Give {}; default {}.", flag_of(row), row.help, values_of(row), default_of(row));
            EXPECT_EQ(flat.find(entry) != std::string::npos, has(which, row)) << name_of(which) << ' ' << row.key;
        }
    }
}

TEST(secrets, only_options_that_may_hold_a_password_are) {
    for (const auto& row : options())
        EXPECT_EQ(is_secret(row), row.key == "bus" || row.key == "bus_password" || row.key == "bus_sentinel_password" ||
                                      row.key == "api_key" || row.key == "admin_password" ||
                                      row.key == "token_hmac_secret" || row.key == "subscription_token_hmac_secret")
            << row.key;
}

TEST(suggestions, the_nearest_name_is_offered_if_it_is_near) {
    const std::vector<std::string> names{"shards", "work_pool", "log_level"};
    EXPECT_EQ(did_you_mean("shard", names), "; did you mean shards?");
    EXPECT_EQ(did_you_mean("sahrds", names), "; did you mean shards?");
    EXPECT_EQ(did_you_mean("work-pool", names), "; did you mean work_pool?");
    EXPECT_EQ(did_you_mean("listen", names), "");
    EXPECT_EQ(did_you_mean("", names), "");
    EXPECT_EQ(did_you_mean(std::string(100'000, 's'), names), "");
}

/// The first cell of every table row that begins with a flag.
std::vector<std::string> rows_of(const std::string& page) {
    std::vector<std::string> rows;
    std::istringstream lines{page};
    for (std::string line; std::getline(lines, line);)
        if (line.starts_with("| `--")) rows.push_back(line);
    return rows;
}

std::string documentation() {
    std::ifstream file{CARILLON_CONFIGURATION_PAGE};
    return {std::istreambuf_iterator<char>{file}, {}};
}

TEST(documentation, lists_exactly_the_options_in_their_order) {
    const auto rows = rows_of(documentation());
    ASSERT_EQ(rows.size(), options().size());
    for (std::size_t index = 0; index < rows.size(); ++index) {
        const auto& row = options()[index];
        EXPECT_EQ(rows[index], fmt::format("| `{}` | `{}` | {} | {} | {} | {} | {} |", flag_of(row), variable_of(row),
                                           row.key == "config" ? "" : fmt::format("`{}`", row.key), default_of(row),
                                           values_of(row), has(program::bus, row) ? "yes" : "no", row.help));
    }
}

TEST(documentation, its_example_file_is_valid) {
    const auto page = documentation();
    const std::string_view fence = "```toml\n";
    const auto begin = page.find(fence);
    ASSERT_NE(begin, std::string::npos);
    const auto example =
        page.substr(begin + fence.size(), page.find("```", begin + fence.size()) - begin - fence.size());
    const auto path = ::testing::TempDir() + "carillon-example.toml";
    std::ofstream{path} << example;
    const char* arguments[] = {"carillon", "--config", path.c_str()};
    const auto outcome = load(3, arguments, {});
    EXPECT_TRUE(outcome.value.has_value()) << outcome.text;
    file_content content;
    EXPECT_EQ(read_file(program::gateway, path, content), std::nullopt);
    EXPECT_GE(content.values.size(), 5u);
    EXPECT_GE(content.namespaces.size(), 1u);
}

} // namespace
} // namespace carillon::loading
