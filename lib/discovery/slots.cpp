#include "discovery/slots.hpp"

#include <boost/crc.hpp>

#include <algorithm>
#include <charconv>

namespace carillon::discovery {

namespace {

std::uint16_t hashed(std::string_view text) noexcept {
    boost::crc_optimal<16, 0x1021, 0, 0, false, false> sum;
    sum.process_bytes(text.data(), text.size());
    return static_cast<std::uint16_t>(sum.checksum() % slots);
}

// The next word of it.
std::string_view take_word(std::string_view& text) noexcept {
    const std::string_view word = text.substr(0, text.find(' '));
    text.remove_prefix(std::min(word.size() + 1, text.size()));
    return word;
}

template <class Number>
bool read_whole(std::string_view text, Number& into) noexcept {
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), into);
    return failed == std::errc{} && end == text.data() + text.size();
}

// SLOT HOST:PORT; an IPv6 host stands there without brackets.
std::optional<redirection> led_to(redirection::kind what, std::string_view rest) {
    redirection found{.what = what};
    const std::string_view slot = take_word(rest);
    const std::string_view where = take_word(rest);
    const std::size_t colon = where.rfind(':');
    if (colon == std::string_view::npos || !read_whole(slot, found.slot) || found.slot >= slots) return {};
    if (!read_whole(where.substr(colon + 1), found.where.port) || found.where.port == 0) return {};
    found.where.host = where.substr(0, colon);
    if (found.where.is_path()) return {};
    return found;
}

} // namespace

std::uint16_t slot_of(std::string_view key) noexcept {
    const std::size_t open = key.find('{');
    if (open == std::string_view::npos) return hashed(key);
    const std::size_t close = key.find('}', open + 1);
    if (close == std::string_view::npos || close == open + 1) return hashed(key);
    return hashed(key.substr(open + 1, close - open - 1));
}

std::uint16_t home_slot(std::string_view channel) noexcept {
    const std::string_view tag = channel.substr(0, channel.find('}'));
    return hashed(tag.empty() ? channel : tag);
}

bool in_one_slot(std::span<const std::string> keys) noexcept {
    return std::ranges::all_of(keys, [&](const std::string& each) { return slot_of(each) == slot_of(keys.front()); });
}

std::optional<redirection> redirection_of(std::string_view error) {
    const std::string_view word = take_word(error);
    if (word == "MOVED") return led_to(redirection::kind::moved, error);
    if (word == "ASK") return led_to(redirection::kind::asked, error);
    if (word == "TRYAGAIN") return redirection{.what = redirection::kind::later};
    if (word == "CLUSTERDOWN") return redirection{.what = redirection::kind::down};
    return {};
}

} // namespace carillon::discovery
