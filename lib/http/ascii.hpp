#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace carillon::http {

constexpr char to_lower(char letter) noexcept {
    return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter + ('a' - 'A')) : letter;
}

constexpr bool is_digit(char letter) noexcept { return letter >= '0' && letter <= '9'; }

/// Equality of ASCII text in any case; other bytes must be equal.
constexpr bool same_ignoring_case(std::string_view left, std::string_view right) noexcept {
    if (left.size() != right.size()) return false;
    if (left == right) return true; // nearly always, and quickly found out
    int difference = 0;             // of all bytes, which is faster than to stop at the first
    for (std::size_t i = 0; i < left.size(); ++i) difference |= to_lower(left[i]) ^ to_lower(right[i]);
    return difference == 0;
}

/// Whether `text`, without control bytes, is `lower` (letters and '-', in lower case) in any case; a few instructions,
/// because the length is known when compiling. Setting bit 0x20 turns letters to lower case, leaves '-' alone, and
/// makes nothing else than a letter, '-' or a control byte equal to them.
template <std::size_t Size>
bool is_word(std::string_view text, const char (&lower)[Size]) noexcept {
    constexpr std::size_t length = Size - 1;
    static_assert(length >= 4);
    if (text.size() != length) return false;
    const auto differs = [&]<class Word>(std::size_t at, Word) {
        Word left;
        Word right;
        std::memcpy(&left, text.data() + at, sizeof(Word));
        std::memcpy(&right, lower + at, sizeof(Word));
        return (left | static_cast<Word>(0x2020'2020'2020'2020)) ^ right;
    };
    if constexpr (length >= 8) {
        std::uint64_t difference = differs(length - 8, std::uint64_t{});
        for (std::size_t at = 0; at + 8 < length; at += 8) difference |= differs(at, std::uint64_t{});
        return difference == 0;
    } else {
        return (differs(0, std::uint32_t{}) | differs(length - 4, std::uint32_t{})) == 0;
    }
}

/// OWS of RFC 9110 §5.6.3.
constexpr bool is_blank(char letter) noexcept { return letter == ' ' || letter == '\t'; }

constexpr std::string_view without_blanks_around(std::string_view text) noexcept {
    while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
    while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
    return text;
}

/// Calls visitor(element) for each non-empty element of a comma-separated list (RFC 9110 §5.6.1) until one returns
/// true; says whether one did.
template <class Visitor>
bool any_element(std::string_view list, Visitor&& visitor) {
    while (!list.empty()) {
        const std::size_t comma = list.find(',');
        const std::string_view element = without_blanks_around(list.substr(0, comma));
        if (!element.empty() && visitor(element)) return true;
        list = comma == list.npos ? std::string_view{} : list.substr(comma + 1);
    }
    return false;
}

} // namespace carillon::http
