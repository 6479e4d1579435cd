#pragma once

/// \file
/// Where a run of allowed bytes ends. Each search has a version for one byte at a time, which is also the definition of
/// what is allowed, and one for 16 bytes at a time where the processor has SSE2; they give the same answer.

#include <array>
#include <bit>
#include <cstddef>
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
/// field-vchar, space and tab of RFC 9110 §5.5: everything but control bytes.
constexpr bool in_value(char byte) noexcept {
    const auto code = static_cast<unsigned char>(byte);
    return (code >= 0x20 && code != 0x7f) || code == '\t';
}

template <class Allowed>
constexpr const char* end_of_run(const char* at, const char* end, Allowed allowed) noexcept {
    while (at != end && allowed(*at)) ++at;
    return at;
}

namespace bytewise {
constexpr const char* token_end(const char* at, const char* end) noexcept { return end_of_run(at, end, in_token); }
constexpr const char* target_end(const char* at, const char* end) noexcept { return end_of_run(at, end, in_target); }
constexpr const char* value_end(const char* at, const char* end) noexcept { return end_of_run(at, end, in_value); }
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

/// Bits of all control bytes, also of the tab, which is allowed but rare.
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
inline const char* control_end(const char* at, const char* end) noexcept {
    // 32 bytes in a round, because most lines then end in the first or the second.
    for (; end - at >= 32; at += 32)
        if (const unsigned bits = sixteen::controls(sixteen::load(at)) | sixteen::controls(sixteen::load(at + 16))
                                                                             << 16;
            bits != 0)
            return at + std::countr_zero(bits);
    for (; end - at >= 16; at += 16)
        if (const unsigned bits = sixteen::controls(sixteen::load(at)); bits != 0) return at + std::countr_zero(bits);
    return bytewise::value_end(at, end);
}
inline const char* value_end(const char* at, const char* end) noexcept {
    at = control_end(at, end);
    while (at != end && *at == '\t') at = control_end(at + 1, end);
    return at;
}

#else

using bytewise::target_end;
using bytewise::token_end;
using bytewise::value_end;

#endif

} // namespace carillon::http::scan
