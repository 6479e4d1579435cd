#include "house/style_rules.hpp"

#include <gtest/gtest.h>

#include <cctype>
#include <ostream>
#include <string>

namespace carillon::house {
namespace {

// --- the house as it stands

class style : public testing::TestWithParam<style_rule> {};

TEST_P(style, holds_everywhere) {
    const style_rule& rule = GetParam();
    complaints found;
    int files = 0;
    for (const char* folder : {"lib", "app"}) {
        for (const source_file& file : read_tree(folder)) {
            if (!file.ends_in(".hpp") && (rule.headers_only || !file.ends_in(".cpp"))) continue;
            ++files;
            for (std::string& each : rule.check(file)) found.push_back(std::move(each));
        }
    }
    EXPECT_GT(files, 0);
    EXPECT_TRUE(found.empty()) << found.size() << " places:\n" << joined(found);
}

INSTANTIATE_TEST_SUITE_P(rules, style, testing::ValuesIn(style_rules().begin(), style_rules().end()),
                         [](const auto& rule) {
                             std::string name{rule.param.name};
                             for (char& c : name) {
                                 if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
                             }
                             return name;
                         });

TEST(style_document, names_every_rule_that_is_checked) {
    const std::string text = read_file("docs/style.md").text;
    for (const style_rule& rule : style_rules()) {
        EXPECT_NE(text.find("| " + std::string{rule.name} + " |"), std::string::npos)
            << "docs/style.md has no row for '" << rule.name << "'";
    }
}

// --- the checks themselves

struct sample {
    const char* name;
    complaints (*check)(const source_file&);
    std::string text;
    std::size_t complaints_expected;
};

void PrintTo(const sample& each, std::ostream* out) { *out << each.name; }

class checks_of_style : public testing::TestWithParam<sample> {};

TEST_P(checks_of_style, complain_where_they_should) {
    const sample& each = GetParam();
    EXPECT_EQ(each.check({"lib/ws/a.hpp", each.text}).size(), each.complaints_expected);
}

std::string lines(std::size_t count) {
    std::string text;
    for (std::size_t i = 0; i < count; ++i) text += "x\n";
    return text;
}

const sample samples[] = {
    {"a_leftover_is_found", check_no_leftovers, "int a; // TODO\n// FIXME: b\n", 2},
    {"a_word_that_contains_a_leftover_is_none", check_no_leftovers, "int HACKNEY, TODOS, mastodon;\n", 0},
    {"a_tab_is_found", check_no_tabs, "\tint a;\n", 1},
    {"blanks_are_no_tabs", check_no_tabs, "    int a;\n", 0},
    {"a_line_of_120_columns_is_short_enough", check_columns, std::string(120, 'x') + "\n", 0},
    {"a_line_of_121_columns_is_found", check_columns, std::string(121, 'x') + "\n", 1},
    {"the_last_line_needs_no_line_break", check_columns, "a\n" + std::string(121, 'x'), 1},
    {"characters_of_several_bytes_count_once", check_columns, "§" + std::string(119, 'x') + "\n", 0},
    {"a_file_of_400_lines_is_short_enough", check_length, lines(400), 0},
    {"a_file_of_401_lines_is_found", check_length, lines(401), 1},
    {"a_value_in_braces_is_found", check_no_braces_awaited, "auto a = co_await ask(info{});\n x = co_await f({1});", 2},
    {"one_with_a_name_is_none", check_no_braces_awaited, "info a{};\nauto b = co_await ask(a); // f({})\n", 0},
    {"an_awaiter_of_references_is_none", check_no_braces_awaited, "co_await readable_awaiter{busy(r)};\n", 0},
    {"pragma_once_is_seen", check_pragma_once, "#pragma once\n\nint a;\n", 0},
    {"its_absence_is_found", check_pragma_once, "// #pragma once\nint a;\n", 1},
    {"an_include_guard_is_found", check_no_include_guard, "#ifndef CARILLON_WS_FRAME_HPP\n", 1},
    {"one_with_an_underscore_at_its_end_is_found", check_no_include_guard, "#ifndef FRAME_H_\n", 1},
    {"another_condition_is_no_guard", check_no_include_guard, "#ifndef NDEBUG\n#ifdef __linux__\n", 0},
    {"an_accessor_is_found", check_no_get, "    int get_size() const;\nauto x = get_y();\n", 2},
    {"functions_of_libraries_are_none", check_no_get,
     "value.get_string(); it->get_x(); std::get_if<int>(&v); std::get_x();\n", 0},
    {"the_promise_of_a_coroutine_is_none", check_no_get, "detached get_return_object() const;\n", 0},
    {"a_word_in_the_middle_is_none", check_no_get, "int target_size(); int widget_count();\n", 0},
    {"a_documented_header_passes", check_documented, "/// A frame.\nstruct frame {};\n", 0},
    {"an_undocumented_header_is_found", check_documented, "// A frame.\nstruct frame {};\n", 1},
};

INSTANTIATE_TEST_SUITE_P(samples, checks_of_style, testing::ValuesIn(samples),
                         [](const auto& each) { return std::string{each.param.name}; });

} // namespace
} // namespace carillon::house
