#include "resp/glob.hpp"

#include <algorithm>
#include <cstddef>

namespace carillon::resp {
namespace {

/// What one element of a pattern says about one byte.
struct element {
    std::size_t bytes; // of the pattern
    bool matches;
};

unsigned char byte(char c) noexcept { return static_cast<unsigned char>(c); }

/// The class at the start of `pattern`, which starts with '['.
element match_class(std::string_view pattern, char c) noexcept {
    std::size_t at = 1;
    const bool negated = pattern.substr(at).starts_with('^');
    if (negated) ++at;
    bool found = false;
    while (at < pattern.size() && pattern[at] != ']') {
        const std::size_t left = pattern.size() - at;
        if (pattern[at] == '\\' && left >= 2) {
            found = found || pattern[at + 1] == c;
            at += 2;
        } else if (left >= 3 && pattern[at + 1] == '-') {
            // Redis takes any third byte for the end of the range, even ']'.
            const auto [low, high] = std::minmax({byte(pattern[at]), byte(pattern[at + 2])});
            found = found || (byte(c) >= low && byte(c) <= high);
            at += 3;
        } else {
            found = found || pattern[at] == c;
            ++at;
        }
    }
    const bool closed = at < pattern.size();
    return {closed ? at + 1 : at, found != negated};
}

/// The element at the start of `pattern`, which is not empty and does not start with '*'.
element match_one(std::string_view pattern, char c) noexcept {
    switch (pattern.front()) {
    case '?': return {1, true};
    case '[': return match_class(pattern, c);
    case '\\':
        if (pattern.size() >= 2) return {2, pattern[1] == c};
        return {1, c == '\\'};
    default: return {1, pattern.front() == c};
    }
}

} // namespace

bool glob_match(std::string_view pattern, std::string_view text) noexcept {
    if (text.empty()) return pattern.empty();
    std::size_t at = 0;
    std::size_t read = 0;
    // Only the last star is ever tried again: what an earlier one could do, the last can do as well.
    std::size_t after_star = std::string_view::npos;
    std::size_t star_read = 0;
    while (read < text.size()) {
        if (at < pattern.size() && pattern[at] == '*') {
            after_star = ++at;
            star_read = read;
            if (at == pattern.size()) return true;
            continue;
        }
        if (at < pattern.size()) {
            const element one = match_one(pattern.substr(at), text[read]);
            if (one.matches) {
                at += one.bytes;
                ++read;
                continue;
            }
        }
        if (after_star == std::string_view::npos) return false;
        at = after_star;
        read = ++star_read;
    }
    return pattern.find_first_not_of('*', at) == std::string_view::npos;
}

} // namespace carillon::resp
