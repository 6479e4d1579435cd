#include "protocol/payload.hpp"

#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/serializer.hpp>
#include <simdjson.h>

#include <algorithm>
#include <array>

namespace carillon::protocol {

namespace {

namespace json = boost::json;

// Accepts every event and keeps nothing: basic_parser does the checking.
struct accept_all {
    static constexpr std::size_t max_object_size = static_cast<std::size_t>(-1);
    static constexpr std::size_t max_array_size = static_cast<std::size_t>(-1);
    static constexpr std::size_t max_key_size = static_cast<std::size_t>(-1);
    static constexpr std::size_t max_string_size = static_cast<std::size_t>(-1);

    using error = boost::system::error_code;
    bool on_document_begin(error&) { return true; }
    bool on_document_end(error&) { return true; }
    bool on_array_begin(error&) { return true; }
    bool on_array_end(std::size_t, error&) { return true; }
    bool on_object_begin(error&) { return true; }
    bool on_object_end(std::size_t, error&) { return true; }
    bool on_string_part(json::string_view, std::size_t, error&) { return true; }
    bool on_string(json::string_view, std::size_t, error&) { return true; }
    bool on_key_part(json::string_view, std::size_t, error&) { return true; }
    bool on_key(json::string_view, std::size_t, error&) { return true; }
    bool on_number_part(json::string_view, error&) { return true; }
    bool on_int64(std::int64_t, json::string_view, error&) { return true; }
    bool on_uint64(std::uint64_t, json::string_view, error&) { return true; }
    bool on_double(double, json::string_view, error&) { return true; }
    bool on_bool(bool, error&) { return true; }
    bool on_null(error&) { return true; }
    bool on_comment_part(json::string_view, error&) { return true; }
    bool on_comment(json::string_view, error&) { return true; }
};

using validator = json::basic_parser<accept_all>;

boost::system::error_code parse(std::string_view text, std::size_t& read) {
    thread_local validator checker = [] {
        json::parse_options options;
        options.max_depth = json_depth_max;
        return validator{options};
    }();
    checker.reset();
    boost::system::error_code why;
    read = checker.write_some(false, text.data(), text.size(), why);
    if (!why && read < text.size()) why = make_error_code(json::error::extra_data);
    return why;
}

boost::system::error_code parse(std::string_view text) {
    std::size_t read = 0;
    return parse(text, read);
}

bool may_have_surrogates(std::string_view text) noexcept {
    return text.find("\\ud") != text.npos || text.find("\\uD") != text.npos;
}

enum class surrogate : std::uint8_t { none, first, second };

bool is_hex(char letter) noexcept {
    return std::string_view{"0123456789abcdefABCDEF"}.find(letter) != std::string_view::npos;
}

// What the escape of a code unit that `text` begins with is (RFC 8259 section 7). One that is not whole is none: put
// right, it would be JSON.
surrogate surrogate_at(std::string_view text) noexcept {
    if (text.size() < 6 || text[0] != '\\' || text[1] != 'u' || (text[2] != 'd' && text[2] != 'D') ||
        !is_hex(text[4]) || !is_hex(text[5]))
        return surrogate::none;
    if (std::string_view{"89abAB"}.find(text[3]) != std::string_view::npos) return surrogate::first;
    return std::string_view{"cdefCDEF"}.find(text[3]) != std::string_view::npos ? surrogate::second : surrogate::none;
}

boost::system::error_code validate(std::string_view text) {
    const boost::system::error_code why = parse(text);
    // Half a surrogate pair in an escape is JSON (RFC 8259 §8.2), and what a browser makes of a text that was cut in
    // the middle of an emoji, but Boost.JSON refuses it.
    std::string mended;
    return why && replace_half_surrogates(text, mended) ? parse(mended) : why;
}

} // namespace

bool is_utf8(std::string_view bytes) noexcept { return simdjson::validate_utf8(bytes.data(), bytes.size()); }

payload_kind classify(std::string_view payload) {
    const boost::system::error_code why = validate(payload);
    if (!why) return payload_kind::json;
    if (why == json::error::too_deep) return payload_kind::too_deep;
    return simdjson::validate_utf8(payload.data(), payload.size()) ? payload_kind::text : payload_kind::binary;
}

bool is_json(std::string_view text) { return !validate(text); }

std::optional<std::size_t> first_mistake(std::string_view text) {
    std::string mended;
    std::size_t read = 0;
    if (!parse(replace_half_surrogates(text, mended) ? mended : text, read)) return std::nullopt;
    return read;
}

bool replace_half_surrogates(std::string_view json, std::string& copy) {
    if (!may_have_surrogates(json)) return false;
    copy.assign(json);
    bool found = false;
    for (std::size_t at = copy.find('\\'); at != std::string::npos; at = copy.find('\\', at)) {
        const std::string_view rest = std::string_view{copy}.substr(at);
        const surrogate which = surrogate_at(rest);
        if (which == surrogate::first && surrogate_at(rest.substr(6)) == surrogate::second) {
            at += 12;
            continue;
        }
        if (which != surrogate::none) {
            copy.replace(at + 2, 4, "fffd");
            found = true;
        }
        at += 2;
    }
    return found;
}

void append_one_line(std::string& out, std::string_view json) {
    const std::size_t start = out.size();
    out.append(json);
    if (json.find_first_of("\r\n") == std::string_view::npos) return;
    std::replace_if(
        out.begin() + static_cast<std::ptrdiff_t>(start), out.end(), [](char c) { return c == '\n' || c == '\r'; },
        ' ');
}

void append_json_string(std::string& out, std::string_view text) {
    thread_local json::serializer writer;
    writer.reset(json::string_view{text.data(), text.size()});
    std::array<char, 512> piece;
    while (!writer.done()) {
        const json::string_view written = writer.read(piece.data(), piece.size());
        out.append(written.data(), written.size());
    }
}

} // namespace carillon::protocol
