#pragma once

#include "http/status.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace carillon::http {

inline constexpr std::size_t head_bytes_max = 8192;
inline constexpr std::size_t headers_max = 64;
/// No limit on fields may be larger: a request_head has room for so many.
inline constexpr std::size_t headers_most = 250;
static_assert(headers_max <= headers_most && headers_most < 255, "request_head counts fields in one byte");

/// How large a head may be.
struct head_limits {
    /// Not ended after this many bytes, it is refused: 431, or 414 while the request line itself has not ended.
    std::size_t bytes = head_bytes_max;
    /// With more fields it is refused: 431. At most headers_most.
    std::size_t fields = headers_max;
};

/// One field line. The value has no white space around it; it may hold bytes >= 0x80 (obs-text, RFC 9110 §5.5).
struct header_field {
    std::string_view name;
    std::string_view value;
};

/// The fields the parser recognises while it reads, so that a verdict need not search for them again.
enum class known_header : std::uint8_t {
    host,
    origin,
    content_length,
    transfer_encoding,
    websocket_key,
    websocket_version,
    // These three are lists and may come as several lines (RFC 9110 §5.3); all those above may come once.
    upgrade,
    connection,
    websocket_protocol,
};
inline constexpr std::size_t known_headers = 9;

/// A request head read by parse_head. Everything it returns views the buffer that was parsed, and is valid as long as
/// those bytes stay where they are. Eight KiB, not initialised: making one costs nothing. Not copied, because nobody
/// needs two.
class request_head {
public:
    request_head() noexcept {} // not "= default", which the array of views in the union would delete
    request_head(const request_head&) = delete;
    request_head& operator=(const request_head&) = delete;

    /// A token of at most 16 bytes, in the case it was sent: methods are case-sensitive.
    std::string_view method() const noexcept { return method_; }
    /// As sent: origin-form "/a?b", absolute-form "http://host/a?b" or "*" (RFC 9112 §3.2), see split_target.
    std::string_view target() const noexcept { return target_; }
    /// The target without scheme, authority and query; not percent-decoded. "/" if an absolute-form target has none.
    std::string_view path() const noexcept { return path_; }
    /// What follows the first '?' of the target; empty if there is none.
    std::string_view query() const noexcept { return query_; }
    /// The x of HTTP/1.x: 0 to 9.
    int minor_version() const noexcept { return minor_version_; }
    /// In the order they came.
    std::span<const header_field> headers() const noexcept { return {fields_.data(), count_}; }
    /// Bytes of the head including its blank line. What follows in the buffer belongs to the next protocol.
    std::size_t size() const noexcept { return size_; }

    bool has(known_header name) const noexcept { return first_[static_cast<std::size_t>(name)] != absent; }
    /// The value of the first field of that name; empty if there is none.
    std::string_view first(known_header name) const noexcept {
        return has(name) ? fields_[first_[static_cast<std::size_t>(name)]].value : std::string_view{};
    }
    /// Whether the name came on more than one line.
    bool repeated(known_header name) const noexcept { return (repeated_ >> static_cast<unsigned>(name) & 1U) != 0; }

private:
    friend class head_reader;
    static constexpr std::uint8_t absent = 255;

    std::string_view method_;
    std::string_view target_;
    std::string_view path_;
    std::string_view query_;
    std::size_t size_ = 0;
    std::size_t count_ = 0;
    std::uint16_t repeated_ = 0; // a bit for each known_header
    std::uint8_t minor_version_ = 0;
    std::array<std::uint8_t, known_headers>
        first_; // index of the first field of that name, or absent; set by the parser
    union {
        std::array<header_field, headers_most> fields_; // the first count_ are alive
    };
};

enum class parse_outcome : std::uint8_t {
    complete,  ///< the head is valid and its fields may be read
    need_more, ///< a valid beginning
    refused,   ///< nothing that may follow can make it valid
};

struct parse_result {
    parse_outcome outcome{};
    status refusal{};          ///< meaningful if refused
    std::string_view reason{}; ///< one sentence for the client, static text; meaningful if refused
};

/// Reads a request head (RFC 9112 §2 to §5) from the first byte of a connection. Never throws, allocates nothing.
///
/// `bytes` is all that has arrived so far, from the first byte on; the buffer may move between two calls. `scanned`
/// starts at 0 and is kept by the caller between calls: that many bytes are complete, valid lines and are not looked at
/// again until the head has ended. The one unfinished line is read again by each call: the worst that 8 KiB
/// allow, a single line byte by byte, takes about a millisecond in all. `head` may be read only after
/// `complete`.
///
/// A head is refused at the first byte that cannot belong to one, whatever its split. Where a lenient parser and a
/// strict one could see different requests, the head is refused (400): CR or LF alone, folded lines, control bytes,
/// white space before the colon, an empty name, a second Host, Content-Length, Transfer-Encoding, Origin,
/// Sec-WebSocket-Key or -Version, or Content-Length together with Transfer-Encoding. Repetition and the number of
/// fields are judged when the head has ended.
///
/// One empty line before the request line is ignored (RFC 9112 §2.2): some clients end a body with a stray CRLF, and
/// what stands between may send it on a new connection.
[[nodiscard]] parse_result parse_head(std::string_view bytes, std::size_t& scanned, request_head& head,
                                      const head_limits& limits = {}) noexcept;

/// A request target in its parts.
struct target_parts {
    std::string_view path;  ///< without scheme, authority and query; "/" if an absolute-form target has none
    std::string_view query; ///< what follows the first '?'
};

/// Splits a whole target: origin-form, "*", or absolute-form with a scheme of http, https, ws or wss and an authority
/// that is_host would take (RFC 9112 §3.2). Nothing: it is none of these. The parts view `target`.
[[nodiscard]] std::optional<target_parts> split_target(std::string_view target) noexcept;

} // namespace carillon::http
