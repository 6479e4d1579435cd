#include "fossil/delta.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <utility>

namespace carillon::fossil {

namespace {

// What is looked for are blocks of this many bytes: shorter ones would hardly be worth a copy.
constexpr std::size_t block_bytes = 8;
// Of the blocks with one hash: in a text that repeats itself the others are hardly better.
constexpr int candidates_max = 8;
// A copy also ends the literal before it, and another one begins behind it.
constexpr std::size_t literal_head_bytes = 3;
// Of a character's bytes in UTF-8, after the first.
constexpr int continuations_max = 3;

constexpr std::string_view digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz~";

constexpr std::array<signed char, 256> values = [] {
    std::array<signed char, 256> made{};
    made.fill(-1);
    for (std::size_t i = 0; i < digits.size(); ++i)
        made[static_cast<unsigned char>(digits[i])] = static_cast<signed char>(i);
    return made;
}();

std::uint64_t block_at(std::string_view text, std::size_t at) noexcept {
    std::uint64_t block = 0;
    std::memcpy(&block, text.data() + at, sizeof(block));
    return block;
}
static_assert(sizeof(std::uint64_t) == block_bytes);

bool continues_character(char byte) noexcept { return (static_cast<unsigned char>(byte) & 0xc0u) == 0x80u; }

std::size_t digits_of(std::uint32_t number) noexcept {
    return number == 0 ? 1 : (static_cast<std::size_t>(std::bit_width(number)) + 5) / 6;
}

void append_number(std::string& out, std::uint32_t number) {
    for (std::size_t left = digits_of(number); left > 0; --left) out += digits[number >> (6 * (left - 1)) & 63u];
}

void append_literal(std::string& out, std::string_view text) {
    if (text.empty()) return;
    append_number(out, static_cast<std::uint32_t>(text.size()));
    out += ':';
    out += text;
}

// The sum of all words, the first byte of each the highest; the last is filled up with zeros.
std::uint32_t checksum(std::string_view text) noexcept {
    std::uint32_t sum = 0;
    for (std::size_t i = 0; i < text.size(); ++i)
        sum += static_cast<std::uint32_t>(static_cast<unsigned char>(text[i])) << (8 * (3 - i % 4));
    return sum;
}

// Takes a number from the front. Empty: there is none, or it does not fit.
std::optional<std::uint32_t> take_number(std::string_view& from) noexcept {
    std::uint64_t number = 0;
    std::size_t taken = 0;
    for (; taken < from.size(); ++taken) {
        const int value = values[static_cast<unsigned char>(from[taken])];
        if (value < 0) break;
        number = number << 6 | static_cast<unsigned>(value);
        if (number > 0xffff'ffffu) return std::nullopt;
    }
    if (taken == 0) return std::nullopt;
    from.remove_prefix(taken);
    return static_cast<std::uint32_t>(number);
}

bool take(std::string_view& from, char what) noexcept {
    if (from.empty() || from.front() != what) return false;
    from.remove_prefix(1);
    return true;
}

} // namespace

// The same bytes in both.
struct encoder::match {
    std::size_t from = 0;
    std::size_t to = 0;
    std::size_t bytes = 0;

