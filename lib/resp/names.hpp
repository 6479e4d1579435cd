#pragma once

#include <algorithm>
#include <string_view>

namespace carillon::resp {

/// `c` in lower case if it is an ASCII letter; every other byte is itself. No locale.
constexpr char ascii_lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

/// Whether two names of commands or options are the same but for the case of ASCII letters.
constexpr bool equals_ignoring_case(std::string_view left, std::string_view right) noexcept {
    return left.size() == right.size() && std::equal(left.begin(), left.end(), right.begin(),
                                                     [](char a, char b) { return ascii_lower(a) == ascii_lower(b); });
}

/// An order for tables of names, in which names that differ in case only are equivalent.
constexpr bool less_ignoring_case(std::string_view left, std::string_view right) noexcept {
    return std::lexicographical_compare(left.begin(), left.end(), right.begin(), right.end(),
                                        [](char a, char b) { return ascii_lower(a) < ascii_lower(b); });
}

} // namespace carillon::resp
