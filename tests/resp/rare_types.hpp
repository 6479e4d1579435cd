#pragma once

#include "resp/writer.hpp"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string_view>

/// Types of RESP that nothing here sends, but other servers may: what the reader's tests feed it with.
namespace carillon::resp {

/// The start of `pairs` remarks on the value that follows them. RESP3 only: RESP2 clients would take them for the
/// value.
template <output Out>
void append_attribute_header(Out& out, std::size_t pairs) {
    detail::append_number_line(out, '|', pairs);
}

/// "#t" or "#f"; in RESP2 the integers 1 and 0.
template <output Out>
void append_boolean(Out& out, bool value, version dialect) {
    if (dialect == version::resp2) return append_integer(out, value ? 1 : 0);
    out.append(std::string_view{value ? "#t\r\n" : "#f\r\n"});
}

/// ",0.5": the shortest digits that read back as the same number, or inf, -inf, nan; in RESP2 the same as a bulk
/// string.
template <output Out>
void append_double(Out& out, double number, version dialect) {
    std::array<char, 32> text;
    // A NaN's sign is nobody's concern, and "-nan" is not RESP.
    const double plain = std::isnan(number) ? std::numeric_limits<double>::quiet_NaN() : number;
    const auto written = fmt::format_to_n(text.data(), text.size(), "{}", plain);
    CHECK(written.size <= text.size());
    const std::string_view digits{text.data(), written.size};
    if (dialect == version::resp2) return append_bulk(out, digits);
    detail::append_line(out, ",", digits);
}

/// "(1234...": an integer of any size, given as an optional '-' and digits; in RESP2 a bulk string.
template <output Out>
void append_big_number(Out& out, std::string_view digits, version dialect) {
    if (dialect == version::resp2) return append_bulk(out, digits);
    detail::append_line(out, "(", digits);
}

/// "!21 SYNTAX ...": an error of any bytes; in RESP2 a simple error.
template <output Out>
void append_blob_error(Out& out, std::string_view text, version dialect) {
    if (dialect == version::resp2) return append_error(out, text);
    detail::append_blob(out, '!', text);
}

} // namespace carillon::resp