    // Whole characters only, so that what is between copies is text.
    void align(std::string_view target) noexcept {
        for (int i = 0; i < continuations_max && bytes > 0 && continues_character(target[to]); ++i) {
            ++from;
            ++to;
            --bytes;
        }
        for (int i = 0; i < continuations_max && bytes > 0 && to + bytes < target.size() &&
                        continues_character(target[to + bytes]);
             ++i)
            --bytes;
    }
    std::size_t cost() const noexcept {
        return digits_of(static_cast<std::uint32_t>(bytes)) + digits_of(static_cast<std::uint32_t>(from)) + 2;
    }
};

void encoder::index(std::string_view from) {
    const std::size_t blocks = from.size() / block_bytes;
    hash_bits_ = static_cast<unsigned>(std::bit_width(std::max<std::size_t>(blocks, 1)));
    first_.assign(std::size_t{1} << hash_bits_, 0);
    next_.assign(blocks, 0);
    // From the end, so that of several the first is looked at first.
    for (std::size_t i = blocks; i-- > 0;) {
        std::uint32_t& head = first_[block_at(from, i * block_bytes) * 0x9e37'79b9'7f4a'7c15u >> (64 - hash_bits_)];
        next_[i] = std::exchange(head, static_cast<std::uint32_t>(i) + 1);
    }
}

// Of those that have what stands in `to` at `at`; they may reach back to `literal`.
encoder::match encoder::longest(std::string_view from, std::string_view to, std::size_t at, std::size_t literal) const {
    match best;
    const std::uint64_t wanted = block_at(to, at);
    std::uint32_t block = first_[wanted * 0x9e37'79b9'7f4a'7c15u >> (64 - hash_bits_)];
    for (int i = 0; i < candidates_max && block != 0; ++i, block = next_[block - 1]) {
        const std::size_t begin = (block - 1) * block_bytes;
        if (block_at(from, begin) != wanted) continue;
        const std::size_t ahead = std::min(from.size() - begin, to.size() - at);
        std::size_t behind = block_bytes;
        while (behind < ahead && from[begin + behind] == to[at + behind]) ++behind;
        std::size_t before = 0;
        const std::size_t room = std::min(begin, at - literal);
        while (before < room && from[begin - before - 1] == to[at - before - 1]) ++before;
        if (before + behind > best.bytes) best = {begin - before, at - before, before + behind};
    }
    return best;
}

bool encoder::encode(std::string_view from, std::string_view to, std::size_t bytes_max, std::string& out) {
    if (from.size() > input_bytes_max || to.size() > input_bytes_max) return false;
    const std::size_t begin = out.size();
    const auto is_too_long = [&](std::size_t more) { return out.size() - begin + more >= bytes_max; };
    append_number(out, static_cast<std::uint32_t>(to.size()));
    out += '\n';
    index(from);
    std::size_t literal = 0;
    for (std::size_t at = 0; at + block_bytes <= to.size();) {
        match found = longest(from, to, at, literal);
        if (found.bytes > 0) found.align(to);
        if (found.bytes <= found.cost() + literal_head_bytes) {
            ++at;
            continue;
        }
        append_literal(out, to.substr(literal, found.to - literal));
        append_number(out, static_cast<std::uint32_t>(found.bytes));
        out += '@';
        append_number(out, static_cast<std::uint32_t>(found.from));
        out += ',';
        literal = at = found.to + found.bytes;
        if (is_too_long(0)) break;
    }
    if (!is_too_long(to.size() - literal)) {
        append_literal(out, to.substr(literal));
        append_number(out, checksum(to));
        out += ';';
        if (!is_too_long(0)) return true;
    }
    out.resize(begin);
    return false;
}

std::optional<std::string> apply(std::string_view from, std::string_view delta, std::size_t bytes_max) {
    const auto size = take_number(delta);
    if (!size || *size > bytes_max || !take(delta, '\n')) return std::nullopt;
    std::string made;
    made.reserve(*size);
    while (!delta.empty()) {
        const auto number = take_number(delta);
        if (!number) return std::nullopt;
        if (take(delta, '@')) {
            const auto offset = take_number(delta);
            if (!offset || !take(delta, ',') || *offset > from.size() || *number > from.size() - *offset)
                return std::nullopt;
            if (*number > *size - made.size()) return std::nullopt;
            made += from.substr(*offset, *number);
        } else if (take(delta, ':')) {
            if (*number > delta.size() || *number > *size - made.size()) return std::nullopt;
            made += delta.substr(0, *number);
            delta.remove_prefix(*number);
        } else if (take(delta, ';')) {
            if (!delta.empty() || made.size() != *size || checksum(made) != *number) return std::nullopt;
            return made;
        } else {
            return std::nullopt;
        }
    }
    return std::nullopt;
}

} // namespace carillon::fossil
