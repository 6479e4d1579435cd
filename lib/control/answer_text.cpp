#include "control/answer_text.hpp"

#include "http/date.hpp"

#include <boost/beast/http/status.hpp>
#include <fmt/format.h>

#include <cstddef>
#include <string_view>
#include <tuple>
#include <utility>

namespace carillon::control {

namespace {

std::string_view phrase_of(unsigned status) {
    const auto phrase = boost::beast::http::obsolete_reason(static_cast<boost::beast::http::status>(status));
    return {phrase.data(), phrase.size()};
}

void append_field(std::string& out, std::string_view name, std::string_view value) {
    out += name;
    out += ": ";
    out += value;
    out += "\r\n";
}

void append_number(std::string& out, std::size_t number) { out += fmt::format_int{number}.c_str(); }

} // namespace

void answer_writer::append(std::string& out, const response& what, answer_form form, std::int64_t unix_time_s) {
    static_assert(std::tuple_size_v<decltype(date_)> == carillon::http::date_bytes);
    if (std::exchange(date_of_, unix_time_s) != unix_time_s) carillon::http::write_date(date_, unix_time_s);
    out += form.version == 10 ? "HTTP/1.0 " : "HTTP/1.1 ";
    append_number(out, what.status);
    out += ' ';
    out += phrase_of(what.status);
    out += "\r\n";
    append_field(out, "Date", {date_.data(), date_.size()});
    append_field(out, "Content-Type", what.content_type);
    for (const auto& [name, value] : what.fields) append_field(out, name, value);
    // What the version does anyway is not said (RFC 9112 §9.3).
    if (form.version == 10 && form.keep_alive) append_field(out, "Connection", "keep-alive");
    if (form.version != 10 && !form.keep_alive) append_field(out, "Connection", "close");
    out += "Content-Length: ";
    append_number(out, what.body.size());
    out += "\r\n\r\n";
    if (!form.head_only) out += what.body;
}

} // namespace carillon::control
