#include "load/marker.hpp"

#include "base/check.hpp"

#include <array>
#include <cstring>

namespace carillon::load {
namespace {

constexpr std::string_view start = "@cb:";
constexpr std::string_view before_marker = R"({"bench":")";
constexpr std::string_view before_fill = R"(","fill":")";
constexpr std::string_view after_fill = R"("})";

char* write_hex(char* at, std::size_t digits, std::uint64_t number) noexcept {
    for (std::size_t i = digits; i-- > 0; number >>= 4) at[i] = "0123456789abcdef"[number & 15];
    return at + digits;
}

constexpr std::uint8_t not_hex = 16;
constexpr auto hex_values = [] {
    std::array<std::uint8_t, 256> values{};
    values.fill(not_hex);
    for (std::uint8_t i = 0; i < 10; ++i) values[std::size_t{'0'} + i] = i;
    for (std::uint8_t i = 0; i < 6; ++i) values[std::size_t{'a'} + i] = static_cast<std::uint8_t>(10 + i);
    return values;
}();

// Reads the digits and what stands behind them.
bool read_hex(const char*& at, std::size_t digits, char behind, std::uint64_t& number) noexcept {
    number = 0;
    std::uint8_t all = 0;
    for (std::size_t i = 0; i < digits; ++i) {
        const std::uint8_t value = hex_values[static_cast<unsigned char>(at[i])];
        all |= value;
        number = number << 4 | (value & 15u);
    }
    at += digits + 1;
    return (all & not_hex) == 0 && at[-1] == behind;
}

std::optional<marker> read_marker(const char* at) noexcept {
    std::uint64_t run = 0, channel = 0, sequence = 0, due = 0;
    if (std::memcmp(at, start.data(), start.size()) != 0) return std::nullopt;
    at += start.size();
    if (!read_hex(at, 8, ':', run) || !read_hex(at, 8, ':', channel)) return std::nullopt;
    if (!read_hex(at, 12, ':', sequence) || !read_hex(at, 16, '@', due)) return std::nullopt;
    // No publisher writes a time before the clock began, and a difference to it would be more than a duration holds.
    if (due >> 63 != 0) return std::nullopt;
    return marker{static_cast<std::uint32_t>(run), static_cast<std::uint32_t>(channel), sequence,
                  clock::time_point{std::chrono::nanoseconds{due}}};
}

} // namespace

void write_marker(std::span<char, marker_bytes> out, const marker& what) noexcept {
    char* at = out.data();
    std::memcpy(at, start.data(), start.size());
    at = write_hex(at + start.size(), 8, what.run);
    *at++ = ':';
    at = write_hex(at, 8, what.channel);
    *at++ = ':';
    at = write_hex(at, 12, what.sequence);
    *at++ = ':';
    at = write_hex(at, 16, static_cast<std::uint64_t>(std::chrono::nanoseconds{what.due.time_since_epoch()}.count()));
    *at++ = '@';
    CHECK(at == out.data() + out.size());
}

std::optional<marker> take_marker(std::string_view& text) noexcept {
    while (text.size() >= marker_bytes) {
        const void* const at = std::memchr(text.data(), start.front(), text.size() - marker_bytes + 1);
        if (at == nullptr) break;
        text.remove_prefix(static_cast<std::size_t>(static_cast<const char*>(at) - text.data()));
        if (const auto found = read_marker(text.data())) {
            text.remove_prefix(marker_bytes);
            return found;
        }
        text.remove_prefix(1);
    }
    text = {};
    return std::nullopt;
}

payload_writer::payload_writer(std::size_t bytes) {
    CHECK(bytes >= payload_bytes_min);
    text_ = before_marker;
    text_.append(marker_bytes, '0');
    text_ += before_fill;
    text_.append(bytes - payload_bytes_min, 'x');
    text_ += after_fill;
}

std::string_view payload_writer::write(const marker& what) noexcept {
    write_marker(std::span<char, marker_bytes>{text_.data() + before_marker.size(), marker_bytes}, what);
    return text_;
}

} // namespace carillon::load
