#include "ledger/envelope.hpp"

#include "protocol/payload.hpp"

#include <charconv>
#include <cstdint>
#include <utility>

namespace carillon::ledger {

namespace {

// Byte 0xff, the name, and the number of this form: "\xffC1OFFSET EPOCH BODY".
constexpr std::string_view head = "\377C1";

// JSON, text, a coming, a going; or "d", data of which it is not told whether it is JSON: "kINFO_BYTES TAGS_BYTES " and
// the three texts.
char letter_of(const streams::draft& what, hub::publication::kind kind) noexcept {
    if (kind == hub::publication::kind::join) return '+';
    if (kind == hub::publication::kind::leave) return '-';
    return what.is_json ? 'j' : 't';
}

// What stands before the next blank; both are taken away.
std::optional<std::string_view> take_word(std::string_view& from) noexcept {
    const std::size_t end = from.find(' ');
    if (end == std::string_view::npos) return std::nullopt;
    const std::string_view word = from.substr(0, end);
    from.remove_prefix(end + 1);
    return word;
}

template <class Number>
bool read_number(std::string_view word, Number& into) noexcept {
    const auto [end, failed] = std::from_chars(word.data(), word.data() + word.size(), into);
    return failed == std::errc{} && end == word.data() + word.size();
}

} // namespace

std::string body_of(const streams::draft& what, hub::publication::kind kind) {
    std::string made;
    made.reserve(envelope_overhead_bytes + what.info.size() + what.tags.size() + what.payload.size());
    made += letter_of(what, kind);
    made += std::to_string(what.info.size());
    made += ' ';
    made += std::to_string(what.tags.size());
    made += ' ';
    made += what.info;
    made += what.tags;
    made += what.payload;
    return made;
}

std::string envelope_of(std::string_view body) {
    std::string made{head};
    made += "0  ";
    made += body;
    return made;
}

bool is_envelope(std::string_view bytes) noexcept { return bytes.starts_with(head); }

std::optional<envelope> open_body(std::string_view body) noexcept {
    if (body.empty()) return std::nullopt;
    envelope found;
    switch (body.front()) {
    case 'j': found.published.is_json = true; break;
    case 't': break;
    case 'd': found.is_untold = true; break;
    case '+': found.what = hub::publication::kind::join; break;
    case '-': found.what = hub::publication::kind::leave; break;
    default: return std::nullopt; // of a later version
    }
    if (found.what != hub::publication::kind::message) found.published.is_json = true;
    body.remove_prefix(1);
    const auto info = take_word(body);
    const auto tags = take_word(body);
    std::size_t info_bytes = 0;
    std::size_t tags_bytes = 0;
    if (!info || !tags || !read_number(*info, info_bytes) || !read_number(*tags, tags_bytes)) return std::nullopt;
    if (info_bytes > body.size() || tags_bytes > body.size() - info_bytes) return std::nullopt;
    found.published.info = body.substr(0, info_bytes);
    found.published.tags = body.substr(info_bytes, tags_bytes);
    found.published.payload = body.substr(info_bytes + tags_bytes);
    return found;
}

std::optional<envelope> open_envelope(std::string_view bytes) noexcept {
    if (!is_envelope(bytes)) return std::nullopt;
    bytes.remove_prefix(head.size());
    const auto offset = take_word(bytes);
    const auto epoch = take_word(bytes);
    streams::position at;
    if (!offset || !epoch || !read_number(*offset, at.offset) || !streams::epoch::fits(*epoch)) return std::nullopt;
    at.epoch = streams::epoch{*epoch};
    auto found = open_body(bytes);
    if (found) found->at = at;
    return found;
}

bool settle(envelope& what) {
    using kind = protocol::payload_kind;
    const auto is_json = [](std::string_view text) { return text.empty() || protocol::classify(text) == kind::json; };
    if (!is_json(what.published.info) || !is_json(what.published.tags)) return false;
    const kind found = protocol::classify(what.published.payload);
    if (found != kind::json && found != kind::text) return false;
    if (std::exchange(what.is_untold, false)) what.published.is_json = found == kind::json;
    return what.published.is_json == (found == kind::json);
}

} // namespace carillon::ledger
