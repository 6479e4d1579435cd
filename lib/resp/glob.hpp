#pragma once

#include <string_view>

namespace carillon::resp {

/// Whether `text` matches `pattern` by the rules of PSUBSCRIBE in Redis 7 (stringmatchlen): '*' any bytes, '?' any
/// byte,
/// '[ab-d]' one of these, '[^ab-d]' none of these, '\c' the byte c. An unclosed class ends with the pattern; the ends
/// of a range may be in either order; '*' does not match the empty text, as in Redis.
///
/// One difference: ranges compare bytes without sign, where Redis compares as the machine's `char` happens to.
/// Takes at most pattern.size() * text.size() steps, whatever the pattern. Pure.
bool glob_match(std::string_view pattern, std::string_view text) noexcept;

} // namespace carillon::resp
