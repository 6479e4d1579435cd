#pragma once

#include "resp/command.hpp"
#include "resp/names.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string>
#include <string_view>

namespace carillon::commands {

/// As many databases may be selected as at a Redis that nobody has set up.
inline constexpr int databases = 16;

/// How much of a word that it does not know Redis repeats in its error.
inline constexpr std::size_t repeated_max = 128;

inline std::optional<long long> integer_of(std::string_view text) noexcept {
    long long value = 0;
    const auto [end, why] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (why != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
}

inline std::string lower(std::string_view text) {
    std::string result{text};
    std::transform(result.begin(), result.end(), result.begin(), resp::ascii_lower);
    return result;
}

/// Whether `text` may be the name of a connection: it becomes a word in a line of CLIENT LIST.
inline bool is_word(std::string_view text) noexcept {
    return std::all_of(text.begin(), text.end(), [](char c) { return c >= '!' && c <= '~'; });
}

inline constexpr std::string_view bad_name = "ERR Client names cannot contain spaces, newlines or special characters.";

} // namespace carillon::commands
