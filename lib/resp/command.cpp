#include "resp/command.hpp"

#include "base/check.hpp"
#include "resp/inline_arguments.hpp"
#include "resp/scratch.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

namespace carillon::resp {
namespace {

constexpr std::size_t line_end_bytes = 2;
constexpr std::size_t command_bytes_min = 64;   // smaller limits would refuse commands that carry nothing
constexpr std::size_t arguments_kept_max = 256; // memory for more is given back after the command
constexpr std::size_t scratch_bytes_kept_max = 4096;

// Before the login (networking.c, processMultibulkBuffer). Numbers that Redis takes from nobody are told as such first.
constexpr std::int64_t login_arguments_max = 10;
constexpr std::int64_t login_bulk_bytes_max = 16'384;
constexpr std::int64_t any_arguments_max = std::numeric_limits<std::int32_t>::max();
constexpr std::int64_t any_bulk_bytes_max = std::int64_t{512} * 1024 * 1024;

// Redis' own message has a blank where a line break would break the reply.
char printable(char c) noexcept { return c == '\r' || c == '\n' || c == '\0' ? ' ' : c; }

} // namespace

command_parser::command_parser(command_limits limits) : limits_(limits) {
    CHECK(limits_.command_bytes_max >= command_bytes_min);
    CHECK(limits_.command_bytes_max <= std::numeric_limits<std::size_t>::max() / 4);
    limits_.inline_bytes_max = std::min(limits_.inline_bytes_max, limits_.command_bytes_max - 1);
}

void command_parser::reset() noexcept {
    position_ = scanned_ = arguments_ = 0;
    has_count_ = finished_ = false;
    why_ = {};
    clear_scratch(places_, arguments_kept_max);
    clear_scratch(views_, arguments_kept_max);
    clear_scratch(scratch_, scratch_bytes_kept_max);
}

command_parser::step command_parser::next(std::string_view buffer, login peer) {
    peer_ = peer;
    if (finished_) reset();
    if (why_ != error{}) return failure();
    CHECK(position_ <= buffer.size() && scanned_ <= buffer.size()); // the caller's promise
    if (buffer.empty()) return more(1);
    const step found = buffer.front() == '*' ? next_multibulk(buffer) : next_inline(buffer);
    check_invariants();
    return found;
}

command_parser::step command_parser::next_multibulk(std::string_view buffer) {
    if (!has_count_) {
        if (const step found = read_count(buffer); found.what != outcome::complete) return found;
    }
    while (arguments_ > 0) {
        if (const step found = read_argument(buffer); found.what != outcome::complete) return found;
    }
    return complete(buffer, position_);
}

/// The line at position_, whose CR LF must still fit the command.
line command_parser::read_header(std::string_view buffer, error too_long) noexcept {
    const std::size_t left = limits_.command_bytes_max - position_;
    if (left < line_end_bytes) return {outcome::failed, error::command_too_big, {}, {}};
    const std::size_t fits = left - line_end_bytes;
    if (fits < limits_.inline_bytes_max) return read_line(buffer, position_, scanned_, fits, error::command_too_big);
    return read_line(buffer, position_, scanned_, limits_.inline_bytes_max, too_long);
}

command_parser::step command_parser::read_count(std::string_view buffer) {
    const line header = read_header(buffer, error::too_big_multibulk_count);
    if (header.what == outcome::need_more) return more(header.end);
    if (header.what == outcome::failed) return fail(header.why);
    const auto count = to_canonical_integer(header.text.substr(1));
    if (count && *count > login_arguments_max && *count <= any_arguments_max && peer_ == login::missing)
        return fail(error::unauthenticated_multibulk_length);
    if (!count || (*count > 0 && static_cast<std::uint64_t>(*count) > limits_.arguments_max))
        return fail(error::invalid_multibulk_length);
    arguments_ = *count > 0 ? static_cast<std::size_t>(*count) : 0;
    has_count_ = true;
    position_ = scanned_ = header.end;
    return {};
}

/// One argument. While its bytes are missing, a call costs a second look at its header, and nothing for the bytes that
/// came.
command_parser::step command_parser::read_argument(std::string_view buffer) {
    const line header = read_header(buffer, error::too_big_bulk_count);
    if (header.what == outcome::need_more) return more(header.end);
    if (header.what == outcome::failed) return fail(header.why);
    if (!header.text.starts_with('$'))
        return fail(error::expected_bulk, header.text.empty() ? '\r' : header.text.front());
    const auto size = to_canonical_integer(header.text.substr(1));
    if (size && *size > login_bulk_bytes_max && *size <= any_bulk_bytes_max && peer_ == login::missing)
        return fail(error::unauthenticated_bulk_length);
    if (!size || *size < 0 || static_cast<std::uint64_t>(*size) > limits_.bulk_bytes_max)
        return fail(error::invalid_bulk_length);
    const place argument{header.end, static_cast<std::size_t>(*size)};
    const std::size_t left = limits_.command_bytes_max - argument.start;
    if (left < line_end_bytes || argument.size > left - line_end_bytes) return fail(error::command_too_big);

    const std::size_t end = argument.start + argument.size + line_end_bytes;
    if (buffer.size() < end) return more(end);
    if (!line_ends_at(buffer, end - line_end_bytes)) return fail(error::missing_line_end);
    places_.push_back(argument);
    --arguments_;
    position_ = scanned_ = end;
    return {};
}

command_parser::step command_parser::next_inline(std::string_view buffer) {
    const std::size_t window = std::min(buffer.size(), limits_.inline_bytes_max + 1);
    const std::size_t found = buffer.substr(0, window).find('\n', scanned_);
    if (found == std::string_view::npos) {
        scanned_ = window;
        if (buffer.size() > limits_.inline_bytes_max) return fail(error::too_big_inline);
        return more(buffer.size() + 1);
    }
    std::string_view text = buffer.substr(0, found);
    if (text.ends_with('\r')) text.remove_suffix(1);
    if (!split_inline(text, scratch_, places_)) return fail(error::unbalanced_quotes);
    const auto too_long = [&](const place& word) { return word.size > limits_.bulk_bytes_max; };
    if (places_.size() > limits_.arguments_max || std::any_of(places_.begin(), places_.end(), too_long))
        return fail(error::too_big_inline);
    return complete(scratch_, found + 1);
}

command_parser::step command_parser::more(std::size_t needed) const noexcept {
    step result;
    result.what = outcome::need_more;
    result.needed = needed;
    return result;
}

command_parser::step command_parser::fail(error why, char got) noexcept {
    why_ = why;
    if (why == error::expected_bulk) {
        const auto written =
            fmt::format_to_n(expected_text_.data(), expected_text_.size(), "{}, got '{}'", text(why), printable(got));
        CHECK(written.size <= expected_text_.size());
        expected_bytes_ = written.size;
    }
    return failure();
}

command_parser::step command_parser::failure() const noexcept {
    step result;
    result.what = outcome::failed;
    result.error = why_ == error::expected_bulk ? std::string_view{expected_text_.data(), expected_bytes_} : text(why_);
    result.code = why_;
    return result;
}

command_parser::step command_parser::complete(std::string_view source, std::size_t consumed) {
    for (const place& argument : places_) views_.push_back(source.substr(argument.start, argument.size));
    finished_ = true;
    step result;
    result.what = outcome::complete;
    result.args = views_;
    result.consumed = consumed;
    return result;
}

void command_parser::check_invariants() const {
    CHECK(position_ <= limits_.command_bytes_max);
    CHECK(position_ <= scanned_);
    CHECK(arguments_ == 0 || has_count_);
    CHECK(arguments_ <= limits_.arguments_max);
}

} // namespace carillon::resp
