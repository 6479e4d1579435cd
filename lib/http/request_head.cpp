#include "http/request_head.hpp"

#include "base/check.hpp"
#include "http/ascii.hpp"
#include "http/host.hpp"
#include "http/scan.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

namespace carillon::http {
namespace {

constexpr std::ptrdiff_t method_bytes_max = 16; // the longest registered one in use, UPDATEREDIRECTREF, nobody sends

constexpr std::uint16_t bit(known_header name) noexcept {
    return static_cast<std::uint16_t>(1U << static_cast<unsigned>(name));
}
constexpr std::uint16_t once_only = bit(known_header::host) | bit(known_header::origin) |
                                    bit(known_header::content_length) | bit(known_header::transfer_encoding) |
                                    bit(known_header::websocket_key) | bit(known_header::websocket_version);

constexpr std::size_t index_of(known_header name) noexcept { return static_cast<std::size_t>(name); }

/// The index of a known_header, or known_headers. The lengths tell nearly all names apart, so a field costs one jump
/// and at most two comparisons.
std::size_t recognise(std::string_view name) noexcept {
    switch (name.size()) {
    case 4:
        if (is_word(name, "host")) return index_of(known_header::host);
        break;
    case 6:
        if (is_word(name, "origin")) return index_of(known_header::origin);
        break;
    case 7:
        if (is_word(name, "upgrade")) return index_of(known_header::upgrade);
        break;
    case 10:
        if (is_word(name, "connection")) return index_of(known_header::connection);
        break;
    case 14:
        if (is_word(name, "content-length")) return index_of(known_header::content_length);
        break;
    case 17:
        if (is_word(name, "sec-websocket-key")) return index_of(known_header::websocket_key);
        if (is_word(name, "transfer-encoding")) return index_of(known_header::transfer_encoding);
        break;
    case 21:
        if (is_word(name, "sec-websocket-version")) return index_of(known_header::websocket_version);
        break;
    case 22:
        if (is_word(name, "sec-websocket-protocol")) return index_of(known_header::websocket_protocol);
        break;
    default: break;
    }
    return known_headers;
}

/// Whether `text` begins like `lower` in any case, as far as the shorter of the two goes.
bool agrees_with(std::string_view text, std::string_view lower) noexcept {
    const std::size_t size = std::min(text.size(), lower.size());
    return same_ignoring_case(text.substr(0, size), lower.substr(0, size));
}

// Those of WebSockets too: clients send the URL that they were given to a proxy, and some proxies send it on.
constexpr std::array<std::string_view, 4> schemes{"http://", "https://", "ws://", "wss://"};

/// Bytes of one of the schemes at the beginning of a target; 0 if it has none.
std::size_t scheme_bytes(std::string_view target) noexcept {
    for (const std::string_view scheme : schemes)
        if (target.size() >= scheme.size() && agrees_with(target, scheme)) return scheme.size();
    return 0;
}

/// Whether something may follow that makes it a target.
bool begins_target(std::string_view target) noexcept {
    if (target.empty() || target[0] == '/') return true;
    if (target[0] == '*') return target.size() == 1;
    if (const std::size_t scheme = scheme_bytes(target); scheme != 0)
        return scheme == target.size() || (target[scheme] != '/' && target[scheme] != '?');
    return std::ranges::any_of(schemes, [&](std::string_view scheme) { return agrees_with(target, scheme); });
}

} // namespace

std::optional<target_parts> split_target(std::string_view target) noexcept {
    if (target.empty() || !begins_target(target)) return {};
    std::size_t path = 0;
    if (target[0] != '/' && target[0] != '*') {
        const std::size_t authority = scheme_bytes(target);
        path = std::min(target.find_first_of("/?", authority), target.size());
        if (authority == 0 || !is_host(target.substr(authority, path - authority))) return {};
    }
    const std::size_t question = target.find('?', path);
    target_parts parts{target.substr(path, question - path), {}};
    if (parts.path.empty()) parts.path = "/"; // RFC 9110 §4.2.3
    if (question != target.npos) parts.query = target.substr(question + 1);
    return parts;
}

/// One walk over the bytes from left to right. Each step answers `complete` when its part is read, and stops at the
/// first byte that is missing or wrong.
class head_reader {
public:
    head_reader(std::string_view bytes, request_head& head, std::size_t fields_max) noexcept
        : begin_{bytes.data()}, end_{bytes.data() + bytes.size()}, fields_max_{fields_max}, head_{head} {}

