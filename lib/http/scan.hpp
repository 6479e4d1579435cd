#pragma once

/// \file
/// Where a run of allowed bytes ends. Each search has a version for one byte at a time, which is also the definition of
/// what is allowed, and one for 16 bytes at a time where the processor has SSE2; they give the same answer.

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace carillon::http::scan {

/// tchar of RFC 9110 §5.6.2.
inline constexpr std::array<bool, 256> token_bytes = [] {
    std::array<bool, 256> allowed{};
    for (unsigned char byte = 'a'; byte <= 'z'; ++byte) allowed[byte] = true;
    for (unsigned char byte = 'A'; byte <= 'Z'; ++byte) allowed[byte] = true;
    for (unsigned char byte = '0'; byte <= '9'; ++byte) allowed[byte] = true;
    for (const char byte : std::string_view{"!#$%&'*+-.^_`|~"}) allowed[static_cast<unsigned char>(byte)] = true;
    return allowed;
}();

constexpr bool in_token(char byte) noexcept { return token_bytes[static_cast<unsigned char>(byte)]; }
/// Visible ASCII but '#': a fragment is never sent (RFC 9112 §3.2), and who sends one hopes to be understood in two
/// ways.
constexpr bool in_target(char byte) noexcept { return byte > 0x20 && byte < 0x7f && byte != '#'; }
/// CTL of RFC 5234. All of them but the tab are forbidden in a field value (RFC 9110 §5.5).
constexpr bool is_control(char byte) noexcept {
    const auto code = static_cast<unsigned char>(byte);
    return code < 0x20 || code == 0x7f;
}

template <class Allowed>
constexpr const char* end_of_run(const char* at, const char* end, Allowed allowed) noexcept {
    while (at != end && allowed(*at)) ++at;
    return at;
}

namespace bytewise {
constexpr const char* token_end(const char* at, const char* end) noexcept { return end_of_run(at, end, in_token); }
constexpr const char* target_end(const char* at, const char* end) noexcept { return end_of_run(at, end, in_target); }
/// A bit for each of `size` bytes, at most 64, that is_control.
constexpr std::uint64_t controls(const char* at, std::ptrdiff_t size) noexcept {
    std::uint64_t bits = 0;
    for (std::ptrdiff_t i = 0; i < size; ++i) bits |= std::uint64_t{is_control(at[i])} << i;
    return bits;
}
constexpr std::uint64_t controls_of_64(const char* at) noexcept { return controls(at, 64); }
} // namespace bytewise

#if defined(__SSE2__)

namespace sixteen {

inline __m128i load(const char* at) noexcept { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(at)); }
inline __m128i all(char byte) noexcept { return _mm_set1_epi8(byte); }
// SSE2 compares bytes as signed only; the smaller of two unsigned bytes tells the same.
inline __m128i at_most(__m128i bytes, char limit) noexcept {
    return _mm_cmpeq_epi8(_mm_min_epu8(bytes, all(limit)), bytes);
}
inline unsigned mask(__m128i bytes) noexcept { return static_cast<unsigned>(_mm_movemask_epi8(bytes)); }

/// Bits of the bytes that are neither a letter, a digit nor '-': the rare ones of tchar are left to the caller.
inline unsigned not_in_common_name(__m128i bytes) noexcept {
    const __m128i letters = at_most(_mm_sub_epi8(_mm_or_si128(bytes, all(0x20)), all('a')), 25);
    const __m128i digits = at_most(_mm_sub_epi8(bytes, all('0')), 9);
    const __m128i dashes = _mm_cmpeq_epi8(bytes, all('-'));
    return mask(_mm_or_si128(_mm_or_si128(letters, digits), dashes)) ^ 0xffffU;
}

inline unsigned not_in_target(__m128i bytes) noexcept {
    const __m128i visible = at_most(_mm_sub_epi8(bytes, all(0x21)), 0x7e - 0x21);
    return mask(_mm_andnot_si128(_mm_cmpeq_epi8(bytes, all('#')), visible)) ^ 0xffffU;
}

inline unsigned controls(__m128i bytes) noexcept {
    return mask(_mm_or_si128(at_most(bytes, 0x1f), _mm_cmpeq_epi8(bytes, all(0x7f))));
}

} // namespace sixteen

inline const char* token_end(const char* at, const char* end) noexcept {
    for (; end - at >= 16; at += 16)
        if (const unsigned bits = sixteen::not_in_common_name(sixteen::load(at)); bits != 0) {
            at += std::countr_zero(bits);
            break;
        }
    return at != end && in_token(*at) ? bytewise::token_end(at, end) : at;
}
inline const char* target_end(const char* at, const char* end) noexcept {
    for (; end - at >= 16; at += 16)
        if (const unsigned bits = sixteen::not_in_target(sixteen::load(at)); bits != 0)
            return at + std::countr_zero(bits);
    return bytewise::target_end(at, end);
}
/// A bit for each of the 64 bytes that is_control; the lowest for the first.
inline std::uint64_t controls_of_64(const char* at) noexcept {
    const std::uint64_t low = sixteen::controls(sixteen::load(at)) | sixteen::controls(sixteen::load(at + 16)) << 16;
    const std::uint64_t high = sixteen::controls(sixteen::load(at + 32)) | sixteen::controls(sixteen::load(at + 48))
                                                                               << 16;
    return low | high << 32;
}

#else

using bytewise::controls_of_64;
using bytewise::target_end;
using bytewise::token_end;

#endif

/// Walks over the control bytes from left to right. It finds them 64 bytes at a time and not line by line: where one
/// line ends is then known before the last one has been read, which takes a third off the time of a whole head.
class control_bytes {
public:
    /// `at` is the first byte to look at, `begin` the first that may be read at all.
    control_bytes(const char* begin, const char* at, const char* end) noexcept : begin_{begin}, next_{at}, end_{end} {}

    /// The next one; the end if there is none.
    const char* next() noexcept {
        while (bits_ == 0) {
            if (next_ == end_) return end_;
            look_further();
        }
        const char* const found = block_ + std::countr_zero(bits_);
        bits_ &= bits_ - 1;
        return found;
    }

private:
    void look_further() noexcept {
        block_ = next_;
        const auto left = end_ - next_;
        if (left >= 64) {
            bits_ = controls_of_64(next_);
            next_ += 64;
        } else {
            // The last bytes: together with some before them they are 64 again, unless there are none.
            bits_ = end_ - begin_ >= 64 ? controls_of_64(end_ - 64) >> (64 - left) : bytewise::controls(next_, left);
            next_ = end_;
        }
    }

    const char* begin_;
    const char* next_; // the first byte not looked at
    const char* end_;
    const char* block_ = nullptr; // the byte of the lowest bit
    std::uint64_t bits_ = 0;      // of the control bytes that next() has not given yet
};

} // namespace carillon::http::scan
