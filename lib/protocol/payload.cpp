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

boost::system::error_code parse(std::string_view text) {
    thread_local validator checker = [] {
        json::parse_options options;
        options.max_depth = json_depth_max;
        return validator{options};
    }();
    checker.reset();
    boost::system::error_code why;
    const std::size_t read = checker.write_some(false, text.data(), text.size(), why);
    if (!why && read < text.size()) why = make_error_code(json::error::extra_data);
    return why;
}

bool starts_surrogate(std::string_view digits) noexcept {
    return digits.size() >= 2 && (digits[0] == 'd' || digits[0] == 'D') &&
           std::string_view{"89abcdefABCDEF"}.find(digits[1]) != std::string_view::npos;
}

// Half a surrogate pair in an escape is JSON (RFC 8259 §8.2), and what a browser makes of a text that was cut in the
// middle of an emoji, but Boost.JSON refuses it. Validates a copy in which every such escape is another one.
boost::system::error_code parse_without_surrogates(std::string_view text) {
    std::string copy{text};
    for (std::size_t at = copy.find('\\'); at != std::string::npos; at = copy.find('\\', at)) {
        if (copy.compare(at, 2, "\\u") == 0 && starts_surrogate(std::string_view{copy}.substr(at + 2)))
            copy[at + 2] = '0';
        at += 2;
    }
    return parse(copy);
}

boost::system::error_code validate(std::string_view text) {
    const boost::system::error_code why = parse(text);
    const bool may_be_surrogate = why && (text.find("\\ud") != text.npos || text.find("\\uD") != text.npos);
    return may_be_surrogate ? parse_without_surrogates(text) : why;
}

} // namespace

payload_kind classify(std::string_view payload) {
    const boost::system::error_code why = validate(payload);
    if (!why) return payload_kind::json;
    if (why == json::error::too_deep) return payload_kind::too_deep;
    return simdjson::validate_utf8(payload.data(), payload.size()) ? payload_kind::text : payload_kind::binary;
}

bool is_json(std::string_view text) { return !validate(text); }

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
