#include "http/date.hpp"

#include <fmt/format.h>

#include <array>
#include <chrono>
#include <string_view>

namespace carillon::http {

void write_date(std::span<char, date_bytes> out, std::int64_t unix_time_s) noexcept {
    // By hand: strftime would write the names in the language of the locale.
    constexpr std::array<std::string_view, 7> days{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    constexpr std::array<std::string_view, 12> months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const std::chrono::sys_seconds when{std::chrono::seconds{unix_time_s}};
    const auto midnight = std::chrono::floor<std::chrono::days>(when);
    const std::chrono::year_month_day date{midnight};
    const std::chrono::hh_mm_ss time{when - midnight};
    fmt::format_to_n(out.data(), out.size(), "{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT",
                     days[std::chrono::weekday{midnight}.c_encoding()], static_cast<unsigned>(date.day()),
                     months[static_cast<unsigned>(date.month()) - 1], static_cast<int>(date.year()),
                     time.hours().count(), time.minutes().count(), time.seconds().count());
}

} // namespace carillon::http