    /// Reads from the beginning of a line; 0 is that of the request line.
    parse_outcome read(std::size_t start) noexcept {
        at_ = begin_ + start;
        head_.first_.fill(request_head::absent);
        head_.repeated_ = 0;
        head_.count_ = 0;
        if (start == 0)
            if (const parse_outcome line = read_request_line(); line != complete) return line;
        return read_fields();
    }

    /// Judges what depends on more than one line, when all of them have been read. Were it judged earlier, a head that
    /// came in two parts, whose finished lines are forgotten, could be refused for another reason than the same head in
    /// one.
    parse_outcome judge() noexcept {
        const std::size_t count = std::exchange(head_.count_, 0);
        if (count > fields_max_)
            return refuse(status::header_fields_too_large, "The request has too many header fields.");
        if ((head_.repeated_ & once_only) != 0) return bad("A header field that may come once is repeated.");
        if (head_.has(known_header::content_length) && head_.has(known_header::transfer_encoding))
            return bad("Content-Length and Transfer-Encoding contradict each other.");
        head_.count_ = count;
        return complete;
    }

    /// Bytes of the complete lines read.
    std::size_t read_bytes() const noexcept { return static_cast<std::size_t>(at_ - begin_); }

    /// What read or judge has refused; meaningful if one did.
    const parse_result& refusal() const noexcept { return refusal_; }

private:
    static constexpr parse_outcome complete = parse_outcome::complete;
    static constexpr parse_outcome need_more = parse_outcome::need_more;
    parse_outcome refuse(status code, std::string_view reason) noexcept {
        refusal_ = {parse_outcome::refused, code, reason};
        return parse_outcome::refused;
    }
    parse_outcome bad(std::string_view reason) noexcept { return refuse(status::bad_request, reason); }
    static std::string_view view(const char* from, const char* to) noexcept {
        return {from, static_cast<std::size_t>(to - from)};
    }

    parse_outcome read_request_line() noexcept {
        const char* method = begin_;
        if (method != end_ && *method == '\r') {
            if (method + 1 == end_) return need_more;
            if (method[1] != '\n') return bad("A carriage return stands alone.");
            method += 2;
        }
        const char* const method_end = scan::token_end(method, end_);
        if (method_end - method > method_bytes_max) return bad("The method is too long.");
        if (method_end == end_) return need_more;
        if (method_end == method || *method_end != ' ') return bad("The first bytes are not an HTTP method.");
        head_.method_ = view(method, method_end);

        const char* const target = method_end + 1;
        const char* const target_end = scan::target_end(target, end_);
        const parse_outcome form = read_target(view(target, target_end), target_end != end_);
        if (form != complete) return form;
        if (*target_end != ' ') return bad("The request target is not followed by an HTTP version.");
        return read_version(target_end + 1);
    }

    /// `ended`: nothing more of the target will come.
    parse_outcome read_target(std::string_view target, bool ended) noexcept {
        if (!begins_target(target)) return bad("The request target is neither a path nor an http URI with a host.");
        if (!ended) return need_more;
        const std::optional<target_parts> parts = split_target(target);
        if (!parts) return bad("The request target is empty, holds a forbidden byte or names no host.");
        head_.target_ = target;
        head_.path_ = parts->path;
        head_.query_ = parts->query;
        return complete;
    }

    parse_outcome read_version(const char* at) noexcept {
        constexpr std::string_view form = "HTTP/1.0\r\n"; // where the digits may be others
        constexpr std::size_t major = 5;
        constexpr std::size_t minor = 7;
        const std::string_view sent = view(at, end_).substr(0, form.size());
        for (std::size_t i = 0; i < sent.size(); ++i) {
            const bool fits = i == major || i == minor ? is_digit(sent[i]) : sent[i] == form[i];
            if (!fits) return bad("The request line does not end with an HTTP version and CRLF.");
            if (i == major && sent[i] != '1')
                return refuse(status::http_version_not_supported, "Only HTTP/1.1 is spoken here.");
        }
        if (sent.size() < form.size()) return need_more;
        head_.minor_version_ = static_cast<std::uint8_t>(sent[minor] - '0');
        at_ = at + form.size();
        return complete;
    }

