#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
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

/// Arrays and objects inside each other. With the three objects of a push around them they are fewer than the 512 that
/// the strictest of the widespread parsers take (docs/decisions/0025).
inline constexpr std::size_t json_depth_max = 500;

/// Reads the whole payload once, strictly; allocates nothing once it has run on this thread. An empty payload is text.
payload_kind classify(std::string_view payload);

bool is_utf8(std::string_view bytes) noexcept;

/// Whether `text` is one valid JSON value with nothing but white space around it, at most json_depth_max deep.
bool is_json(std::string_view text);

/// Where the first mistake of `text` is, in bytes from its start, if it is not one JSON value; what follows one counts.
std::optional<std::size_t> first_mistake(std::string_view text);

/// Copies `json` into `copy` with U+FFFD in place of each half of a surrogate pair that stands alone in an escape; all
/// else stays where it is. False when there is none: then `copy` is of no use.
bool replace_half_surrogates(std::string_view json, std::string& copy);

/// Appends `json`, valid JSON, with its line breaks made spaces: in the JSON framing of the protocol a line break ends
/// a message (§1.3). Inside of strings JSON has no raw line breaks, so the value stays the same.
void append_one_line(std::string& out, std::string_view json);

/// Appends `text`, valid UTF-8, as a JSON string with its quotes.
void append_json_string(std::string& out, std::string_view text);

} // namespace carillon::protocol
