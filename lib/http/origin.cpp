#include "http/origin.hpp"

#include "http/ascii.hpp"

#include <cstddef>

namespace carillon::http {
namespace {

bool starts_like(std::string_view text, std::string_view part) noexcept {
    return text.size() >= part.size() && same_ignoring_case(text.substr(0, part.size()), part);
}

bool ends_like(std::string_view text, std::string_view part) noexcept {
    return text.size() >= part.size() && same_ignoring_case(text.substr(text.size() - part.size()), part);
}

} // namespace

bool matches_pattern(std::string_view text, std::string_view pattern) noexcept {
    const std::size_t first_star = pattern.find('*');
    if (first_star == pattern.npos) return same_ignoring_case(text, pattern);

    // What stands before the first '*' and behind the last is tied to the ends of the text.
    const std::size_t last_star = pattern.rfind('*');
    const std::string_view head = pattern.substr(0, first_star);
    const std::string_view tail = pattern.substr(last_star + 1);
    if (!starts_like(text, head)) return false;
    text.remove_prefix(head.size());
    if (!ends_like(text, tail)) return false;
    text.remove_suffix(tail.size());

    // Each part in between may take the first place where it fits: that leaves the most room for the others.
    std::string_view middle = pattern.substr(first_star, last_star - first_star);
    while (!middle.empty()) {
        middle.remove_prefix(1); // its '*'
        const std::string_view part = middle.substr(0, middle.find('*'));
        while (!starts_like(text, part)) {
            if (text.empty()) return false;
            text.remove_prefix(1);
        }
        text.remove_prefix(part.size());
        middle.remove_prefix(part.size());
    }
    return true;
}

} // namespace carillon::http
