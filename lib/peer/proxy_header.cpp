#include "peer/proxy_header.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

namespace carillon::peer {

namespace {

using namespace std::string_view_literals;

// --- version 1: one line of text

constexpr std::string_view signature_1 = "PROXY ";
constexpr std::size_t line_bytes_max = 107; // with its line break (§2.1)

// The next word of a line whose words stand one space apart; empty: there is none.
std::string_view next_word(std::string_view& line) noexcept {
    const std::size_t end = line.find(' ');
    const std::string_view word = line.substr(0, end);
    line = end == line.npos ? std::string_view{} : line.substr(end + 1);
    return word;
}

bool is_port(std::string_view word) noexcept {
    std::uint16_t port = 0;
    const auto [end, why] = std::from_chars(word.data(), word.data() + word.size(), port);
    return why == std::errc{} && end == word.data() + word.size() && (word.size() == 1 || word.front() != '0');
}

header_outcome read_line(std::string_view line, proxy_header& into) noexcept {
    line.remove_prefix(signature_1.size());
    const bool ends_in_space = line.ends_with(' ');
    const std::string_view family = next_word(line);
    if (family == "UNKNOWN") return header_outcome::complete; // whatever follows (§2.1)
    const bool four = family == "TCP4";
    if ((!four && family != "TCP6") || ends_in_space) return header_outcome::refused;
    const auto source = read_address(next_word(line));
    const auto destination = read_address(next_word(line));
    const std::string_view source_port = next_word(line);
    if (!source || !destination || !is_port(source_port) || !is_port(next_word(line)) || !line.empty())
        return header_outcome::refused;
    if (four && (!is_ipv4(*source) || !is_ipv4(*destination))) return header_outcome::refused;
    into.source = *source;
    return header_outcome::complete;
}

header_outcome read_version_1(std::string_view bytes, proxy_header& into) noexcept {
    const std::size_t end = bytes.substr(0, line_bytes_max).find("\r\n");
    if (end == bytes.npos) return bytes.size() < line_bytes_max ? header_outcome::need_more : header_outcome::refused;
    into.bytes = end + 2;
    return read_line(bytes.substr(0, end), into);
}

// --- version 2: 16 bytes, then what they say

constexpr std::string_view signature_2 = "\r\n\r\n\0\r\nQUIT\n"sv;
constexpr std::size_t fixed_bytes = 16;
constexpr std::size_t tlv_head_bytes = 3;

struct family {
    std::uint8_t code;         // and protocol
    std::size_t address_bytes; // of both ends, with their ports
    std::size_t source_bytes;  // 0: it is no IP address
};
// Only what flows: of a datagram's sender nobody could send us a stream, but the header is well formed.
constexpr std::array families{family{0x11, 12, 4},  family{0x12, 12, 4},  family{0x21, 36, 16},
                              family{0x22, 36, 16}, family{0x31, 216, 0}, family{0x32, 216, 0}};

std::uint8_t byte_at(std::string_view bytes, std::size_t at) noexcept { return static_cast<std::uint8_t>(bytes[at]); }

std::size_t number_at(std::string_view bytes, std::size_t at) noexcept {
    return static_cast<std::size_t>(byte_at(bytes, at) << 8 | byte_at(bytes, at + 1));
}

// Whether type, length and value follow each other up to the end (§2.2.1).
bool are_tlvs(std::string_view bytes) noexcept {
    while (!bytes.empty()) {
        if (bytes.size() < tlv_head_bytes) return false;
        const std::size_t whole = tlv_head_bytes + number_at(bytes, 1);
        if (whole > bytes.size()) return false;
        bytes.remove_prefix(whole);
    }
    return true;
}

header_outcome read_version_2(std::string_view bytes, proxy_header& into) noexcept {
    constexpr std::size_t command_at = 12, family_at = 13, length_at = 14;
    // As soon as they are there: who sends something else is not waited for.
    if (bytes.size() > command_at && byte_at(bytes, command_at) != 0x20 && byte_at(bytes, command_at) != 0x21)
        return header_outcome::refused;
    const bool local = bytes.size() > command_at && byte_at(bytes, command_at) == 0x20;
    const auto* known = families.end();
    if (bytes.size() > family_at && !local && byte_at(bytes, family_at) != 0) {
        known = std::ranges::find(families, byte_at(bytes, family_at), &family::code);
        if (known == families.end()) return header_outcome::refused;
    }
    if (bytes.size() < fixed_bytes) return header_outcome::need_more;
    const std::size_t length = number_at(bytes, length_at);
    if (fixed_bytes + length > proxy_header_bytes_max) return header_outcome::refused;
    if (known != families.end() && length < known->address_bytes) return header_outcome::refused;
    if (bytes.size() < fixed_bytes + length) return header_outcome::need_more;
    into.bytes = fixed_bytes + length;
    into.local = local;
    if (known == families.end()) return header_outcome::complete; // what there is, is to be ignored (§2.2)
    const std::string_view said = bytes.substr(fixed_bytes, length);
    if (!are_tlvs(said.substr(known->address_bytes))) return header_outcome::refused;
    if (known->source_bytes == 4) into.source = of_ipv4(reinterpret_cast<const std::uint8_t*>(said.data()));
    if (known->source_bytes == 16) std::memcpy(into.source.bytes.data(), said.data(), into.source.bytes.size());
    return header_outcome::complete;
}

bool may_begin(std::string_view bytes, std::string_view signature) noexcept {
    const std::size_t both = std::min(bytes.size(), signature.size());
    return bytes.substr(0, both) == signature.substr(0, both);
}

} // namespace

header_outcome read_proxy_header(std::string_view bytes, proxy_header& into) noexcept {
    into = {};
    if (bytes.empty()) return header_outcome::need_more;
    if (may_begin(bytes, signature_2)) return read_version_2(bytes, into);
    if (!may_begin(bytes, signature_1)) return header_outcome::refused;
    return bytes.size() < signature_1.size() ? header_outcome::need_more : read_version_1(bytes, into);
}

} // namespace carillon::peer
