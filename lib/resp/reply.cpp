#include "resp/reply.hpp"

#include "base/check.hpp"
#include "resp/scratch.hpp"

#include <algorithm>
#include <limits>

namespace carillon::resp {
namespace {

constexpr std::size_t line_end_bytes = 2;
constexpr std::size_t value_bytes_min = 3;       // "_" CR LF
constexpr std::size_t verbatim_format_bytes = 4; // "txt:"
constexpr std::size_t nodes_kept_max = 256;      // memory for more is given back after the reply

std::optional<type> type_of(char c) noexcept {
    switch (c) {
    case '+': return type::simple_string;
    case '-': return type::error;
    case ':': return type::integer;
    case '$': return type::bulk_string;
    case '*': return type::array;
    case '_': return type::null;
    case ',': return type::double_;
    case '#': return type::boolean;
    case '!': return type::blob_error;
    case '=': return type::verbatim;
    case '(': return type::big_number;
    case '%': return type::map;
    case '~': return type::set;
    case '>': return type::push;
    case '|': return type::attribute;
    default: return std::nullopt;
    }
}

std::optional<double> read_double(std::string_view text) noexcept {
    double number{};
    const char* const begin = text.data();
    const char* const end = begin + text.size();
    const auto [stop, failure] = std::from_chars(begin, end, number);
    if (failure != std::errc{} || stop != end) return std::nullopt;
    return number;
}

bool is_big_number(std::string_view text) noexcept {
    if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

} // namespace

reply_parser::reply_parser(reply_limits limits) : limits_(limits) {
    CHECK(limits_.nodes_max >= 1 && limits_.nodes_max <= std::numeric_limits<std::uint32_t>::max());
    CHECK(limits_.bytes_max >= value_bytes_min);
    frames_.push_back({1});
}

void reply_parser::reset() noexcept {
    position_ = scanned_ = 0;
    promised_ = 1;
    skipping_ = false;
    finished_ = false;
    failure_ = {};
    frames_.resize(1); // its capacity follows depth_max, which is small
    frames_.front() = {1};
    clear_scratch(nodes_, nodes_kept_max);
    clear_scratch(places_, nodes_kept_max);
}

reply_parser::step reply_parser::next(std::string_view buffer) {
    if (finished_) reset();
    if (failure_.what == outcome::failed) return failure_;
    CHECK(position_ <= buffer.size() && scanned_ <= buffer.size()); // the caller's promise
    while (frames_.front().left > 0 || frames_.size() > 1) {
        const progress read = skipping_ ? skip_blob(buffer) : read_value(buffer);
        check_invariants();
        if (read.what == outcome::failed) return fail(read.why);
        if (read.what == outcome::need_more) {
            step more;
            more.what = outcome::need_more;
            more.needed = read.position;
            more.drop_at = position_;
            more.drop_count = read.drop;
            return more;
        }
        position_ = scanned_ = read.position;
        close_frames();
    }
    return complete(buffer);
}

/// The value at position_, without its children.
reply_parser::progress reply_parser::read_value(std::string_view buffer) {
    const std::size_t left = limits_.bytes_max - position_;
    if (left < value_bytes_min) return {outcome::failed, error::reply_too_big, {}};
    if (buffer.size() == position_) return {outcome::need_more, {}, position_ + value_bytes_min};
    const auto kind = type_of(buffer[position_]);
    if (!kind) return {outcome::failed, error::unknown_type, {}};

    line header = read_line(buffer, position_, scanned_, left - line_end_bytes, error::reply_too_big);
    if (header.what != outcome::complete) return {header.what, header.why, header.end};
    header.text.remove_prefix(1);
    switch (*kind) {
    case type::simple_string:
    case type::error:
    case type::integer:
    case type::null:
    case type::double_:
    case type::boolean:
    case type::big_number: return read_scalar(header, *kind);
    case type::bulk_string:
    case type::blob_error:
    case type::verbatim: return read_blob(buffer, header, *kind);
    case type::array:
    case type::set:
    case type::push: return read_aggregate(header, *kind, 1);
    case type::map:
    case type::attribute: return read_aggregate(header, *kind, 2);
    case type::skipped: break; // no header says so
    }
    CHECK(false);
}

/// A value that is its line.
reply_parser::progress reply_parser::read_scalar(const line& header, type kind) {
    node value{.kind = kind};
    const std::string_view text = header.text;
    if (kind == type::integer) {
        const bool plus = text.starts_with('+') && !text.starts_with("+-");
        const auto number = to_integer(text.substr(plus ? 1 : 0));
        if (!number) return {outcome::failed, error::invalid_integer, {}};
        value.integer = *number;
    } else if (kind == type::boolean) {
        if (text != "t" && text != "f") return {outcome::failed, error::invalid_boolean, {}};
        value.integer = text == "t" ? 1 : 0;
    } else if (kind == type::null) {
        if (!text.empty()) return {outcome::failed, error::invalid_null, {}};
    } else if (kind == type::double_) {
        if (!read_double(text)) return {outcome::failed, error::invalid_double, {}};
    } else if (kind == type::big_number) {
        if (!is_big_number(text)) return {outcome::failed, error::invalid_big_number, {}};
    }
    const bool has_text = kind != type::integer && kind != type::boolean && kind != type::null;
    return add(value, has_text ? place{position_ + 1, text.size()} : place{}, header.end);
}

/// A value whose line states the length of what follows.
reply_parser::progress reply_parser::read_blob(std::string_view buffer, const line& header, type kind) {
    if (header.text == "?") return {outcome::failed, error::streamed_value, {}};
    const auto stated = to_canonical_integer(header.text);
    if (kind == type::bulk_string && stated == -1) return add({.kind = type::null}, {}, header.end);
    if (!stated || *stated < 0) return {outcome::failed, error::invalid_length, {}};
    const std::size_t left = limits_.bytes_max - header.end;
    if (kind == type::bulk_string && static_cast<std::uint64_t>(*stated) > limits_.text_bytes_max) {
        if (left < line_end_bytes) return {outcome::failed, error::reply_too_big, {}};
        skipping_ = true;
        skipped_length_ = skip_left_ = static_cast<std::uint64_t>(*stated);
        position_ = scanned_ = header.end;
        return skip_blob(buffer);
    }
    if (left < line_end_bytes || static_cast<std::uint64_t>(*stated) > left - line_end_bytes)
        return {outcome::failed, error::reply_too_big, {}};

    place where{header.end, static_cast<std::size_t>(*stated)};
    const std::size_t end = where.start + where.size + line_end_bytes;
    if (buffer.size() < end) return {outcome::need_more, {}, end};
    if (!line_ends_at(buffer, end - line_end_bytes)) return {outcome::failed, error::missing_line_end, {}};
    if (kind == type::verbatim) {
        const bool has_format = where.size >= verbatim_format_bytes && buffer[where.start + 3] == ':';
        if (!has_format) return {outcome::failed, error::invalid_verbatim, {}};
        where = {where.start + verbatim_format_bytes, where.size - verbatim_format_bytes};
    }
    return add({.kind = kind}, where, end);
}

/// The bytes of a string that is too long, as far as they are there, and at last its line end.
reply_parser::progress reply_parser::skip_blob(std::string_view buffer) {
    const std::size_t drop = static_cast<std::size_t>(std::min<std::uint64_t>(skip_left_, buffer.size() - position_));
    skip_left_ -= drop;
    const std::size_t end = position_ + line_end_bytes;
    if (drop > 0 || skip_left_ > 0) return {outcome::need_more, {}, skip_left_ > 0 ? position_ + 1 : end, drop};
    if (buffer.size() < end) return {outcome::need_more, {}, end};
    if (!line_ends_at(buffer, position_)) return {outcome::failed, error::missing_line_end, {}};
    skipping_ = false;
    return add({.kind = type::skipped, .integer = static_cast<std::int64_t>(skipped_length_)}, {}, end);
}

/// A value whose line states how many values follow. Refused as soon as they are promised, before any memory is taken.
reply_parser::progress reply_parser::read_aggregate(const line& header, type kind, std::size_t values_per_count) {
    if (header.text == "?") return {outcome::failed, error::streamed_value, {}};
    const auto count = to_canonical_integer(header.text);
    if (kind == type::array && count == -1) return add({.kind = type::null}, {}, header.end);
    if (!count || *count < 0) return {outcome::failed, error::invalid_length, {}};
    if (kind == type::push && frames_.size() > 1) return {outcome::failed, error::nested_push, {}};

    // An attribute has not been promised by its parent, so it counts itself.
    const std::size_t unpromised = kind == type::attribute ? 1 : 0;
    const std::size_t left = limits_.nodes_max - promised_;
    if (unpromised > left || static_cast<std::uint64_t>(*count) > (left - unpromised) / values_per_count)
        return {outcome::failed, error::too_many_nodes, {}};
    const std::size_t children = static_cast<std::size_t>(*count) * values_per_count;
    if (children > 0 && frames_.size() > limits_.depth_max) return {outcome::failed, error::too_deep, {}};
    promised_ += unpromised + children;
    return add({.kind = kind, .children = static_cast<std::uint32_t>(children)}, {}, header.end);
}

reply_parser::progress reply_parser::add(node value, place where, std::size_t end) {
    value.depth = static_cast<std::uint32_t>(frames_.size() - 1);
    nodes_.push_back(value);
    places_.push_back(where);
    if (value.kind != type::attribute) --frames_.back().left;
    if (value.children > 0) frames_.push_back({value.children});
    return {outcome::complete, {}, end};
}

void reply_parser::close_frames() noexcept {
    while (frames_.size() > 1 && frames_.back().left == 0) frames_.pop_back();
}

reply_parser::step reply_parser::complete(std::string_view buffer) {
    for (std::size_t i = 0; i < nodes_.size(); ++i)
        if (places_[i].size > 0) nodes_[i].text = buffer.substr(places_[i].start, places_[i].size);
    finished_ = true;
    step result;
    result.what = outcome::complete;
    result.nodes = nodes_;
    result.consumed = position_;
    return result;
}

reply_parser::step reply_parser::fail(resp::error why) {
    failure_.what = outcome::failed;
    failure_.error = resp::text(why);
    failure_.code = why;
    return failure_;
}

void reply_parser::check_invariants() const {
    CHECK(position_ <= limits_.bytes_max && position_ <= scanned_);
    CHECK(nodes_.size() == places_.size() && nodes_.size() <= promised_);
    CHECK(promised_ <= limits_.nodes_max);
    CHECK(!frames_.empty() && frames_.size() <= limits_.depth_max + 1);
}

} // namespace carillon::resp
