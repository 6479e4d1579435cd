#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace carillon::protocol {

/// What a published payload is, and so how a JSON connection gets it.
enum class payload_kind : std::uint8_t {
    json,     ///< one JSON value (RFC 8259): delivered as it is
    text,     ///< other UTF-8: delivered as a JSON string
    binary,   ///< no UTF-8: cannot be delivered
    too_deep, ///< JSON that nests deeper than json_depth_max: clients' parsers may not take it
};

/// Arrays and objects inside each other.
inline constexpr std::size_t json_depth_max = 64;

/// Reads the whole payload once, strictly; allocates nothing once it has run on this thread. An empty payload is text.
payload_kind classify(std::string_view payload);

/// Whether `text` is one valid JSON value with nothing but white space around it, at most json_depth_max deep.
bool is_json(std::string_view text);

/// Appends `json`, valid JSON, with its line breaks made spaces: in the JSON framing of the protocol a line break ends
/// a message (§1.3). Inside of strings JSON has no raw line breaks, so the value stays the same.
void append_one_line(std::string& out, std::string_view json);

/// Appends `text`, valid UTF-8, as a JSON string with its quotes.
void append_json_string(std::string& out, std::string_view text);

} // namespace carillon::protocol
