#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace carillon::fuzz {

/// The input as text in which the byte 128 + i stands for `sayings[i]`, so that the fuzzer need not guess the words
/// that lead further into a parser; all other bytes stand for themselves.
inline std::string spelled_out(std::string_view input, std::span<const std::string_view> sayings) {
    std::string text;
    for (const char each : input) {
        const auto code = static_cast<std::uint8_t>(each);
        if (code >= 128 && code < 128 + sayings.size()) {
            text += sayings[code - 128u];
        } else {
            text += each;
        }
    }
    return text;
}

} // namespace carillon::fuzz
