#pragma once

#include "base/check.hpp"

#include <array>
#include <charconv>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <span>
#include <string_view>

/// Functions that append RESP to a growing output. Whatever takes a `version` writes the RESP3 type, or what Redis
/// sends in its place to a client that speaks RESP2. Aggregates are written as a header, which promises the values that
/// the caller appends next. Nothing here allocates but the output; the `..._bytes` functions give exact sizes to
/// reserve once.
namespace carillon::resp {

/// The dialect a connection speaks: RESP2 until HELLO 3.
enum class version { resp2 = 2, resp3 = 3 };

/// What can be appended to: std::string, fmt::memory_buffer and the like.
template <class T>
concept output = requires(T& out, std::string_view bytes) { out.append(bytes); };

namespace detail {

constexpr std::string_view line_end = "\r\n";
constexpr std::size_t line_end_bytes = 2;

/// Appends `kind`, the number and CR LF.
template <output Out, std::integral Number>
void append_number_line(Out& out, char kind, Number number) {
    std::array<char, 1 + std::numeric_limits<std::uint64_t>::digits10 + 2 + line_end_bytes> text;
    text.front() = kind;
    char* const end = std::to_chars(text.data() + 1, text.data() + text.size() - line_end_bytes, number).ptr;
    end[0] = '\r';
    end[1] = '\n';
    out.append(std::string_view{text.data(), static_cast<std::size_t>(end + line_end_bytes - text.data())});
}

/// Appends a line; a CR or LF in the text, which would end it early, becomes a blank.
template <output Out>
void append_line(Out& out, std::string_view kind, std::string_view text) {
    out.append(kind);
    for (;;) {
        const std::size_t stop = text.find_first_of(line_end);
        out.append(text.substr(0, stop));
        if (stop == std::string_view::npos) break;
        out.append(std::string_view{" "});
        text.remove_prefix(stop + 1);
    }
    out.append(line_end);
}

/// Appends a value of stated length: `kind`, the length, the bytes.
template <output Out>
void append_blob(Out& out, char kind, std::string_view bytes) {
    append_number_line(out, kind, bytes.size());
    out.append(bytes);
    out.append(line_end);
}

constexpr std::size_t digits_of(std::size_t number) noexcept {
    std::size_t digits = 1;
    for (; number >= 10; number /= 10) ++digits;
    return digits;
}

} // namespace detail

/// "+OK": a status. A line break in `text` becomes a blank.
template <output Out>
void append_simple(Out& out, std::string_view text) {
    detail::append_line(out, "+", text);
}

/// "-ERR no such thing": `text` starts with the error's upper-case code. A line break becomes a blank, as in Redis.
template <output Out>
void append_error(Out& out, std::string_view text) {
    detail::append_line(out, "-", text);
}

/// ":42".
template <output Out>
void append_integer(Out& out, std::int64_t number) {
    detail::append_number_line(out, ':', number);
}

/// "$4 bell": a string of any bytes.
template <output Out>
void append_bulk(Out& out, std::string_view bytes) {
    detail::append_blob(out, '$', bytes);
}

/// No value: "_", in RESP2 the bulk string of length -1.
template <output Out>
void append_null(Out& out, version dialect) {
    out.append(std::string_view{dialect == version::resp3 ? "_\r\n" : "$-1\r\n"});
}

/// No array: "_", in RESP2 the array of length -1.
template <output Out>
void append_null_array(Out& out, version dialect) {
    out.append(std::string_view{dialect == version::resp3 ? "_\r\n" : "*-1\r\n"});
}

/// The start of an array of `count` values.
template <output Out>
void append_array_header(Out& out, std::size_t count) {
    detail::append_number_line(out, '*', count);
}

/// The start of a map of `pairs` keys, each followed by its value; in RESP2 an array of twice as many.
template <output Out>
void append_map_header(Out& out, std::size_t pairs, version dialect) {
    if (dialect == version::resp3) return detail::append_number_line(out, '%', pairs);
    detail::append_number_line(out, '*', pairs * 2);
}

/// The start of a set of `count` values; in RESP2 an array.
template <output Out>
void append_set_header(Out& out, std::size_t count, version dialect) {
    detail::append_number_line(out, dialect == version::resp3 ? '~' : '*', count);
}

/// The start of a message nobody asked for, of `count` values; in RESP2 an array. Only between replies, never inside
/// one.
template <output Out>
void append_push_header(Out& out, std::size_t count, version dialect) {
    detail::append_number_line(out, dialect == version::resp3 ? '>' : '*', count);
}

/// "=8 txt:bell": text for people, with its format in three bytes ("txt" or "mkd"); in RESP2 a bulk string without the
/// format.
template <output Out>
void append_verbatim(Out& out, std::string_view text, version dialect, std::string_view format = "txt") {
    CHECK(format.size() == 3);
    if (dialect == version::resp2) return append_bulk(out, text);
    detail::append_number_line(out, '=', text.size() + format.size() + 1);
    out.append(format);
    out.append(std::string_view{":"});
    out.append(text);
    out.append(detail::line_end);
}

/// A command of a client: an array of bulk strings, which is the same in both dialects.
template <output Out>
void append_command(Out& out, std::span<const std::string_view> words) {
    append_array_header(out, words.size());
    for (const std::string_view word : words) append_bulk(out, word);
}

template <output Out>
void append_command(Out& out, std::initializer_list<std::string_view> words) {
    append_command(out, std::span{words.begin(), words.size()});
}

/// What a subscriber of `channel` receives: the push "message", channel, payload.
template <output Out>
void append_message(Out& out, std::string_view channel, std::string_view payload, version dialect) {
    append_push_header(out, 3, dialect);
    out.append(std::string_view{"$7\r\nmessage\r\n"});
    append_bulk(out, channel);
    append_bulk(out, payload);
}

/// What a subscriber of `pattern` receives: the push "pmessage", pattern, channel, payload.
template <output Out>
void append_pattern_message(Out& out, std::string_view pattern, std::string_view channel, std::string_view payload,
                            version dialect) {
    append_push_header(out, 4, dialect);
    out.append(std::string_view{"$8\r\npmessage\r\n"});
    append_bulk(out, pattern);
    append_bulk(out, channel);
    append_bulk(out, payload);
}

/// Size of the header of an aggregate of `count` values.
constexpr std::size_t header_bytes(std::size_t count) noexcept {
    return 1 + detail::digits_of(count) + detail::line_end_bytes;
}

/// Size of a bulk string of `size` bytes.
constexpr std::size_t bulk_bytes(std::size_t size) noexcept {
    return header_bytes(size) + size + detail::line_end_bytes;
}

/// Size of what append_command() appends.
constexpr std::size_t command_bytes(std::span<const std::string_view> words) noexcept {
    std::size_t bytes = header_bytes(words.size());
    for (const std::string_view word : words) bytes += bulk_bytes(word.size());
    return bytes;
}

constexpr std::size_t command_bytes(std::initializer_list<std::string_view> words) noexcept {
    return command_bytes(std::span{words.begin(), words.size()});
}

/// Size of what append_message() appends, in either dialect.
constexpr std::size_t message_bytes(std::string_view channel, std::string_view payload) noexcept {
    return header_bytes(3) + bulk_bytes(7) + bulk_bytes(channel.size()) + bulk_bytes(payload.size());
}

} // namespace carillon::resp
