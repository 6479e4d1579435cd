#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace carillon::http {

/// Bytes of "Sun, 06 Nov 1994 08:49:37 GMT".
inline constexpr std::size_t date_bytes = 29;

/// Writes an IMF-fixdate (RFC 9110 §5.6.7) for a time in seconds since 1970, of the years 0 to 9999.
void write_date(std::span<char, date_bytes> out, std::int64_t unix_time_s) noexcept;

} // namespace carillon::http
