#pragma once

#include "house/source_tree.hpp"

#include <ostream>
#include <span>
#include <string_view>

namespace carillon::house {

/// One rule of docs/style.md that can be checked by reading a file.
struct style_rule {
    std::string_view name; ///< as docs/style.md says it
    bool headers_only;
    complaints (*check)(const source_file&);
};

std::span<const style_rule> style_rules();

/// How a failed assertion shows a rule.
inline void PrintTo(const style_rule& rule, std::ostream* out) { *out << rule.name; }

inline constexpr std::size_t columns_max = 120;
inline constexpr std::size_t lines_max = 400;

complaints check_no_leftovers(const source_file& file);
complaints check_no_tabs(const source_file& file);
complaints check_columns(const source_file& file);
complaints check_length(const source_file& file);
complaints check_pragma_once(const source_file& file);
complaints check_no_include_guard(const source_file& file);
complaints check_no_get(const source_file& file);
complaints check_no_braces_awaited(const source_file& file);
complaints check_documented(const source_file& file);

} // namespace carillon::house
