#include "house/style_rules.hpp"

#include <algorithm>
#include <array>
#include <regex>

namespace carillon::house {

namespace {

std::string at(const source_file& file, std::size_t line) { return file.path + ":" + std::to_string(line); }

// One complaint for each line that `matches`.
template <class Matches>
complaints each_line(const source_file& file, std::string_view why, Matches&& matches) {
    complaints found;
    const auto lines = lines_of(file.text);
    for (std::size_t i = 0; i < lines.size(); ++i) {
        if (matches(lines[i])) found.push_back(at(file, i + 1) + ": " + std::string{why});
    }
    return found;
}

bool contains(std::string_view line, const std::regex& pattern) {
    return std::regex_search(line.data(), line.data() + line.size(), pattern);
}

// Characters, not bytes: the continuation bytes of UTF-8 do not count.
std::size_t columns_of(std::string_view line) {
    return static_cast<std::size_t>(
        std::ranges::count_if(line, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

} // namespace

complaints check_no_leftovers(const source_file& file) {
    static const std::regex leftover{R"(\b(FIXME|TODO|XXX|HACK)\b)"};
    return each_line(file, "a leftover", [](std::string_view line) { return contains(line, leftover); });
}

complaints check_no_tabs(const source_file& file) {
    return each_line(file, "a tab", [](std::string_view line) { return line.find('\t') != std::string_view::npos; });
}

complaints check_columns(const source_file& file) {
    return each_line(file, "longer than 120 columns",
                     [](std::string_view line) { return columns_of(line) > columns_max; });
}

complaints check_length(const source_file& file) {
    const std::size_t lines = lines_of(file.text).size();
    if (lines <= lines_max) return {};
    return {file.path + ": " + std::to_string(lines) + " lines"};
}

complaints check_pragma_once(const source_file& file) {
    const auto lines = lines_of(file.text);
    if (std::ranges::count(lines, "#pragma once") == 1) return {};
    return {file.path + ": no #pragma once"};
}

complaints check_no_include_guard(const source_file& file) {
    static const std::regex guard{R"(^\s*#\s*ifndef\s+\w*_(H|HPP|INCLUDED)_*\s*$)"};
    return each_line(file, "an include guard", [](std::string_view line) { return contains(line, guard); });
}

// A name that is declared, or called without an object: library functions have theirs behind '.', '->' or '::'.
complaints check_no_get(const source_file& file) {
    static const std::regex accessor{R"((^|[^\w.:>"])(get_\w+)\s*\()"};
    return each_line(file, "an accessor whose name begins with get_", [](std::string_view line) {
        std::cmatch match;
        if (!std::regex_search(line.data(), line.data() + line.size(), match, accessor)) return false;
        return match[2].str() != "get_return_object"; // C++20 names it
    });
}

// g++ 12 destroys such a value twice, if it has members with destructors: it has to be a local with a name.
complaints check_no_braces_awaited(const source_file& file) {
    static const std::regex made{R"(\bco_await\b[^;]*\([^;]*\{)"};
    return each_line(file, "a value made in braces within a co_await",
                     [](std::string_view line) { return contains(line.substr(0, line.find("//")), made); });
}

complaints check_documented(const source_file& file) {
    if (file.text.find("///") != std::string::npos) return {};
    return {file.path + ": nothing is documented with ///"};
}

std::span<const style_rule> style_rules() {
    static constexpr std::array rules{
        style_rule{"no leftover marks", false, check_no_leftovers},
        style_rule{"no tabs", false, check_no_tabs},
        style_rule{"at most 120 columns", false, check_columns},
        style_rule{"at most 400 lines", false, check_length},
        style_rule{"no get_ in names", false, check_no_get},
        style_rule{"no braces within co_await", false, check_no_braces_awaited},
        style_rule{"#pragma once", true, check_pragma_once},
        style_rule{"no include guards", true, check_no_include_guard},
        style_rule{"documented headers", true, check_documented},
    };
    return rules;
}

} // namespace carillon::house