    parse_outcome read_fields() noexcept {
        const char* const end = end_;
        for (std::size_t count = 0;; ++count) {
            // The end of the line is sought first, although the name ends before it: so the processor can begin with
            // the next line before it is done with this one, which takes a third off the time.
            const char* const name = at_;
            const char* const line_end = scan::value_end(name, end);
            const char* const name_end = scan::token_end(name, end);
            if (name_end == end) return need_more;
            if (*name_end != ':' || name_end == name)
                return name_end == name && *name == '\r' ? read_blank_line(count) : bad_name(name, name_end);
            if (end - line_end < 2) return line_end == end || *line_end == '\r' ? need_more : bad_value(*line_end);
            if (line_end[0] != '\r' || line_end[1] != '\n') return bad_value(*line_end);
            at_ = line_end + 2;
            if (count < fields_max_) keep(count, view(name, name_end), trimmed(name_end + 1, line_end));
        }
    }

    /// Without the white space around; the byte at `to` is none.
    static std::string_view trimmed(const char* from, const char* to) noexcept {
        while (is_blank(*from)) ++from;
        if (from != to)
            while (is_blank(to[-1])) --to;
        return view(from, to);
    }

    void keep(std::size_t index, std::string_view name, std::string_view value) noexcept {
        std::construct_at(head_.fields_.data() + index, header_field{name, value});
        const std::size_t known = recognise(name);
        if (known == known_headers) return;
        if (head_.first_[known] == request_head::absent)
            head_.first_[known] = static_cast<std::uint8_t>(index);
        else
            head_.repeated_ |= static_cast<std::uint16_t>(1U << known);
    }

    parse_outcome read_blank_line(std::size_t count) noexcept {
        if (at_ + 1 == end_) return need_more;
        if (at_[1] != '\n') return bad("A carriage return stands alone.");
        at_ += 2;
        head_.count_ = count;
        head_.size_ = read_bytes();
        return complete;
    }

    parse_outcome bad_name(const char* name, const char* name_end) noexcept {
        if (name_end != name)
            return is_blank(*name_end) ? bad("White space stands before the colon of a header field.")
                                       : bad("A header field name holds a forbidden byte or lacks its colon.");
        if (is_blank(*name)) return bad("A header field is folded over two lines.");
        return *name == ':' ? bad("A header field has no name.") : bad("A header field name holds a forbidden byte.");
    }

    parse_outcome bad_value(char byte) noexcept {
        if (byte == '\r') return bad("A carriage return stands alone.");
        return byte == '\n' ? bad("A line feed stands alone.") : bad("A header field value holds a control byte.");
    }

    const char* begin_;
    const char* end_;
    const char* at_ = nullptr; // the beginning of the line being read
    std::size_t fields_max_;
    request_head& head_;
    parse_result refusal_{};
};

parse_result parse_head(std::string_view bytes, std::size_t& scanned, request_head& head,
                        const head_limits& limits) noexcept {
    CHECK(scanned <= bytes.size() && scanned < limits.bytes && limits.fields <= headers_most);
    head_reader reader{bytes.substr(0, limits.bytes), head, limits.fields};
    parse_outcome outcome = reader.read(scanned);
    // What earlier calls have read was only checked: its views are made now, when the buffer will not move any more.
    if (outcome == parse_outcome::complete && scanned > 0) outcome = reader.read(0);
    if (outcome == parse_outcome::complete) outcome = reader.judge();
    if (outcome == parse_outcome::refused) return reader.refusal();
    if (outcome == parse_outcome::complete) return {outcome, {}, {}};

    scanned = reader.read_bytes();
    if (bytes.size() < limits.bytes) return {outcome, {}, {}};
    if (scanned == 0) return {parse_outcome::refused, status::uri_too_long, "The request line is too long."};
    return {parse_outcome::refused, status::header_fields_too_large, "The request head is too long."};
}

} // namespace carillon::http
