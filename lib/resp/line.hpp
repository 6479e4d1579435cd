#pragma once

#include "resp/error.hpp"
#include "resp/outcome.hpp"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace carillon::resp {

/// A stretch of a buffer by position, which outlives the buffer's moving to other memory.
struct place {
    std::size_t start{};
    std::size_t size{};
};

/// One line ended by CR LF, as both parsers meet it before everything else.
struct line {
    outcome what{};
    error why{};             ///< when failed
    std::string_view text{}; ///< when complete: the line without CR LF, a view into the buffer
    std::size_t end{};       ///< when complete: the position after LF; when more is needed: the buffer size to wait for
};

/// Reads the line that starts at `start`. `scanned` remembers how far an earlier call has looked for CR, so that a line
/// in a thousand pieces is looked at once; give `start` the first time. A line longer than `text_bytes_max` fails with
/// `too_long`.
inline line read_line(std::string_view buffer, std::size_t start, std::size_t& scanned, std::size_t text_bytes_max,
                      error too_long) noexcept {
    const std::size_t window = std::min(buffer.size() - start, text_bytes_max + 1) + start;
    const std::size_t found = buffer.substr(0, window).find('\r', scanned);
    if (found == std::string_view::npos) {
        scanned = window;
        if (buffer.size() - start > text_bytes_max) return {outcome::failed, too_long, {}, {}};
        return {outcome::need_more, {}, {}, buffer.size() + 2};
    }
    scanned = found;
    if (found + 1 == buffer.size()) return {outcome::need_more, {}, {}, found + 2};
    if (buffer[found + 1] != '\n') return {outcome::failed, error::missing_line_end, {}, {}};
    return {outcome::complete, {}, buffer.substr(start, found - start), found + 2};
}

/// Whether CR LF stands at `position`; the buffer holds both bytes.
inline bool line_ends_at(std::string_view buffer, std::size_t position) noexcept {
    return buffer[position] == '\r' && buffer[position + 1] == '\n';
}

/// A signed integer: an optional '-', then digits and nothing else. Empty: it is none, or does not fit 64 bits.
inline std::optional<std::int64_t> to_integer(std::string_view text) noexcept {
    std::int64_t value{};
    const char* const begin = text.data();
    const char* const end = begin + text.size();
    const auto [stop, failure] = std::from_chars(begin, end, value);
    if (failure != std::errc{} || stop != end) return std::nullopt;
    return value;
}

/// As to_integer, in the one form Redis accepts from clients: no leading zeros and no "-0" (string2ll of Redis).
inline std::optional<std::int64_t> to_canonical_integer(std::string_view text) noexcept {
    const std::string_view digits = text.starts_with('-') ? text.substr(1) : text;
    if (digits.starts_with('0') && text != "0") return std::nullopt;
    return to_integer(text);
}

} // namespace carillon::resp
